// History: messages of chosen topics on their way from the home that accepted them to the core's store, and back.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/** Counts up with what a home keeps, over its lives. A gap: messages that the home had no room to keep. */
const numberSchema = z.int().min(0)

/** Milliseconds since the epoch by the home's clock; in the order of (epoch, number) it never goes back within a home. */
const timeSchema = z.int().min(0)

/** A message's place: (epoch, number) names it for good and is its home's order; with the time it is the store's. */
export const historyPlaceSchema = z.object({ at: timeSchema, epoch: epochSchema, number: numberSchema })
export type HistoryPlace = z.infer<typeof historyPlaceSchema>

export const historyMessageSchema = historyPlaceSchema.extend({
  /** Empty: the server itself. */
  publisher: z.string(),
  /** A message's record. */
  record: bytesSchema,
})
export type HistoryMessage = z.infer<typeof historyMessageSchema>

/** As the home gives it to the store. */
export const historyRowSchema = historyMessageSchema.extend({ ttlSeconds: z.int().min(1) })
export type HistoryRow = z.infer<typeof historyRowSchema>

export const HISTORY_PAGE_MESSAGES_MAX = 1_000

/** How far a home had kept messages at some moment; the store has all up to there. */
export type HistorySeam = HistoryPlace

/** Edge to core, `POST …/history`: a page of what is kept of a root. */
export const historyRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  region: regionSchema,
  /** A topic filter; its root need not be literal. */
  filter: z.string().min(1),
  from: timeSchema,
  /** Exclusive. */
  to: timeSchema,
  order: z.enum(['oldest', 'newest']),
  limit: z.int().min(1).max(HISTORY_PAGE_MESSAGES_MAX),
  /** In the order asked for, behind this place; null from the beginning. */
  after: historyPlaceSchema.nullable(),
  /**
   * `ask`: the home first gives to the store what it has kept so far, and nothing that it keeps later is in the page.
   * A place: as a former answer said. `none`: what the store has.
   */
  seam: z.union([z.enum(['ask', 'none']), historyPlaceSchema]),
})
export type HistoryRequest = z.infer<typeof historyRequestSchema>

export const historyResponseSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('done'),
    messages: z.array(historyMessageSchema),
    /** Where to go on; null where that was all. There may be a next page although this one is not full. */
    next: historyPlaceSchema.nullable(),
    /** Null where none was asked for, or the root has no home. */
    seam: historyPlaceSchema.nullable(),
  }),
  /** A seam was asked for, and the home's region does not answer. */
  z.object({ status: z.literal('unreachable'), region: regionSchema }),
])
export type HistoryResponse = z.infer<typeof historyResponseSchema>

/** Core to the home, `POST …/<region>/history-seam`. */
export const historySeamRequestSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  epoch: epochSchema,
})
export type HistorySeamRequest = z.infer<typeof historySeamRequestSchema>
export const historySeamResponseSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('done'), seam: historyPlaceSchema, clock: clockSchema }),
  movedSchema,
])
export type HistorySeamResponse = z.infer<typeof historySeamResponseSchema>
