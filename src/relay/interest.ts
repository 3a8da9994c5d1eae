// Interest: a region that is not the home has subscribers of a root, so the home must send it the root's messages.
import { z } from 'zod'
import { resolveRequestSchema, retainedSchema } from './home.ts'
import { homeSchema, knownSchema, movedSchema } from './home-answer.ts'
import { clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/**
 * Edge to core, `POST …/interest`. The home sends every message to the region that it accepts after its answer (promise 5).
 */
export const interestRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  /** `add`: adds to the region's interest. `only`: replaces it, after a subscriber has gone. */
  change: z.enum(['add', 'only']),
  /** Counts up with a region's requests: the home ignores an `only` that arrives after a newer `add`. */
  order: z.int().min(0),
  plain: z.boolean(),
  shares: z.array(z.string().min(1)),
  /** The answer contains the retained messages that match any of these filters. */
  filters: z.array(z.string()),
  /** Of these: those of topics after this one, about so many bytes. Absent from an edge of an older release: all of them. */
  page: z.object({ after: z.string(), bytesMax: z.int().min(1) }).optional(),
  known: knownSchema,
})
export type InterestRequest = z.infer<typeof interestRequestSchema>

/** The highest `order` of the region that the home knows. If it is above the request's own, an `only` was ignored. */
const newestSchema = z.int().min(0)

/** The topic after which the next page begins. Null after the last page; absent if the answer has all messages. */
const nextSchema = z.string().nullable().optional()

export const interestResponseSchema = z.object({
  home: homeSchema,
  order: newestSchema,
  /** The home's clock. */
  clock: clockSchema,
  retained: z.array(retainedSchema),
  next: nextSchema,
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
    next: nextSchema,
  }),
  movedSchema,
])
export type HomeInterestResponse = z.infer<typeof homeInterestResponseSchema>

/**
 * Edge to core, and core to the edges of the home and of all regions that may have been it, `POST …/drained`: answered when every
 * message of the root that they accepted for the region has arrived there. Fails if that takes long; the caller then asks again.
 */
export const drainedRequestSchema = resolveRequestSchema
export type DrainedRequest = z.infer<typeof drainedRequestSchema>

/** An edge's answer, with the home that it knows: from a higher epoch the core sees that it must ask further regions. */
export const drainedResponseSchema = z.object({ home: homeSchema.nullable() })
export type DrainedResponse = z.infer<typeof drainedResponseSchema>
