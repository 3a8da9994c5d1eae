// What a command is called as a client, where nobody says: one of few names of this machine, since every name that was ever
// used has an actor, a row in the directory and a presence, and one that another command has now would be taken from it.
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
 * Who a command is as an MQTT client.
 * @param wanted what the user asked for
 * @param command for the name, where neither the user nor a token says: `cli-<command>-<host>-<n>`
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
