// The schema of a DeviceActor: the leaf of `devices/<client>`, the client's session, and who may connect as this client.
import { LEAF_1, LEAF_TABLES, LEAF_WAKES } from '../leaf/schema.ts'
import { type Step, schemaOf, type WakeTable } from '../storage/schema.ts'

export const SESSION_ROWS: WakeTable = {
  table: 'session',
  columns: [
    'id',
    'expiry_seconds',
    'disconnected_at',
    'last_position',
    'sent_up_to',
    'exported_up_to',
    'fenced',
  ],
}
export const SUBSCRIPTION_ROWS: WakeTable = {
  table: 'subscription',
  columns: ['filter', 'options', 'registered'],
}
export const IMPORTED_ROWS: WakeTable = { table: 'imported', columns: ['session'] }
export const ACCESS_ROWS: WakeTable = { table: 'access', columns: ['access'] }
export const ARRIVED_ROWS: WakeTable = { table: 'arrived', columns: ['sequence'] }

const SESSION_1: Step = [
  'CREATE TABLE IF NOT EXISTS session (one INTEGER PRIMARY KEY, id TEXT NOT NULL, expiry_seconds INTEGER NOT NULL, disconnected_at REAL, last_position INTEGER NOT NULL, sent_up_to INTEGER NOT NULL, exported_up_to INTEGER, fenced INTEGER)',
  // `options`: JSON. `registered`: the filter's leaf in this region knows of it.
  'CREATE TABLE IF NOT EXISTS subscription (filter TEXT PRIMARY KEY, options TEXT NOT NULL, registered INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS queue (position INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, delivery BLOB NOT NULL, share TEXT)',
  'CREATE INDEX IF NOT EXISTS shared ON queue (position) WHERE share IS NOT NULL',
  // Messages of shared subscriptions that an ended session leaves to the other members.
  'CREATE TABLE IF NOT EXISTS orphan (id INTEGER PRIMARY KEY AUTOINCREMENT, delivery BLOB NOT NULL)',
  // QoS 2: messages that wait for PUBCOMP, and packet ids of messages that wait for PUBREL.
  'CREATE TABLE IF NOT EXISTS released (position INTEGER PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS received (packet_id INTEGER PRIMARY KEY, origin TEXT NOT NULL, settled INTEGER NOT NULL)',
  // QoS 2 messages that the session has accepted, by their origin.
  'CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE)',
  // What of a connection does not fit into its attachment. `bulk`: JSON.
  'CREATE TABLE IF NOT EXISTS live_bulk (one INTEGER PRIMARY KEY, bulk TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS will (one INTEGER PRIMARY KEY, record BLOB NOT NULL, delay_seconds INTEGER NOT NULL, expiry_seconds INTEGER, publish_at REAL)',
  // Filters that the client has subscribed to or unsubscribed from since this home began without its predecessor.
  'CREATE TABLE IF NOT EXISTS subscription_changed (filter TEXT PRIMARY KEY)',
  // The session that this home began with.
  'CREATE TABLE IF NOT EXISTS imported (one INTEGER PRIMARY KEY, session TEXT NOT NULL)',
  // Messages that the session dropped, counted for `explain`.
  'CREATE TABLE IF NOT EXISTS lost (why TEXT NOT NULL, topic TEXT NOT NULL, messages INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (why, topic))',
]

const CLIENT_1: Step = [
  // What the registry said of the device. `access`: JSON.
  'CREATE TABLE IF NOT EXISTS access (one INTEGER PRIMARY KEY, access TEXT NOT NULL)',
  // Attachments of connections that a FrontActor holds, as JSON.
  'CREATE TABLE IF NOT EXISTS front (name TEXT PRIMARY KEY, attachment TEXT NOT NULL)',
  // Presence events that may not have arrived. `durable`: an outbox has the event.
  'CREATE TABLE IF NOT EXISTS announced (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL, durable INTEGER NOT NULL)',
  // Up to this sequence each presence event has arrived or is in the table above.
  'CREATE TABLE IF NOT EXISTS arrived (one INTEGER PRIMARY KEY, sequence INTEGER NOT NULL)',
  // Commands that must outlive the actor's memory. `answer`: JSON.
  'CREATE TABLE IF NOT EXISTS command (id TEXT PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL, accepted_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, answer TEXT)',
  // Publishes by HTTP that had an idempotency key.
  'CREATE TABLE IF NOT EXISTS idempotent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, request TEXT NOT NULL, outcomes BLOB NOT NULL, at INTEGER NOT NULL)',
]

/** `caller`: the client that called; null of a call that an edge of an older release passed on. */
const CLIENT_2: Step = ['ALTER TABLE command ADD COLUMN caller TEXT']

export const DEVICE_SCHEMA = schemaOf(
  [...LEAF_WAKES, SESSION_ROWS, SUBSCRIPTION_ROWS, IMPORTED_ROWS, ACCESS_ROWS, ARRIVED_ROWS],
  [[...LEAF_1, ...SESSION_1, ...CLIENT_1], CLIENT_2],
  [
    // A client's first connection, with its presence, which is a retained message.
    [...LEAF_TABLES, 'retained', 'indexed', 'arrived'],
    ['session', 'subscription', 'subscriber'],
  ],
)
