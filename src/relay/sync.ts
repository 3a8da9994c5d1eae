// Sync: what a home has changed goes to the core's store, so that another region can take over should this one be lost.
import { z } from 'zod'
import { historyRowSchema } from './history.ts'
import { regionInterestSchema, sessionStateSchema } from './home.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { shadowPathSchema } from './shadow.ts'

export const ROOTS_PER_SYNC_MAX = 256

/** Versions of one root count up within an epoch. */
const versionSchema = z
  .int()
  .min(0)
  .max(2 ** 40 - 1)

/** Of one root: each thing as it is now. In the store the highest (epoch, version) of each wins. */
export const rootChangeSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  epoch: epochSchema,
  version: versionSchema,
  clock: clockSchema,
  /** By the same clock, when the first of this was changed; null where it is a change of nothing. */
  since: clockSchema.nullable(),
  /** Absent: unchanged. Null: there is none any more. */
  session: sessionStateSchema.omit({ queue: true }).nullable().optional(),
  interests: z.array(regionInterestSchema).optional(),
  /** Deliveries of a session's queue; null where the position is empty again. */
  queue: z.array(
    z.object({ session: z.string(), position: z.int().min(1), delivery: bytesSchema.nullable() }),
  ),
  retained: z.array(z.object({ topic: z.string(), record: bytesSchema.nullable() })),
  /** Null where it is forgotten; a deleted one is not. */
  shadows: z.array(z.object({ path: shadowPathSchema, shadow: z.string().nullable() })),
  /**
   * Messages that a home has kept: this one, or the one that the region was before, since each row says of which epoch it is.
   * They are in the store with any answer but `failed`, of a fenced home too.
   */
  history: z.array(historyRowSchema),
  /** What the store has of this up to that version is void. */
  queueVoidUpTo: versionSchema.nullable(),
  retainedVoidUpTo: versionSchema.nullable(),
  shadowsVoidUpTo: versionSchema.nullable(),
})
export type RootChange = z.infer<typeof rootChangeSchema>

/** A change of nothing, to add to. */
export function noChange(): Omit<RootChange, 'fleet' | 'root' | 'epoch' | 'version' | 'clock'> {
  return {
    since: null,
    queue: [],
    retained: [],
    shadows: [],
    history: [],
    queueVoidUpTo: null,
    retainedVoidUpTo: null,
    shadowsVoidUpTo: null,
  }
}

/** Nothing but messages that are kept: no fence is asked about these. */
export function isOnlyHistory(change: RootChange): boolean {
  const { history, session, interests, queue, retained, shadows } = change
  return (
    history.length > 0 &&
    session === undefined &&
    interests === undefined &&
    queue.length + retained.length + shadows.length === 0 &&
    change.queueVoidUpTo === null &&
    change.retainedVoidUpTo === null &&
    change.shadowsVoidUpTo === null
  )
}

/** Edge to core, `POST …/sync`. */
export const syncRequestSchema = z.object({
  region: regionSchema,
  roots: z.array(rootChangeSchema).min(1).max(ROOTS_PER_SYNC_MAX),
})
export type SyncRequest = z.infer<typeof syncRequestSchema>

/**
 * `applied`: in the store, and whoever takes the root over will find it. `fenced`: another region has taken it over.
 * `failed`: to be sent again.
 */
export const syncResultSchema = z.enum(['applied', 'fenced', 'failed'])
export type SyncResult = z.infer<typeof syncResultSchema>

/** One result for each root, in order. */
export const syncResponseSchema = z.object({ results: z.array(syncResultSchema) })
export type SyncResponse = z.infer<typeof syncResponseSchema>
