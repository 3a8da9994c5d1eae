// Wide filters: each region tells the others which of them it has, shard by shard, and asks them for retained messages.
import { z } from 'zod'
import { bytesSchema, clockSchema, fleetSchema, regionSchema } from './names.ts'

/** Wide filters of one region and shard. */
export const WIDE_FILTERS_MAX = 1_000

const shardSchema = z.int().min(0)
const filtersSchema = z.array(z.string().min(1)).max(WIDE_FILTERS_MAX)

/**
 * Edge to core, `POST …/wide`, and core to every other region's edge, `POST …/<region>/wide`: all wide filters that the
 * region has in this shard. Of two versions of a region's set, the higher one counts.
 */
export const wideRequestSchema = z.object({
  fleet: fleetSchema,
  /** Whose filters these are. */
  region: regionSchema,
  shard: shardSchema,
  version: z.int().min(0),
  filters: filtersSchema,
})
export type WideRequest = z.infer<typeof wideRequestSchema>

/** An edge's answer: the filters are known there from now on. */
export const wideAnswerSchema = z.object({
  /** For so long some of its leaves may still pass over their WideActor. */
  waitMs: z.int().min(0),
  /** The answering region's own set. */
  version: z.int().min(0),
  filters: filtersSchema,
})
export type WideAnswer = z.infer<typeof wideAnswerSchema>

/** The core's answer: those of all other regions. Fails where one of them was not reached. */
export const wideResponseSchema = z.object({
  regions: z.array(wideAnswerSchema.extend({ region: regionSchema })),
})
export type WideResponse = z.infer<typeof wideResponseSchema>

/**
 * Edge to core, `POST …/wide-drained`, and core to every other region's edge, `POST …/<region>/wide-drained`: answered when
 * all that their WideActors had sent to the region so far has been delivered there. Fails where that takes long, or where
 * one of them is not reached; it is then to be asked again.
 */
export const wideDrainedRequestSchema = z.object({ fleet: fleetSchema, region: regionSchema })
export type WideDrainedRequest = z.infer<typeof wideDrainedRequestSchema>

/** Where a page of retained messages ended: after this topic of this root, or after the root if the topic is empty. */
const cursorSchema = z.object({ root: z.string(), topic: z.string() })
const worldCursorSchema = cursorSchema.extend({ region: regionSchema })
export type WideCursor = z.infer<typeof cursorSchema>
export type WorldCursor = z.infer<typeof worldCursorSchema>

/** Edge to core, `POST …/wide-retained`: retained messages of the other regions' homes, page by page. */
export const wideRetainedRequestSchema = z.object({
  fleet: fleetSchema,
  /** Who asks. */
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
  /** Of the region whose messages these are. */
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
