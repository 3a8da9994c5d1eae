// Shared by the registry's routes: devices in the public API's form, refusals as problems, cursors.
import type { z } from 'zod'
import { z as schema } from 'zod'
import type { credentialSchema, deviceSchema, shownCredentialSchema } from '../../src/api/devices.ts'
import { decodeCursor, encodeCursor } from '../../src/api/paging.ts'
import type { FleetId } from '../../src/id/ids.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import type { ShownCredential } from '../registry/credentials.ts'
import type { RegisteredDevice } from '../registry/device-record.ts'
import type { Refusal } from '../registry/devices.ts'
import type { IndexCursor } from '../store/registry-port.ts'

export function shownDevice(fleet: FleetId, device: RegisteredDevice): z.infer<typeof deviceSchema> {
  const { id, type, attributes, groups, enabled, createdAt, updatedAt, credentials, revoked } = device
  return {
    id,
    fleet,
    type,
    attributes,
    groups,
    enabled,
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
    credentials: credentials.map(shownEnd),
    revoked: revoked.map((one) => ({ id: one.id, revokedAt: iso(one.revokedAt) })),
  }
}

function shownEnd({
  id,
  createdAt,
  notAfter,
}: Omit<ShownCredential, 'secret'>): z.infer<typeof credentialSchema> {
  return { id, createdAt: iso(createdAt), expiresAt: notAfter === null ? null : iso(notAfter) }
}

export function shownCredential(made: ShownCredential): z.infer<typeof shownCredentialSchema> {
  return { ...shownEnd(made), secret: made.secret }
}

export function iso(at: number): string {
  return new Date(at).toISOString()
}

export function etagOf({ version }: RegisteredDevice): string {
  return `"${version}"`
}

/** The problem for an unknown device in the path. */
export function unknownDevice(field = 'device') {
  return problemResponse('unknown-device', 'No such device is registered', { field })
}

export function changedMeanwhile(device: RegisteredDevice) {
  return problemResponse('version-mismatch', 'The device has been changed since', {
    field: 'If-Match',
    detail: `the version is ${etagOf(device)}`,
  })
}

export function refusalText(refusal: Refusal): string {
  switch (refusal.status) {
    case 'unknown':
      return 'no such device is registered'
    case 'exists':
      return 'the device is registered already'
    case 'changed':
      return 'the device has been changed since'
    case 'full':
      return `the device has as many ${refusal.field} as it may have`
    default:
      return refusal satisfies never
  }
}

const positionSchema = schema.object({ bucket: schema.int().min(0).max(1023), entry: schema.string() })

/** Undefined for text that is not a cursor. */
export function positionOf(cursor: string | undefined): IndexCursor | null | undefined {
  if (cursor === undefined || cursor === '') return null
  return decodeCursor(cursor, positionSchema) ?? undefined
}

export function notACursor() {
  return problemResponse('invalid-cursor', 'The request is not valid', {
    field: 'cursor',
    detail: 'not a cursor',
  })
}

export function cursorOf(next: IndexCursor | null): string | null {
  return next === null ? null : encodeCursor(next)
}
