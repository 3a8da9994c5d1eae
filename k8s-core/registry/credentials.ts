// A device's credentials: new ones beside the old, an end set to the old ones, and revocation.
import type { ClientId, FleetId } from '../../src/id/ids.ts'
import { hashSecret, newSecret, parseSecret } from '../../src/id/secret.ts'
import { CREDENTIALS_MAX, REVOKED_IDS_MAX } from '../../src/relay/access.ts'
import { type Credential, recordOf } from './device-record.ts'
import type { ChangeDevice, Devices, Done, Refusal } from './devices.ts'

/** Returned this once: the registry stores no secret. */
export interface ShownCredential {
  readonly id: string
  readonly secret: string
  readonly createdAt: number
  readonly notAfter: number | null
}

export interface MadeCredential {
  readonly shown: ShownCredential
  readonly stored: Credential
}

/**
 * @param given a secret of the caller's own making, as from a factory's list; null for a fresh one
 * @param notAfter its expiry, ms; null for never
 */
export async function makeCredential(
  now: number,
  notAfter: number | null,
  given: string | null = null,
): Promise<MadeCredential> {
  const { id, secret } =
    given === null ? newSecret('credential') : { id: parseSecret(given)?.id ?? '', secret: given }
  const shown = { id, secret, createdAt: now, notAfter }
  return { shown, stored: { id, createdAt: now, notAfter, ...(await hashSecret(secret)) } }
}

/**
 * Adds a credential. The others keep their expiry, or expire after the grace period if that is earlier.
 * @param graceMs null: until they are revoked
 */
export async function rotate(
  devices: Devices,
  fleet: FleetId,
  id: ClientId,
  match: number | null,
  made: MadeCredential,
  graceMs: number | null,
): Promise<Done | Refusal> {
  return devices.change(fleet, id, match, (device, at) => {
    const remaining = device.credentials
      .filter((one) => !hasEnded(one, at))
      .map((one) =>
        graceMs === null ? one : { ...one, notAfter: Math.min(one.notAfter ?? Infinity, at + graceMs) },
      )
    if (remaining.length >= CREDENTIALS_MAX) return { status: 'full', field: 'credentials' }
    return { ...recordOf(device), credentials: [...remaining, made.stored] }
  })
}

/** @param credential null for all of them */
export function revoke(
  devices: Devices,
  fleet: FleetId,
  id: ClientId,
  match: number | null,
  credential: string | null,
): Promise<Done | Refusal> {
  return devices.change(fleet, id, match, revoking(credential))
}

export function revoking(credential: string | null): ChangeDevice {
  return (device, at) => {
    const gone = device.credentials.filter((one) => credential === null || one.id === credential)
    if (credential !== null && gone.length === 0 && !device.revoked.some((one) => one.id === credential))
      return { status: 'unknown' }
    const revoked = [...device.revoked, ...gone.map((one) => ({ id: one.id, revokedAt: at }))]
    return {
      ...recordOf(device),
      credentials: device.credentials.filter((one) => !gone.includes(one)),
      revoked: revoked.slice(-REVOKED_IDS_MAX),
    }
  }
}

export function hasEnded({ notAfter }: Credential, now: number): boolean {
  return notAfter !== null && notAfter <= now
}
