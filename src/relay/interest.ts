// Interest: a region that is not home has subscribers of a root, and must be sent its messages.
import { z } from 'zod'
import { resolveRequestSchema, retainedSchema } from './home.ts'
import { homeSchema, knownSchema, movedSchema } from './home-answer.ts'
import { clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/**
 * Edge to core, `POST …/interest`. When it is answered, every message that the home accepts from then on is sent to
 * the region (promise 5).
 */
export const interestRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  /** `add`: besides what it already wants. `only`: a subscriber has gone, and this is all that it still wants. */
  change: z.enum(['add', 'only']),
  /** Higher in each request of a region than in the one before: an `only` that comes late, after an `add`, is void. */
  order: z.int().min(0),
  plain: z.boolean(),
  shares: z.array(z.string().min(1)),
  /** Retained messages that match any of these are wanted with the answer. */
  filters: z.array(z.string()),
  known: knownSchema,
})
export type InterestRequest = z.infer<typeof interestRequestSchema>

/** The order of the region's newest request that the home knows. Above the request's own: an `only` was void. */
const newestSchema = z.int().min(0)

export const interestResponseSchema = z.object({
  home: homeSchema,
  order: newestSchema,
  /** The home's. */
  clock: clockSchema,
  retained: z.array(retainedSchema),
})
export type InterestResponse = z.infer<typeof interestResponseSchema>

/** Core to the home's edge, `POST …/<region>/interest`. */
export const homeInterestRequestSchema = interestRequestSchema
  .omit({ known: true })
  .extend({ epoch: epochSchema })
export type HomeInterestRequest = z.infer<typeof homeInterestRequestSchema>

export const homeInterestResponseSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('done'),
    order: newestSchema,
    clock: clockSchema,
    retained: z.array(retainedSchema),
  }),
  movedSchema,
])
export type HomeInterestResponse = z.infer<typeof homeInterestResponseSchema>

/**
 * Edge to core, and core to the edges of the home and of those that may have been it, `POST …/drained`: answered when every
 * message of the root that they had accepted for the region has been delivered there. Fails where that takes long; it is
 * then to be asked again.
 */
export const drainedRequestSchema = resolveRequestSchema
export type DrainedRequest = z.infer<typeof drainedRequestSchema>

/** Of an edge: by the home that it knows of the core sees whether it has asked all. */
export const drainedResponseSchema = z.object({ home: homeSchema.nullable() })
export type DrainedResponse = z.infer<typeof drainedResponseSchema>
