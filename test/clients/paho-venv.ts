// The Python environment of the paho tests: made when they first run, and again when its requirements change.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './commands.ts'

const run = promisify(execFile)

const PYTHON_MINOR_MIN = 9
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const INSTALL_MS = 120_000

/** The load test has `.venv` to itself. */
const VENV = path.join(PROJECT, '.tools/paho-venv')
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt')

export type PahoPython =
  | { readonly found: true; readonly python: string }
  /** What to install, as a sentence. */
  | { readonly found: false; readonly missing: string }

export async function preparePaho(): Promise<PahoPython> {
  const wanted = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
  if (await isReady(wanted)) return { found: true, python: pythonIn(VENV) }
  const python = await findPython()
  if (python === null) {
    return {
      found: false,
      missing: `install Python 3.${PYTHON_MINOR_MIN} or newer with venv and pip (on Debian: apt install python3 python3-venv)`,
    }
  }
  // Made aside, so that a run beside this one never sees half of it.
  const fresh = `${VENV}.${process.pid}`
  try {
    await run(python, ['-m', 'venv', '--clear', fresh], { timeout: INSTALL_MS })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]
    await run(pythonIn(fresh), pip, { timeout: INSTALL_MS })
    await writeFile(stampIn(fresh), wanted)
    // Another run that was faster uses its own already.
    if (!(await isReady(wanted))) {
      await rm(VENV, { recursive: true, force: true })
      await rename(fresh, VENV)
    }
  } catch (error) {
    if (!(await isReady(wanted))) return { found: false, missing: explain(python, error) }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return { found: true, python: pythonIn(VENV) }
}

const pythonIn = (venv: string): string => path.join(venv, 'bin/python')
const stampIn = (venv: string): string => path.join(venv, 'requirements.sha256')

/** A stamp does not help when the Python below the environment has been removed since. */
async function isReady(wanted: string): Promise<boolean> {
  const installed = await readFile(stampIn(VENV), 'utf8').catch(() => '')
  return (
    installed === wanted &&
    run(pythonIn(VENV), ['-c', 'import paho.mqtt.client']).then(
      () => true,
      () => false,
    )
  )
}

async function findPython(): Promise<string | null> {
  for (const candidate of CANDIDATES) {
    try {
      const { stdout } = await run(candidate, ['-c', 'import sys; print(*sys.version_info[:2])'])
      const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number)
      if (major === 3 && minor >= PYTHON_MINOR_MIN) return candidate
    } catch {
      // Not installed, or a version manager's placeholder for a version that is not.
    }
  }
  return null
}

/** Debian's Python without python3-venv explains itself on standard output, pip on standard error. */
function explain(python: string, error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n')
  return `${python} could not make ${VENV}; it needs venv and pip (on Debian: apt install python3-venv) and a package index to install paho-mqtt from:\n${said || String(error)}`
}
