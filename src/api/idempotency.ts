// The Idempotency-Key header: a repeated request with the same key is not carried out twice.
import { z } from 'zod'

export const IDEMPOTENCY_KEY_CHARACTERS_MAX = 128

/** A route with more headers extends this schema. */
export const idempotencyHeadersSchema = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, `1 to ${IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII characters`)
    .optional()
    .meta({
      description:
        'Chosen by the caller, fresh for each request that means something new: a request with the same key is answered as the first was',
      example: '6f2c1a4e-7f0b-4a7e-9a58-1d6b1c3f2a10',
    }),
})
