// The tables of a WideActor. Made with the first write, so that one which keeps nothing stores nothing.
import { SUBSCRIBER_SCHEMA } from '../leaf/schema.ts'

export const WIDE_SCHEMA: readonly string[] = [
  ...SUBSCRIBER_SCHEMA,
  // The version of this region's own set, and whether the other regions' were ever learnt.
  'CREATE TABLE IF NOT EXISTS own (one INTEGER PRIMARY KEY, version INTEGER NOT NULL, synced INTEGER NOT NULL)',
  // Own filters that every region knows, and against which no grant is out.
  'CREATE TABLE IF NOT EXISTS settled (filter TEXT PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS other (region TEXT PRIMARY KEY, version INTEGER NOT NULL, filters TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS retaining (root TEXT PRIMARY KEY)',
]
