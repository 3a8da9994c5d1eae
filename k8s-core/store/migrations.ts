// The schema of the durable store, as numbered steps per adapter. A step that was released never changes.

export interface Migration {
  /** Counts up from 1 without gaps. */
  readonly version: number
  readonly name: string
  /** Each statement must be safe to run twice: a pod may die before the step is recorded. */
  readonly statements: readonly string[]
}

export const SQLITE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'homes',
    statements: [
      `CREATE TABLE IF NOT EXISTS home (
        fleet TEXT NOT NULL, root TEXT NOT NULL, epoch INTEGER NOT NULL, region TEXT, import_from TEXT,
        PRIMARY KEY (fleet, root)) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 2,
    name: 'synced states',
    statements: [
      // `at` is (epoch, version) as one number. Kinds: session, interests, fence, queue-void, retained-void.
      `CREATE TABLE IF NOT EXISTS root_state (
        fleet TEXT NOT NULL, root TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, value TEXT,
        PRIMARY KEY (fleet, root, kind)) STRICT, WITHOUT ROWID`,
      // A null marks a removed row, so that a delayed older write does not restore it.
      `CREATE TABLE IF NOT EXISTS root_queue (
        fleet TEXT NOT NULL, root TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
        session TEXT NOT NULL, delivery BLOB, PRIMARY KEY (fleet, root, position)) STRICT, WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS root_retained (
        fleet TEXT NOT NULL, root TEXT NOT NULL, topic TEXT NOT NULL, at INTEGER NOT NULL,
        record BLOB, PRIMARY KEY (fleet, root, topic)) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 3,
    name: 'shadows',
    statements: [
      // A null as above. The kind `shadows-void` of root_state belongs to it.
      `CREATE TABLE IF NOT EXISTS root_shadow (
        fleet TEXT NOT NULL, root TEXT NOT NULL, path TEXT NOT NULL, at INTEGER NOT NULL,
        shadow TEXT, PRIMARY KEY (fleet, root, path)) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    version: 4,
    name: 'history',
    statements: [
      // Times are milliseconds; `at` by the home's clock, `expires_at` by the pod's.
      `CREATE TABLE IF NOT EXISTS history (
        fleet TEXT NOT NULL, root TEXT NOT NULL, at INTEGER NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL,
        expires_at REAL NOT NULL, publisher TEXT NOT NULL, record BLOB NOT NULL,
        PRIMARY KEY (fleet, root, at, epoch, number)) STRICT, WITHOUT ROWID`,
      'CREATE INDEX IF NOT EXISTS history_expiry ON history (expires_at)',
    ],
  },
  {
    version: 5,
    name: 'registry',
    statements: [
      // A null marks a removed entry, whose version must go on.
      `CREATE TABLE IF NOT EXISTS registry_entry (
        fleet TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
        PRIMARY KEY (fleet, kind, id)) STRICT, WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS registry_index (
        fleet TEXT NOT NULL, name TEXT NOT NULL, bucket INTEGER NOT NULL, entry TEXT NOT NULL,
        version INTEGER NOT NULL, PRIMARY KEY (fleet, name, bucket, entry)) STRICT, WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS registry_notice (
        region TEXT NOT NULL, fleet TEXT NOT NULL, client TEXT NOT NULL, version INTEGER NOT NULL,
        PRIMARY KEY (region, fleet, client)) STRICT, WITHOUT ROWID`,
    ],
  },
]

/**
 * (fleet, root) is the partition key: each root is read alone, so tens of millions of them spread evenly over the
 * ring, no partition grows, and lightweight transactions of different roots never contend. Rows are small, updated
 * in place and read by key, hence levelled compaction and small compression chunks.
 */
export function cassandraMigrations(keyspace: string): readonly Migration[] {
  const rows = `compaction = {'class': 'LeveledCompactionStrategy'}
    AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 4}`
  return [
    {
      version: 1,
      name: 'homes',
      statements: [
        // Written by lightweight transactions alone. `write_id` names the last write.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.home (
          fleet text, root text, epoch bigint, region text, import_from text, write_id uuid,
          PRIMARY KEY ((fleet, root))) WITH ${rows}`,
      ],
    },
    {
      version: 2,
      name: 'synced states',
      statements: [
        // All written with timestamps made of (epoch, version), which are far in the past as time goes: a delete with an
        // ordinary timestamp would hide all later writes. Kinds: session, interests, fence.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.root_state (
          fleet text, root text, kind text, value text,
          PRIMARY KEY ((fleet, root), kind)) WITH ${rows}`,
        // A partition is bounded by a session's queue. Tombstones are dropped soon, since there may be as many again.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.root_queue (
          fleet text, root text, position bigint, session text, delivery blob,
          PRIMARY KEY ((fleet, root), position)) WITH ${rows} AND gc_grace_seconds = 10800`,
        // Bounded by the retained messages of a root.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.root_retained (
          fleet text, root text, topic text, record blob,
          PRIMARY KEY ((fleet, root), topic)) WITH ${rows}`,
      ],
    },
    {
      version: 3,
      name: 'shadows',
      statements: [
        // Bounded by the shadows of a device.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.root_shadow (
          fleet text, root text, path text, shadow text,
          PRIMARY KEY ((fleet, root), path)) WITH ${rows}`,
      ],
    },
    {
      version: 4,
      name: 'history',
      statements: [
        // Written once, each row with a time to live, and never changed: whole files of a day expire together. `bucket` is
        // the hour since 1970, `at` milliseconds by the home's clock; both divide a root's history so that no partition
        // grows without bound.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.history (
          fleet text, root text, bucket int, at bigint, epoch bigint, number bigint, publisher text, record blob,
          PRIMARY KEY ((fleet, root, bucket), at, epoch, number))
          WITH compaction = {'class': 'TimeWindowCompactionStrategy',
            'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}
          AND compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}
          AND gc_grace_seconds = 10800`,
        // The hours in which a root has messages, a row for each hour and time to live: a silent year costs no reads.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.history_bucket (
          fleet text, root text, bucket int, ttl int,
          PRIMARY KEY ((fleet, root), bucket, ttl)) WITH ${rows} AND gc_grace_seconds = 10800`,
      ],
    },
    {
      version: 5,
      name: 'registry',
      statements: [
        // Written by lightweight transactions alone. `write_id` names the last write. A null body marks a removed entry.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.registry_entry (
          fleet text, kind text, id text, version bigint, write_id uuid, body text,
          PRIMARY KEY ((fleet, kind, id))) WITH ${rows}`,
        // Written with versions as timestamps, so that the newest wins in whatever order writes arrive. Of ten million
        // entries in 64 buckets a partition has 160,000, about 10 MB.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.registry_index (
          fleet text, name text, bucket int, entry text, version bigint,
          PRIMARY KEY ((fleet, name, bucket), entry)) WITH ${rows}`,
        // Written as the index is. Most notices live for milliseconds; one that comes back is only sent again.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.registry_notice (
          shard int, region text, fleet text, client text, version bigint,
          PRIMARY KEY ((shard), region, fleet, client)) WITH ${rows} AND gc_grace_seconds = 3600`,
      ],
    },
  ]
}
