// Sync: a home copies its changes to the core's store, so that another region can go on if this one is lost.
import { z } from 'zod'
import { historyRowSchema } from './history.ts'
import { regionInterestSchema, sessionStateSchema } from './home.ts'
import { bytesSchema, clockSchema, epochSchema, fleetSchema, regionSchema, rootSchema } from './names.ts'
import { shadowPathSchema } from './shadow.ts'

export const ROOTS_PER_SYNC_MAX = 256

/** Counts a root's changes within an epoch. */
const versionSchema = z
  .int()
  .min(0)
  .max(2 ** 40 - 1)

/** The present state of a root's changed rows. In the store the highest (epoch, version) of each row wins. */
export const rootChangeSchema = z.object({
  fleet: fleetSchema,
  root: rootSchema,
  epoch: epochSchema,
  version: versionSchema,
  clock: clockSchema,
  /** The time of the oldest change in here, by the same clock; null if there is none. */
  since: clockSchema.nullable(),
  /** Absent: unchanged. Null: deleted. */
  session: sessionStateSchema.omit({ queue: true }).nullable().optional(),
  interests: z.array(regionInterestSchema).optional(),
  /** Deliveries of a session's queue; null if the delivery has left the queue. */
  queue: z.array(
    z.object({ session: z.string(), position: z.int().min(1), delivery: bytesSchema.nullable() }),
  ),
  retained: z.array(z.object({ topic: z.string(), record: bytesSchema.nullable() })),
  /** Null if the shadow is forgotten. A deleted shadow is not null. */
  shadows: z.array(z.object({ path: shadowPathSchema, shadow: z.string().nullable() })),
  /**
   * Messages of the root's history, of this home or of an earlier epoch of the region: each row has its epoch. Every answer but
   * `failed` confirms that they are stored, even `fenced`.
   */
  history: z.array(historyRowSchema),
  /** The store must ignore its older rows of this kind, up to this version. */
  queueVoidUpTo: versionSchema.nullable(),
  retainedVoidUpTo: versionSchema.nullable(),
  shadowsVoidUpTo: versionSchema.nullable(),
})
export type RootChange = z.infer<typeof rootChangeSchema>

/** An empty change, to which rows are added. */
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

/** True if the change has only history, which needs no fence. */
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
 * `applied`: stored, and the root's next home will find it. `fenced`: another region is the home. `failed`: send it again.
 */
export const syncResultSchema = z.enum(['applied', 'fenced', 'failed'])
export type SyncResult = z.infer<typeof syncResultSchema>

/** One result for each root, in order. */
export const syncResponseSchema = z.object({ results: z.array(syncResultSchema) })
export type SyncResponse = z.infer<typeof syncResponseSchema>
