// The previous release: which commit it is, and its parts, taken from the history of git into a folder that git ignores.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'

/** The one place that names the previous release. A new release moves it, and empties LEFT_OUT (left-out.ts). */
export const PREVIOUS_RELEASE = '71064ab0725fb439bd241b52083eec2d36e0f0c0'

/** Which code a local run is made of. `old-core` and `old-edge` are today's code but for that part. */
export const MAKES = ['today', 'previous', 'old-core', 'old-edge'] as const
export type Make = (typeof MAKES)[number]

const PROJECT = path.join(import.meta.dirname, '..', '..')
const CACHE = path.join(PROJECT, '.compatibility')
/** What runs of a release; its tests stay in the archive. */
const PARTS = ['src', 'actors', 'k8s-core', 'package.json', 'tsconfig.base.json']

/** What a run is made of, from the environment: COMPATIBILITY=old-core, for one. */
export function chosenMake(): Make {
  const name = process.env.COMPATIBILITY
  if (name === undefined || name === '') return 'today'
  const make = MAKES.find((one) => one === name)
  if (make === undefined) throw new Error(`COMPATIBILITY is '${name}', not one of ${MAKES.join(', ')}`)
  return make
}

/**
 * Null if the history has the previous release. Otherwise why it has not; then tests that need the release are skipped with
 * a warning, or fail where CI is set.
 */
export function missingRelease(): string | null {
  const found = spawnSync('git', ['cat-file', '-e', `${PREVIOUS_RELEASE}^{commit}`], { cwd: PROJECT })
  if (found.status === 0) return null
  const text = `compatibility tests need commit ${PREVIOUS_RELEASE}: a clone with its history (git fetch --unshallow)`
  if (process.env.CI) throw new Error(text)
  process.stderr.write(`\n  !!  SKIPPED: all tests with the previous release.\n  !!  ${text}\n\n`)
  return text
}

/** The folder of the previous release's code. The packages are today's. */
export function previousRelease(): string {
  const folder = path.join(CACHE, PREVIOUS_RELEASE)
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  // Made elsewhere and renamed, because two test files may ask at the same moment.
  const making = mkdtempSync(path.join(CACHE, 'making-'))
  try {
    const archive = execFileSync('git', ['archive', PREVIOUS_RELEASE, ...PARTS], {
      cwd: PROJECT,
      maxBuffer: 1 << 28,
    })
    execFileSync('tar', ['-x', '-C', making], { input: archive })
    symlinkSync(path.join(PROJECT, 'node_modules'), path.join(making, 'node_modules'), 'dir')
    renameSync(making, folder)
  } catch (cause) {
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(folder)) throw new Error(`the previous release cannot be unpacked`, { cause })
  }
  return folder
}

/** The module that runs `starling up` of this make. */
export function upModule(make: Make): string {
  if (make === 'today') return path.join(PROJECT, 'src', 'cli', 'starling.ts')
  if (make === 'previous') return path.join(previousRelease(), 'src', 'cli', 'starling.ts')
  return path.join(import.meta.dirname, 'mixed-up.ts')
}
