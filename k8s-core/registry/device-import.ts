// Imports many devices: each line creates a device, or changes it. The same lines again change nothing.
import type { ClientId, FleetId } from '../../src/id/ids.ts'
import { parseSecret } from '../../src/id/secret.ts'
import { CREDENTIALS_MAX } from '../../src/relay/access.ts'
import { IMPORT_ABREAST } from '../limits.ts'
import { type MadeCredential, makeCredential, type ShownCredential } from './credentials.ts'
import { type DevicePatch, patching, sorted } from './device-patch.ts'
import type { Devices, Refusal } from './devices.ts'

export interface ImportLine extends DevicePatch {
  readonly id: ClientId
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** True: the server creates a credential for a new device. */
  readonly credential?: boolean | undefined
  /** A secret that the caller has made: if the answer is lost, a repeated import loses nothing. */
  readonly secret?: string | undefined
}

export type ImportResult =
  | { readonly id: string; readonly status: 'created'; readonly credential: ShownCredential | null }
  | { readonly id: string; readonly status: 'updated' | 'unchanged' }
  | { readonly id: string; readonly status: 'failed'; readonly because: Refusal | 'store' }

/** One result for each line, in order. */
export async function importDevices(
  devices: Devices,
  fleet: FleetId,
  lines: readonly ImportLine[],
  now: number,
): Promise<ImportResult[]> {
  const results: ImportResult[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < lines.length; at = next++) {
      const line = lines[at]
      if (line === undefined) continue
      results[at] = await importOne(devices, fleet, line, now).catch(
        (): ImportResult => ({ id: line.id, status: 'failed', because: 'store' }),
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(IMPORT_ABREAST, lines.length) }, work))
  return results
}

async function importOne(
  devices: Devices,
  fleet: FleetId,
  line: ImportLine,
  now: number,
): Promise<ImportResult> {
  const { id, type = null, attributes = {}, groups = [], enabled = true, credential = false, secret } = line
  const made = credential || secret !== undefined ? await makeCredential(now, null, secret ?? null) : null
  const described = {
    type,
    attributes: sorted(Object.entries(attributes)),
    groups: [...new Set(groups)].sort(),
    enabled,
  }
  const created = await devices.create(fleet, id, described, made?.stored ?? null)
  if (created.status === 'done')
    return { id, status: 'created', credential: secret === undefined ? (made?.shown ?? null) : null }
  if (created.status !== 'exists') return { id, status: 'failed', because: created }
  const changed = await devices.change(fleet, id, null, (device, at) => {
    const patched = patching(line, false)(device, at)
    return patched === null || 'status' in patched ? patched : withSecret(patched, secret, made)
  })
  if (changed.status !== 'done') return { id, status: 'failed', because: changed }
  const same = changed.device.version === created.device.version
  return { id, status: same ? 'unchanged' : 'updated' }
}

function withSecret(
  record: Exclude<ReturnType<ReturnType<typeof patching>>, null | Refusal>,
  secret: string | undefined,
  made: MadeCredential | null,
) {
  const id = secret === undefined ? undefined : parseSecret(secret)?.id
  const known = [...record.credentials, ...record.revoked].some((one) => one.id === id)
  if (id === undefined || made === null || known) return record
  if (record.credentials.length >= CREDENTIALS_MAX) return { status: 'full', field: 'credentials' } as const
  return { ...record, credentials: [...record.credentials, made.stored] }
}
