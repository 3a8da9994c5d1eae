// Lock files: each names the process that owns a thing (a local run's folder, a client id).
import { randomUUID } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const GUARD_MS = 10_000
const GUARD_PAUSE_MS = 10

export type Lock =
  | { readonly taken: true; readonly free: () => Promise<void> }
  | { readonly taken: false; readonly owner: number }

/** Takes the lock, or returns its owner. The lock of a dead process is free. */
export async function takeLock(file: string): Promise<Lock> {
  const mine = `${file}.${randomUUID()}`
  await writeFile(mine, String(process.pid), { mode: 0o600 })
  try {
    for (;;) {
      try {
        // Linked with its content, so that nobody reads a lock without an owner.
        await link(mine, file)
        return { taken: true, free: () => rm(file, { force: true }) }
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
      }
      const owner = await ownerOf(file)
      if (owner === null) continue
      if (alive(owner)) return { taken: false, owner }
      await removeStale(file, mine)
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/**
 * Removes the lock of a dead process. One process at a time, and it looks again first: otherwise it could remove a lock that another
 * process has taken since.
 * @param mine a file of this process
 */
async function removeStale(file: string, mine: string): Promise<void> {
  const guard = `${file}.stale`
  try {
    await link(mine, guard)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    // Another process is removing it, or died while doing so.
    const since = await stat(guard).then(
      ({ ctimeMs }) => Date.now() - ctimeMs,
      () => 0,
    )
    if (since > GUARD_MS) await rm(guard, { force: true })
    else await sleep(GUARD_PAUSE_MS)
    return
  }
  try {
    const owner = await ownerOf(file)
    if (owner !== null && !alive(owner)) await rm(file, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

/** 0 if the lock names no process; null if there is no lock. */
async function ownerOf(file: string): Promise<number | null> {
  try {
    const owner = Number(await readFile(file, 'utf8'))
    return Number.isInteger(owner) && owner > 0 ? owner : 0
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

function alive(pid: number): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
