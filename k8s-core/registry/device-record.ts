// The registry's record of a device, its index rows, and the part of the record that edges get.
import { z } from 'zod'
import type { ClientId } from '../../src/id/ids.ts'
import type { Access } from '../../src/relay/access.ts'
import type { Index, IndexRow } from '../store/registry-port.ts'

const credentialSchema = z.object({
  id: z.string(),
  salt: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  /** When it ends, ms; null for never. */
  notAfter: z.number().nullable(),
})
export type Credential = z.infer<typeof credentialSchema>

export const deviceRecordSchema = z.object({
  type: z.string().nullable(),
  attributes: z.record(z.string(), z.string()),
  groups: z.array(z.string()),
  enabled: z.boolean(),
  createdAt: z.number(),
  updatedAt: z.number(),
  credentials: z.array(credentialSchema),
  revoked: z.array(z.object({ id: z.string(), revokedAt: z.number() })),
  /** The claim token that made it, and the hash of the nonce by which the device may ask once more. */
  claim: z
    .object({ token: z.string(), nonce: z.object({ salt: z.string(), hash: z.string() }).nullable() })
    .nullable(),
})
export type DeviceRecord = z.infer<typeof deviceRecordSchema>

export interface RegisteredDevice extends DeviceRecord {
  readonly id: ClientId
  readonly version: number
}

/** The record, without the fields that the caller added. */
export function recordOf(device: DeviceRecord): DeviceRecord {
  const { type, attributes, groups, enabled, createdAt, updatedAt, credentials, revoked, claim } = device
  return { type, attributes, groups, enabled, createdAt, updatedAt, credentials, revoked, claim }
}

/** Buckets of an index: of ten million devices each holds 160,000. */
const BUCKETS = 64

export const ALL_DEVICES: Index = { name: 'devices', buckets: BUCKETS }
export const GROUPS: Index = { name: 'groups', buckets: 1 }

export function groupIndex(group: string): Index {
  return { name: `group ${group}`, buckets: BUCKETS }
}

/** The index key of an attribute; a name has no `=`. */
export function attributeIndex(name: string, value: string): Index {
  return { name: `attribute ${name}=${value}`, buckets: BUCKETS }
}

export function typeIndex(type: string): Index {
  return { name: `type ${type}`, buckets: BUCKETS }
}

/** All rows by which the device is found. */
export function rowsOf(id: ClientId, { type, attributes, groups }: DeviceRecord): IndexRow[] {
  return [
    { index: ALL_DEVICES, entry: id },
    ...(type === null ? [] : [{ index: typeIndex(type), entry: id }]),
    ...groups.map((group) => ({ index: groupIndex(group), entry: id })),
    ...Object.entries(attributes).map(([name, value]) => ({ index: attributeIndex(name, value), entry: id })),
    // A group exists from its first device on.
    ...groups.map((group) => ({ index: GROUPS, entry: group })),
  ]
}

/** Index rows of the former state that the new one does not have; groups go on to exist. */
export function leftRows(id: ClientId, former: DeviceRecord, next: DeviceRecord | null): IndexRow[] {
  const remaining = new Set(next === null ? [] : rowsOf(id, next).map(({ index }) => index.name))
  return rowsOf(id, former).filter(({ index }) => index !== GROUPS && !remaining.has(index.name))
}

export function accessOf({ version, enabled, credentials, revoked }: Omit<RegisteredDevice, 'id'>): Access {
  return {
    version,
    enabled,
    credentials: credentials.map(({ id, salt, hash, notAfter }) => ({ id, salt, hash, notAfter })),
    revoked: revoked.map(({ id }) => id),
  }
}

/** The index rows of a removed device. */
export function noAccess(version: number): Access {
  return { version, enabled: true, credentials: [], revoked: [] }
}
