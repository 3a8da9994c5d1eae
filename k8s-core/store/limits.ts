// The bounds of the store adapters, all in one place.

/** 2^43 − 1 would fit the timestamp; this bound is far below it, and no root moves so often. */
export const EPOCH_MAX = 2 ** 40
/** The version of a synced state shares 63 bits with the epoch; see `syncTimestamp`. */
export const SYNC_VERSION_BITS = 40
/** The highest version of a synced state. */
export const SYNC_VERSION_MAX = 2 ** SYNC_VERSION_BITS - 1
/** The highest epoch that fits beside it. */
export const SYNC_EPOCH_MAX = 2 ** 23 - 1
/** Statements of syncs that are under way at a time; a connection takes 2,048 of all kinds. */
export const SYNC_STATEMENTS_MAX = 512
/** For how many versions of a root the embedded store remembers removed rows, so that a delayed older write does not restore them. */
export const SYNC_REMOVED_VERSIONS_KEPT = 1_000
/**
 * A root's history is divided by the hour: 100 MB, about what a partition should have at most, are 190 messages a second of
 * 150 bytes each.
 */
export const HISTORY_BUCKET_MS = 3_600_000
/** Buckets that one page reads; buckets that never had a message do not count. */
export const HISTORY_BUCKETS_PER_PAGE_MAX = 100
/** Index entries of history that a pod remembers as written. */
export const HISTORY_NOTED_MAX = 100_000
/** A pod remembers an index entry for this long. */
export const HISTORY_NOTED_MS = 1_800_000
/** By how much an index entry outlives its rows. */
export const HISTORY_INDEX_SLACK_S = 7_200
/** Cassandra takes at most 64 KiB for a whole partition key, fleet and framing included. */
export const ROOT_BYTES_MAX = 65_000

/** How long an SQLite call waits for another process's write. It blocks the process, so it is short. */
export const SQLITE_BUSY_MS = 5_000

/** How often a pod asks for the store's clock: in between its own clock drifts by a few milliseconds. */
export const STORE_CLOCK_MEASURED_EVERY_MS = 60_000
/** The error of an answer is half its round trip: beyond this the answer of a minute ago is better. */
export const STORE_CLOCK_ROUND_TRIP_MS_MAX = 1_000

/** The driver waits this long for a connection. */
export const CASSANDRA_CONNECT_MS = 5_000
/**
 * The driver waits this long for an answer: longer than the server's own limits (2 s for a write, 5 s for a
 * read), whose errors are more exact.
 */
export const CASSANDRA_READ_MS = 6_000
/** The driver asks an idle connection this often whether it still stands. */
export const CASSANDRA_HEARTBEAT_MS = 10_000
/** The driver tries a node that is down again after this, and then ever later. */
export const CASSANDRA_RECONNECT_FIRST_MS = 250
/** The longest pause between two tries of a node. */
export const CASSANDRA_RECONNECT_MAX_MS = 15_000

/** For how long a compare-and-set whose outcome is unknown is settled before the caller gets an error. */
export const SETTLE_MS = 10_000
/** The first pause before such a compare-and-set is repeated. */
export const SETTLE_PAUSE_FIRST_MS = 10
/** The longest pause before it is repeated. */
export const SETTLE_PAUSE_MAX_MS = 500

/** The lease of the pod that changes the schema. */
export const MIGRATION_LEASE_S = 60
/** Other pods wait this long for it. */
export const MIGRATION_WAIT_MS = 120_000
/** Cassandra's nodes have this long to agree on the schema. */
export const SCHEMA_AGREEMENT_MS = 30_000
/** A schema change takes seconds on a busy cluster. */
export const SCHEMA_CHANGE_MS = 30_000

/** How long a removed registry entry keeps its version: longer than clocks ever differ. */
export const REGISTRY_REMOVED_KEPT_S = 30 * 24 * 3600
/** Partitions of the notices to regions. A constant of the keyspace: never change it. */
export const REGISTRY_NOTICE_SHARDS = 4
/** A change that takes longer from its index rows to its entry starts again; far below REGISTRY_LEFT_OVER_MS. */
export const REGISTRY_ATTEMPT_MS = 30_000
