// The tables of a leaf, which the schemas of DeviceActor, TopicActor and WideActor include.
import type { Step, WakeTable } from '../storage/schema.ts'

export const SUBSCRIBER_ROWS: WakeTable = {
  table: 'subscriber',
  columns: ['client', 'filter', 'session', 'qos', 'no_local', 'retain_as_published', 'identifier'],
}
export const HOME_ROWS: WakeTable = { table: 'home', columns: ['region', 'epoch', 'state'] }
export const INTEREST_ROWS: WakeTable = { table: 'interest', columns: ['region', 'plain', 'shares', 'asked'] }
export const RETAINED_SIZES: WakeTable = { table: 'retained', columns: ['topic', 'length(record) AS bytes'] }
export const INDEXED_ROWS: WakeTable = { table: 'indexed', columns: ['one'] }
export const UNSYNCED_ROWS: WakeTable = {
  table: 'unsynced',
  columns: ['kind', 'key', 'round', 'stored', 'version', 'since'],
}
export const SYNC_ROWS: WakeTable = { table: 'sync', columns: ['version'] }
export const HISTORY_KEPT_ROWS: WakeTable = { table: 'history_kept', columns: ['number', 'at'] }

export const LEAF_WAKES: readonly WakeTable[] = [
  SUBSCRIBER_ROWS,
  HOME_ROWS,
  INTEREST_ROWS,
  RETAINED_SIZES,
  INDEXED_ROWS,
  UNSYNCED_ROWS,
  SYNC_ROWS,
  HISTORY_KEPT_ROWS,
]

/** What every leaf that stores anything has. */
export const LEAF_TABLES: readonly string[] = ['home', 'unsynced', 'sync']

/** Whoever has subscribers: a leaf or a WideActor. */
export const SUBSCRIBERS_1: Step = [
  'CREATE TABLE IF NOT EXISTS subscriber (client TEXT NOT NULL, filter TEXT NOT NULL, session TEXT NOT NULL, qos INTEGER NOT NULL, no_local INTEGER NOT NULL, retain_as_published INTEGER NOT NULL, identifier INTEGER NOT NULL, PRIMARY KEY (client, filter))',
  // Deliveries to receivers whose actors did not answer.
  'CREATE TABLE IF NOT EXISTS backlog (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, session TEXT NOT NULL, delivery BLOB NOT NULL)',
  // The last envelope of each source, so that one that is sent again is recognised. Those with the lowest `noted` go first.
  'CREATE TABLE IF NOT EXISTS envelope (source TEXT PRIMARY KEY, first INTEGER NOT NULL, outcomes BLOB NOT NULL, noted REAL NOT NULL) WITHOUT ROWID',
]

/** Every leaf. */
export const LEAF_1: Step = [
  ...SUBSCRIBERS_1,
  'CREATE TABLE IF NOT EXISTS home (one INTEGER PRIMARY KEY, region TEXT NOT NULL, epoch INTEGER NOT NULL, state TEXT NOT NULL)',
  // Regions that want the root's messages. `shares`: JSON. `asked`: the order of the region's newest request.
  'CREATE TABLE IF NOT EXISTS interest (region TEXT PRIMARY KEY, plain INTEGER NOT NULL, shares TEXT NOT NULL, asked INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, record BLOB NOT NULL)',
  // Topics that this home has changed while an older home may still send its own changes.
  'CREATE TABLE IF NOT EXISTS retained_changed (topic TEXT PRIMARY KEY)',
  // Pages of the former home's state until the last one has come. `value`: bytes, or JSON.
  'CREATE TABLE IF NOT EXISTS staged (kind TEXT NOT NULL, key NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key))',
  // Branches that the WideActor knows to have retained messages.
  'CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY)',
  // What the core's store does not have. `round`: the one in which it was last sent, 0 for none since it changed.
  // `stored`: the store may have something of it.
  'CREATE TABLE IF NOT EXISTS unsynced (kind TEXT NOT NULL, key NOT NULL, round INTEGER NOT NULL, stored INTEGER NOT NULL, version INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS sync (one INTEGER PRIMARY KEY, version INTEGER NOT NULL)',
  // Messages of chosen topics until the store has them. One event's messages are one row, named by the first.
  'CREATE TABLE IF NOT EXISTS history (number INTEGER PRIMARY KEY, last INTEGER NOT NULL, messages INTEGER NOT NULL, entries BLOB NOT NULL)',
  // The highest number that was sent to the store: numbers are not used again.
  'CREATE TABLE IF NOT EXISTS history_kept (one INTEGER PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL)',
  // `differs`: desired and reported do. `late`: the requests that the store does not have.
  'CREATE TABLE IF NOT EXISTS shadow (path TEXT PRIMARY KEY, shadow TEXT NOT NULL, deleted_at INTEGER, differs INTEGER NOT NULL, late TEXT)',
]
