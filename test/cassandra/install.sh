#!/bin/sh
# Installs what the tests with Cassandra need on a bare Debian or Ubuntu machine: Java 17 and Maven.
set -eu

has_java() {
  ls /usr/lib/jvm/*1[17]*/bin/java >/dev/null 2>&1 || java -version 2>&1 | grep -Eq 'version "1[17]\b'
}
if has_java && command -v mvn >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Java 17 and Maven are missing, and this is not root on Debian: install them, or set CASSANDRA_CONTACT_POINTS." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven
