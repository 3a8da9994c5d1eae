// Schemas of names, bytes and clocks: a value from another process is checked on arrival.
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

/** Bytes that are base64 in every version, since actors store them as JSON. */
export const base64Schema = z.base64()

/** Bytes: raw in a frame, base64 in JSON. */
export const bytesSchema = z.unknown().transform((value, context): Uint8Array => {
  if (value instanceof Uint8Array) return value
  if (base64Schema.safeParse(value).success) return base64ToBytes(value as string)
  context.addIssue({ code: 'custom', message: 'neither bytes nor base64' })
  return z.NEVER
})

/**
 * The sender's clock now, milliseconds since the epoch. Clocks differ: the receiver shifts the times in the body by the
 * difference to its own clock.
 */
export const clockSchema = z.number()
