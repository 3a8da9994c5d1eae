// The schema of a WideActor.
import { SUBSCRIBER_ROWS, SUBSCRIBERS_1 } from '../leaf/schema.ts'
import { schemaOf, type WakeTable } from '../storage/schema.ts'

export const OWN_ROWS: WakeTable = { table: 'own', columns: ['version', 'synced'] }

export const WIDE_SCHEMA = schemaOf(
  [SUBSCRIBER_ROWS, OWN_ROWS],
  [
    [
      ...SUBSCRIBERS_1,
      // The version of this region's own set of filters. `synced`: the other regions' sets were read once.
      'CREATE TABLE IF NOT EXISTS own (one INTEGER PRIMARY KEY, version INTEGER NOT NULL, synced INTEGER NOT NULL)',
      // Own filters that every region knows, and against which no grant is in use.
      'CREATE TABLE IF NOT EXISTS settled (filter TEXT PRIMARY KEY)',
      // The other regions' sets of filters. `filters`: JSON.
      'CREATE TABLE IF NOT EXISTS other (region TEXT PRIMARY KEY, version INTEGER NOT NULL, filters TEXT NOT NULL)',
      // Branches of roots that have retained messages.
      'CREATE TABLE IF NOT EXISTS retaining (root TEXT PRIMARY KEY)',
    ],
  ],
)
