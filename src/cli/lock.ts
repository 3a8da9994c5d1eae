// A file that says which process has something, so that no second one takes it: a local run's folder, a client id.
import { randomUUID } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const GUARD_MS = 10_000
const GUARD_PAUSE_MS = 10

export type Lock =
  | { readonly taken: true; readonly free: () => Promise<void> }
  | { readonly taken: false; readonly owner: number }

/** Takes it, or says who has it. What a process that is gone has left behind is nobody's. */
export async function takeLock(file: string): Promise<Lock> {
  const mine = `${file}.${randomUUID()}`
  await writeFile(mine, String(process.pid), { mode: 0o600 })
  try {
    for (;;) {
      try {
        // With its content at once: nobody ever reads a lock that does not say whose it is.
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
 * One at a time, who looks again before it removes: else one could remove what another has taken meanwhile.
 * @param mine a file of this process
 */
async function removeStale(file: string, mine: string): Promise<void> {
  const guard = `${file}.stale`
  try {
    await link(mine, guard)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    // Its owner is at it, or has died of it.
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

/** 0 where the lock names nobody; null where there is no lock. */
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
