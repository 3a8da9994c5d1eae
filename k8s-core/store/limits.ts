// The bounds of the store adapters, all in one place.

/** 2^43 − 1 would fit the timestamp; this bound is far below it, and no root moves so often. */
export const EPOCH_MAX = 2 ** 40
/** The version of a synced state shares 63 bits with the epoch; see `syncTimestamp`. */
export const SYNC_VERSION_BITS = 40
export const SYNC_VERSION_MAX = 2 ** SYNC_VERSION_BITS - 1
export const SYNC_EPOCH_MAX = 2 ** 23 - 1
/** Statements of syncs that are under way at a time; a connection takes 2,048 of all kinds. */
export const SYNC_STATEMENTS_MAX = 512
/** How many of a root's versions back the embedded store remembers what was removed, should an older write come late. */
export const SYNC_REMOVED_VERSIONS_KEPT = 1_000
/** Cassandra takes at most 64 KiB for a whole partition key, fleet and framing included. */
export const ROOT_BYTES_MAX = 65_000

/** How long an SQLite call waits for another process's write. It blocks the process, so it is short. */
export const SQLITE_BUSY_MS = 5_000

export const CASSANDRA_CONNECT_MS = 5_000
/** Longer than the server's own limits (2 s for a write, 5 s for a read), so that its more exact errors come first. */
export const CASSANDRA_READ_MS = 6_000
export const CASSANDRA_HEARTBEAT_MS = 10_000
export const CASSANDRA_RECONNECT_FIRST_MS = 250
export const CASSANDRA_RECONNECT_MAX_MS = 15_000

/** For how long a compare-and-set whose outcome is unknown is settled before the caller gets an error. */
export const SETTLE_MS = 10_000
export const SETTLE_PAUSE_FIRST_MS = 10
export const SETTLE_PAUSE_MAX_MS = 500

export const MIGRATION_LEASE_S = 60
export const MIGRATION_WAIT_MS = 120_000
export const SCHEMA_AGREEMENT_MS = 30_000
/** A schema change takes seconds on a busy cluster. */
export const SCHEMA_CHANGE_MS = 30_000
