// The schema of an UplinkActor: its outbox.
import { schemaOf } from '../storage/schema.ts'

export const UPLINK_SCHEMA = schemaOf(
  [],
  [
    [
      'CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, root TEXT NOT NULL, kind TEXT NOT NULL, region TEXT, epoch INTEGER NOT NULL, source TEXT NOT NULL, number INTEGER NOT NULL, expires_at REAL NOT NULL, record BLOB NOT NULL)',
    ],
  ],
)
