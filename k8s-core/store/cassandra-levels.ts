// The consistency levels at which a home's state and history are written, and at which another data center's core reads them.
import { type QueryOptions, types } from 'cassandra-driver'

/** The first is the default. */
export const SYNC_CONSISTENCIES = ['quorum', 'local-quorum'] as const
export type SyncConsistency = (typeof SYNC_CONSISTENCIES)[number]

/** A read at `found` sees every write that was confirmed at `written`, in any data center. */
export interface SyncLevels {
  readonly written: QueryOptions
  readonly found: QueryOptions
  /** For reads that may be a moment old. */
  readonly near: QueryOptions
}

const { quorum, localQuorum, eachQuorum } = types.consistencies

/**
 * `quorum`: writes and reads need a majority of all copies; of three data centers one may be away. `local-quorum`: writes need a
 * majority in the core's own data center, fail-over reads a majority in each. So a sync waits for no other data center, and a
 * fail-over waits until all data centers are there.
 */
export function syncLevels(consistency: SyncConsistency = SYNC_CONSISTENCIES[0]): SyncLevels {
  if (consistency === 'quorum') return { written: at(quorum), found: at(quorum), near: at(quorum) }
  return { written: at(localQuorum), found: at(eachQuorum), near: at(localQuorum) }
}

function at(consistency: types.consistencies): QueryOptions {
  return { prepare: true, isIdempotent: true, consistency }
}
