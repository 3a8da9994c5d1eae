// Wide filters: each region sends its filters to the other regions, shard by shard, and asks them for retained messages.
import { z } from 'zod'
import { bytesSchema, clockSchema, fleetSchema, regionSchema } from './names.ts'

/** Wide filters of one region and shard, at most. */
export const WIDE_FILTERS_MAX = 1_000

const shardSchema = z.int().min(0)
const filtersSchema = z.array(z.string().min(1)).max(WIDE_FILTERS_MAX)

/**
 * Edge to core, `POST …/wide`, and core to every other region's edge, `POST …/<region>/wide`: all wide filters of the region in
 * this shard. The set with the highest version counts.
 */
export const wideRequestSchema = z.object({
  fleet: fleetSchema,
  /** The region of the filters. */
  region: regionSchema,
  shard: shardSchema,
  version: z.int().min(0),
  filters: filtersSchema,
})
export type WideRequest = z.infer<typeof wideRequestSchema>

/** An edge's answer: the edge knows the filters now. */
export const wideAnswerSchema = z.object({
  /** For this long, leaves with a grant may still skip their WideActor. */
  waitMs: z.int().min(0),
  /** The answering region's own set. */
  version: z.int().min(0),
  filters: filtersSchema,
})
export type WideAnswer = z.infer<typeof wideAnswerSchema>

/** The core's answer: the filters of all other regions. The call fails if one of them does not answer. */
export const wideResponseSchema = z.object({
  regions: z.array(wideAnswerSchema.extend({ region: regionSchema })),
})
export type WideResponse = z.infer<typeof wideResponseSchema>

/**
 * Edge to core, `POST …/wide-drained`, and core to every other region's edge, `POST …/<region>/wide-drained`: answered when every
 * message that their WideActors have sent to the region so far has arrived. Fails if that takes long, or if a region does not
 * answer; the caller then asks again.
 */
export const wideDrainedRequestSchema = z.object({ fleet: fleetSchema, region: regionSchema })
export type WideDrainedRequest = z.infer<typeof wideDrainedRequestSchema>

/** The end of a page of retained messages: after this topic of this root; with an empty topic, after the root. */
const cursorSchema = z.object({ root: z.string(), topic: z.string() })
const worldCursorSchema = cursorSchema.extend({ region: regionSchema })
export type WideCursor = z.infer<typeof cursorSchema>
export type WorldCursor = z.infer<typeof worldCursorSchema>

/** Edge to core, `POST …/wide-retained`: retained messages of the other regions' homes, page by page. */
export const wideRetainedRequestSchema = z.object({
  fleet: fleetSchema,
  /** The region that asks. */
  region: regionSchema,
  shard: shardSchema,
  filters: filtersSchema.min(1),
  /** Null for the first page. */
  after: worldCursorSchema.nullable(),
})
export type WideRetainedRequest = z.infer<typeof wideRetainedRequestSchema>

export const wideRetainedResponseSchema = z.object({
  /** `packBatch` of message records. */
  records: bytesSchema,
  /** The clock of the region that has the messages. */
  clock: clockSchema,
  /** Null after the last page. */
  next: worldCursorSchema.nullable(),
})
export type WideRetainedResponse = z.infer<typeof wideRetainedResponseSchema>

/** Core to one region's edge, `POST …/<region>/wide-retained`. */
export const regionRetainedRequestSchema = wideRetainedRequestSchema
  .omit({ region: true })
  .extend({ after: cursorSchema.nullable() })
export type RegionRetainedRequest = z.infer<typeof regionRetainedRequestSchema>

export const regionRetainedResponseSchema = wideRetainedResponseSchema.extend({
  next: cursorSchema.nullable(),
})
export type RegionRetainedResponse = z.infer<typeof regionRetainedResponseSchema>
