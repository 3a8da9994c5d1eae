// Who may connect as a device: the registry's rules. The device's actor asks for them, and the core sends changes.
import { z } from 'zod'
import { clientSchema, clockSchema, fleetSchema, regionSchema } from './names.ts'

export const CREDENTIALS_MAX = 8
export const REVOKED_IDS_MAX = 16

export const accessSchema = z.object({
  /** The version of the device's entry in the registry: the highest is the newest. */
  version: z.int().min(0),
  /** False: nobody may connect as this device, not even with a token. */
  enabled: z.boolean(),
  credentials: z
    .array(
      z.object({
        id: z.string(),
        salt: z.string(),
        hash: z.string(),
        /** Its expiry, by the sender's clock; null for never. */
        notAfter: z.number().nullable(),
      }),
    )
    .max(CREDENTIALS_MAX),
  /** Ids of the last credentials that were revoked. */
  revoked: z.array(z.string()).max(REVOKED_IDS_MAX),
})
export type Access = z.infer<typeof accessSchema>

/** Edge to core, `POST …/access`: a device connected with a secret that its actor does not know. */
export const accessRequestSchema = z.object({
  fleet: fleetSchema,
  client: clientSchema,
  region: regionSchema,
})
export type AccessRequest = z.infer<typeof accessRequestSchema>

export const accessResponseSchema = z.object({
  clock: clockSchema,
  /** Null if the device is not registered. */
  access: accessSchema.nullable(),
})
export type AccessResponse = z.infer<typeof accessResponseSchema>

/** Core to each region, `POST …/<region>/access`: the rules of a device have changed. */
export const changedAccessRequestSchema = z.object({
  fleet: fleetSchema,
  client: clientSchema,
  clock: clockSchema,
  access: accessSchema,
})
export type ChangedAccessRequest = z.infer<typeof changedAccessRequestSchema>
