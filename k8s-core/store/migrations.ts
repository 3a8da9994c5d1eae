// The schema of the durable store, as numbered steps per adapter. A step that was released never changes.

export interface Migration {
  /** Counts up from 1 without gaps. */
  readonly version: number
  readonly name: string
  /** Each statement may run twice without harm: a pod may die between it and the note that it ran. */
  readonly statements: readonly string[]
}

export const SQLITE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'homes and interests',
    statements: [
      `CREATE TABLE IF NOT EXISTS home (
        fleet TEXT NOT NULL, root TEXT NOT NULL, epoch INTEGER NOT NULL, region TEXT, import_from TEXT,
        PRIMARY KEY (fleet, root)) STRICT, WITHOUT ROWID`,
      `CREATE TABLE IF NOT EXISTS interest (
        fleet TEXT NOT NULL, root TEXT NOT NULL, epoch INTEGER NOT NULL, version INTEGER NOT NULL,
        regions TEXT NOT NULL, PRIMARY KEY (fleet, root)) STRICT, WITHOUT ROWID`,
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
      name: 'homes and interests',
      statements: [
        // Written by lightweight transactions alone. `write_id` names the last write.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.home (
          fleet text, root text, epoch bigint, region text, import_from text, write_id uuid,
          PRIMARY KEY ((fleet, root))) WITH ${rows}`,
        // Written with timestamps made of (epoch, version), which are far in the past as time goes: a delete with
        // an ordinary timestamp would hide all later writes. Frozen, so that a list is one cell and wins whole.
        `CREATE TABLE IF NOT EXISTS ${keyspace}.interest (
          fleet text, root text, regions frozen<list<text>>,
          PRIMARY KEY ((fleet, root))) WITH ${rows}`,
      ],
    },
  ]
}
