// The client id of a command, if the user gives none: one of a few names of this machine, since every client id ever used has an
// actor, a row in the directory and a presence. A lock keeps two commands from the same name: one would take over the other.
import { mkdir } from 'node:fs/promises'
import { hostname, tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import type { ClientId } from '../id/ids.ts'
import { Exit, Failure } from './exit.ts'
import { takeLock } from './lock.ts'
import { type As, clientOf, type Place } from './place.ts'

const NAMES_MAX = 100
const HOST_CHARS_MAX = 40

export interface Named extends As {
  /** When the connection has ended. */
  readonly free: () => Promise<void>
}

/**
 * The client id of a command.
 * @param wanted by the user
 * @param command makes the name if neither the user nor a token gives one: `cli-<command>-<host>-<n>`
 */
export async function nameOf(place: Place, wanted: ClientId | undefined, command: string): Promise<Named> {
  if (wanted !== undefined || place.token !== null)
    return { ...(await clientOf(place, wanted, '')), free: async () => undefined }
  const folder = path.join(tmpdir(), `starling-${userInfo().uid}`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const host = hostname()
    .replaceAll(/[^\w.-]/g, '')
    .slice(0, HOST_CHARS_MAX)
  for (let n = 1; n <= NAMES_MAX; n++) {
    const name = `cli-${command}-${host}-${n}`
    const lock = await takeLock(path.join(folder, name))
    if (lock.taken) return { ...(await clientOf(place, name as ClientId, '')), free: lock.free }
  }
  throw new Failure(Exit.Failed, `${NAMES_MAX} of these commands run on this machine: name another --client`)
}
