// Who may connect as a device: what the registry says of it, asked by the device's actor and told to it.
import { z } from 'zod'
import { clientSchema, clockSchema, fleetSchema, regionSchema } from './names.ts'

export const CREDENTIALS_MAX = 8
export const REVOKED_KEPT_MAX = 16

export const accessSchema = z.object({
  /** Of the device's entry: the highest is the newest. */
  version: z.int().min(0),
  /** False: nobody may connect as this device, by a token neither. */
  enabled: z.boolean(),
  credentials: z
    .array(
      z.object({
        id: z.string(),
        salt: z.string(),
        hash: z.string(),
        /** When it ends, by the clock of whoever sends this; null for never. */
        notAfter: z.number().nullable(),
      }),
    )
    .max(CREDENTIALS_MAX),
  /** Ids of the last ones. */
  revoked: z.array(z.string()).max(REVOKED_KEPT_MAX),
})
export type Access = z.infer<typeof accessSchema>

/** Edge to core, `POST …/access`: a device has come with a secret that its actor does not know. */
export const accessRequestSchema = z.object({
  fleet: fleetSchema,
  client: clientSchema,
  region: regionSchema,
})
export type AccessRequest = z.infer<typeof accessRequestSchema>

export const accessResponseSchema = z.object({
  clock: clockSchema,
  /** Null where the registry has no such device. */
  access: accessSchema.nullable(),
})
export type AccessResponse = z.infer<typeof accessResponseSchema>

/** Core to each region, `POST …/<region>/access`: it has changed. */
export const changedAccessRequestSchema = z.object({
  fleet: fleetSchema,
  client: clientSchema,
  clock: clockSchema,
  access: accessSchema,
})
export type ChangedAccessRequest = z.infer<typeof changedAccessRequestSchema>
