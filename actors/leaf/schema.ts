// The tables of a leaf. Made with the first write, so that a leaf which keeps nothing stores nothing.

/** Of Subscribers and FanOut, whoever uses them. */
export const SUBSCRIBER_SCHEMA: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS subscriber (client TEXT NOT NULL, filter TEXT NOT NULL, session TEXT NOT NULL, qos INTEGER NOT NULL, no_local INTEGER NOT NULL, retain_as_published INTEGER NOT NULL, identifier INTEGER NOT NULL, PRIMARY KEY (client, filter))',
  'CREATE TABLE IF NOT EXISTS backlog (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, session TEXT NOT NULL, delivery BLOB NOT NULL)',
]

export const LEAF_SCHEMA: readonly string[] = [
  ...SUBSCRIBER_SCHEMA,
  'CREATE TABLE IF NOT EXISTS home (one INTEGER PRIMARY KEY, region TEXT NOT NULL, epoch INTEGER NOT NULL, state TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS interest (region TEXT PRIMARY KEY, plain INTEGER NOT NULL, shares TEXT NOT NULL, asked INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, record BLOB NOT NULL)',
  'CREATE TABLE IF NOT EXISTS retained_changed (topic TEXT PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY)',
]
