// Provisioning: a device without a credential gets one for a claim token. It asks the edge, since it knows no other address.
import { z } from 'zod'
import { clientSchema, fleetSchema } from './names.ts'

/** Edge to core, `POST …/provision`. */
export const provisionRequestSchema = z.object({
  fleet: fleetSchema,
  device: clientSchema,
  claimToken: z.string().min(1).max(128),
  /** Chosen by the device: with the same nonce it may ask again for an hour, in case the answer was lost. */
  nonce: z.string().min(16).max(128).optional(),
})
export type ProvisionRequest = z.infer<typeof provisionRequestSchema>

export const provisionResponseSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('done'),
    credential: z.object({ id: z.string(), secret: z.string(), notAfter: z.number().nullable() }),
  }),
  /** `token`: the token is unknown, revoked, expired or used up. `device`: the device is registered already. */
  z.object({ status: z.literal('refused'), because: z.enum(['token', 'device']) }),
])
export type ProvisionResponse = z.infer<typeof provisionResponseSchema>
