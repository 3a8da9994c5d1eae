#!/usr/bin/env bash
# Brings Python 3 with venv, where it is missing and can be installed.
set -euo pipefail
if python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && apt-get install -y -qq python3 python3-venv
else
  echo "Python 3.9 or later with venv is needed for the tests with Python's paho-mqtt" >&2
  exit 1
fi
