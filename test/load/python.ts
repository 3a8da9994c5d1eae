import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Children } from './children.ts'

const run = promisify(execFile)

// The floor of the pinned Locust.
const PYTHON_MINOR_MIN = 11
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']

async function findPython(): Promise<string> {
  for (const candidate of CANDIDATES) {
    try {
      const { stdout } = await run(candidate, ['-c', 'import sys; print(*sys.version_info[:2])'])
      const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number)
      if (major === 3 && minor >= PYTHON_MINOR_MIN) return candidate
    } catch {
      // Not installed, or a version manager's placeholder for a version that is not.
    }
  }
  throw new Error(`the load test needs Python 3.${PYTHON_MINOR_MIN} or newer, and found none on the PATH`)
}

/**
 * Makes the virtual environment `venv` and installs `requirements` into it, unless that has been done for exactly
 * these requirements. Returns the path of its python.
 */
export async function preparePython(venv: string, requirements: string, children: Children): Promise<string> {
  const python = join(venv, 'bin', 'python')
  const stamp = join(venv, 'requirements.sha256')
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
  const installed = await readFile(stamp, 'utf8').catch(() => '')
  // A stamp does not help when the Python below the environment has been removed since.
  if (installed === wanted && (await works(python))) return python

  process.stdout.write(`installing Locust into ${venv}\n`)
  await children.run(await findPython(), ['-m', 'venv', '--clear', venv])
  await children.run(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    requirements,
  ])
  await writeFile(stamp, wanted)
  return python
}

async function works(python: string): Promise<boolean> {
  return run(python, ['-c', 'import locust.contrib.mqtt']).then(
    () => true,
    () => false,
  )
}
