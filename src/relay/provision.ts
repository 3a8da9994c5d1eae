// Provisioning: a device without a credential gets one for a claim token, through the edge, which is all that it knows.
import { z } from 'zod'
import { clientSchema, fleetSchema } from './names.ts'

/** Edge to core, `POST …/provision`. */
export const provisionRequestSchema = z.object({
  fleet: fleetSchema,
  device: clientSchema,
  claimToken: z.string().min(1).max(128),
  /** Of the device's own making: with the same one it may ask again for an hour, should the answer have been lost. */
  nonce: z.string().min(16).max(128).optional(),
})
export type ProvisionRequest = z.infer<typeof provisionRequestSchema>

export const provisionResponseSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('done'),
    credential: z.object({ id: z.string(), secret: z.string(), notAfter: z.number().nullable() }),
  }),
  /** `token`: unknown, revoked, ended or used up, all told as one. `device`: it is registered already. */
  z.object({ status: z.literal('refused'), because: z.enum(['token', 'device']) }),
])
export type ProvisionResponse = z.infer<typeof provisionResponseSchema>
