// History: messages of chosen topics on their way from the home that accepted them to the core's store, and back.
import { z } from 'zod'
import { movedSchema } from './home-answer.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'

/** Counts the messages of a home's history, also across restarts. A gap stands for messages that the home had no room for. */
const numberSchema = z.int().min(0)

/** Milliseconds since the epoch by the home's clock. Within one home a higher number never has an earlier time. */
const timeSchema = z.int().min(0)

/** A message's place. (epoch, number) identifies it and is its home's order; the store orders by (at, epoch, number). */
export const historyPlaceSchema = z.object({ at: timeSchema, epoch: epochSchema, number: numberSchema })
export type HistoryPlace = z.infer<typeof historyPlaceSchema>

export const historyMessageSchema = historyPlaceSchema.extend({
  /** Empty for the server itself. */
  publisher: z.string(),
  /** A message's record. */
  record: bytesSchema,
})
export type HistoryMessage = z.infer<typeof historyMessageSchema>

/** A message as the home sends it to the store. */
export const historyRowSchema = historyMessageSchema.extend({ ttlSeconds: z.int().min(1) })
export type HistoryRow = z.infer<typeof historyRowSchema>

export const HISTORY_PAGE_MESSAGES_MAX = 1_000

/** The end of a home's history at some moment. The store has every message up to it. */
export type HistorySeam = HistoryPlace

/** Edge to core, `POST …/history`: a page of a root's history. */
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
  /** The page begins after this place, in the requested order; null for the first page. */
  after: historyPlaceSchema.nullable(),
  /**
   * The end of the history for this reader. `ask`: the home first sends all its messages to the store, and the page ends with
   * them. A place: the seam of an earlier answer. `none`: whatever the store has.
   */
  seam: z.union([z.enum(['ask', 'none']), historyPlaceSchema]),
})
export type HistoryRequest = z.infer<typeof historyRequestSchema>

export const historyResponseSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('done'),
    messages: z.array(historyMessageSchema),
    /** The place for the next page; null after the last page. A page that is not full may have a next one. */
    next: historyPlaceSchema.nullable(),
    /** Null if none was requested, or if the root has no home. */
    seam: historyPlaceSchema.nullable(),
  }),
  /** A seam was requested, and the home's region does not answer. */
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
