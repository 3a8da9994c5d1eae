// Python environments of tests: made when they first run, and again when their requirements change.
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

export interface VenvSetting {
  /** In `.tools`; the load test has `.venv` to itself. */
  readonly name: string
  /** A requirements.txt. */
  readonly requirements: string
  /** What is imported to see that it is all there. */
  readonly module: string
}

export type VenvPython =
  | { readonly found: true; readonly python: string }
  /** What to install, as a sentence. */
  | { readonly found: false; readonly missing: string }

export async function prepareVenv({ name, requirements, module }: VenvSetting): Promise<VenvPython> {
  const venv = path.join(PROJECT, '.tools', name)
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
  if (await isReady(venv, module, wanted)) return { found: true, python: pythonIn(venv) }
  const python = await findPython()
  if (python === null) {
    return {
      found: false,
      missing: `install Python 3.${PYTHON_MINOR_MIN} or newer with venv and pip (on Debian: apt install python3 python3-venv)`,
    }
  }
  // Made aside, so that a run beside this one never sees half of it.
  const fresh = `${venv}.${process.pid}`
  try {
    await run(python, ['-m', 'venv', '--clear', fresh], { timeout: INSTALL_MS })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
    await run(pythonIn(fresh), pip, { timeout: INSTALL_MS })
    await writeFile(stampIn(fresh), wanted)
    // Another run that was faster uses its own already.
    if (!(await isReady(venv, module, wanted))) {
      await rm(venv, { recursive: true, force: true })
      await rename(fresh, venv)
    }
  } catch (error) {
    if (!(await isReady(venv, module, wanted))) return { found: false, missing: explain(venv, python, error) }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return { found: true, python: pythonIn(venv) }
}

const pythonIn = (venv: string): string => path.join(venv, 'bin/python')
const stampIn = (venv: string): string => path.join(venv, 'requirements.sha256')

/** A stamp does not help when the Python below the environment has been removed since. */
async function isReady(venv: string, module: string, wanted: string): Promise<boolean> {
  const installed = await readFile(stampIn(venv), 'utf8').catch(() => '')
  return (
    installed === wanted &&
    run(pythonIn(venv), ['-c', `import ${module}`]).then(
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
function explain(venv: string, python: string, error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n')
  return `${python} could not make ${venv}; it needs venv and pip (on Debian: apt install python3-venv) and a package index:\n${said || String(error)}`
}
