// A file that says which process has something, so that no second one takes it: a local run's folder, a client id.
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'

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
      if (owner !== null && alive(owner)) return { taken: false, owner }
      await removeStale(file)
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/** Another may have removed it meanwhile and taken the lock: that one is put back. */
async function removeStale(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const owner = await ownerOf(aside)
  if (owner !== null && alive(owner)) await link(aside, file).catch(() => undefined)
  await rm(aside, { force: true })
}

async function ownerOf(file: string): Promise<number | null> {
  const owner = Number(await readFile(file, 'utf8').catch(() => ''))
  return Number.isInteger(owner) && owner > 0 ? owner : null
}

function alive(pid: number): boolean {
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
