// At which consistency a home's states and history are written, and found by the core of another data center.
import { type QueryOptions, types } from 'cassandra-driver'

/** The first is the default. */
export const SYNC_CONSISTENCIES = ['quorum', 'local-quorum'] as const
export type SyncConsistency = (typeof SYNC_CONSISTENCIES)[number]

/** What was confirmed at `written` is found at `found`, whichever data center is asked, and the other way round. */
export interface SyncLevels {
  readonly written: QueryOptions
  readonly found: QueryOptions
  /** For who may be told what was so a moment ago. */
  readonly near: QueryOptions
}

const { quorum, localQuorum, eachQuorum } = types.consistencies

/**
 * `quorum`: a majority of all copies on both sides; of three data centers one may be away. `local-quorum`: a majority of the
 * core's own data center writes, and a majority of each is asked by who must find it, so that a sync waits for no other data
 * center and goes on without it, and a fail-over waits until all are there.
 */
export function syncLevels(consistency: SyncConsistency = SYNC_CONSISTENCIES[0]): SyncLevels {
  if (consistency === 'quorum') return { written: at(quorum), found: at(quorum), near: at(quorum) }
  return { written: at(localQuorum), found: at(eachQuorum), near: at(localQuorum) }
}

function at(consistency: types.consistencies): QueryOptions {
  return { prepare: true, isIdempotent: true, consistency }
}
