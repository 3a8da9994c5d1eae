// The tables of a session. Made with the first write, so that a client which keeps nothing stores nothing.

export const SESSION_SCHEMA: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS session (one INTEGER PRIMARY KEY, id TEXT NOT NULL, expiry_seconds INTEGER NOT NULL, disconnected_at REAL, last_position INTEGER NOT NULL, sent_up_to INTEGER NOT NULL, exported_up_to INTEGER, fenced INTEGER)',
  'CREATE TABLE IF NOT EXISTS subscription (filter TEXT PRIMARY KEY, options TEXT NOT NULL, registered INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS queue (position INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, delivery BLOB NOT NULL, share TEXT)',
  'CREATE INDEX IF NOT EXISTS shared ON queue (position) WHERE share IS NOT NULL',
  'CREATE TABLE IF NOT EXISTS orphan (id INTEGER PRIMARY KEY AUTOINCREMENT, delivery BLOB NOT NULL)',
  'CREATE TABLE IF NOT EXISTS released (position INTEGER PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS received (packet_id INTEGER PRIMARY KEY, origin TEXT NOT NULL, settled INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS live_bulk (one INTEGER PRIMARY KEY, bulk TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS will (one INTEGER PRIMARY KEY, record BLOB NOT NULL, delay_seconds INTEGER NOT NULL, expiry_seconds INTEGER, publish_at REAL)',
  // Filters that the client has spoken of since this home began without its predecessor.
  'CREATE TABLE IF NOT EXISTS subscription_changed (filter TEXT PRIMARY KEY)',
  // The session that this home began with, should something of it come late.
  'CREATE TABLE IF NOT EXISTS imported (one INTEGER PRIMARY KEY, session TEXT NOT NULL)',
]
