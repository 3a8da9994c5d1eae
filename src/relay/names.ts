// The system's names as schemas: a name that crosses a process is checked where it arrives.
import { z } from 'zod'
import {
  type ClientId,
  type FleetId,
  parseClientId,
  parseFleetId,
  parseRegionId,
  type RegionId,
  type Root,
} from '../id/ids.ts'
import { base64ToBytes } from './base64.ts'

export const fleetSchema = z
  .string()
  .refine((text) => parseFleetId(text) !== null, 'not a fleet')
  .transform((text) => text as FleetId)

export const clientSchema = z
  .string()
  .refine((text) => parseClientId(text) !== null, 'not a client id')
  .transform((text) => text as ClientId)

export const regionSchema = z
  .string()
  .refine((text) => parseRegionId(text) !== null, 'not a region')
  .transform((text) => text as RegionId)

export const rootSchema = z
  .string()
  .min(1)
  .max(65_535)
  .transform((text) => text as Root)

/** Positive; 0 is "never had a home". */
export const epochSchema = z.int().min(0)

/** Bytes that are text in every version: what actors store as JSON. */
export const base64Schema = z.base64()

/** Bytes: in a frame they came as they are, in JSON as base64. */
export const bytesSchema = z.unknown().transform((given, context): Uint8Array => {
  if (given instanceof Uint8Array) return given
  if (base64Schema.safeParse(given).success) return base64ToBytes(given as string)
  context.addIssue({ code: 'custom', message: 'neither bytes nor base64' })
  return z.NEVER
})

/**
 * What the clock of whoever sends this says now, milliseconds since the epoch. Clocks differ; the receiver moves the times in
 * what it was sent by the difference to its own.
 */
export const clockSchema = z.number()
