// The tables of a leaf. Made with the first write, so that a leaf which keeps nothing stores nothing.
import type { Storage } from '../platform.ts'

export const LEAF_SCHEMA: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS home (one INTEGER PRIMARY KEY, region TEXT NOT NULL, epoch INTEGER NOT NULL, interests_version INTEGER NOT NULL, state TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS subscriber (client TEXT NOT NULL, filter TEXT NOT NULL, session TEXT NOT NULL, qos INTEGER NOT NULL, no_local INTEGER NOT NULL, retain_as_published INTEGER NOT NULL, identifier INTEGER NOT NULL, PRIMARY KEY (client, filter))',
  'CREATE TABLE IF NOT EXISTS interest (region TEXT PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, record BLOB NOT NULL)',
  'CREATE TABLE IF NOT EXISTS backlog (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, session TEXT NOT NULL, delivery BLOB NOT NULL)',
]

/** Makes tables at the first write and tells before whether there are any. */
export class Tables {
  private readonly storage: Storage
  private readonly schema: readonly string[]
  private made: boolean

  /** @param probe a table of the schema */
  constructor(storage: Storage, schema: readonly string[], probe: string) {
    this.storage = storage
    this.schema = schema
    this.made =
      storage.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", probe).length > 0
  }

  get exist(): boolean {
    return this.made
  }

  make(): void {
    if (this.made) return
    for (const statement of this.schema) this.storage.exec(statement)
    this.made = true
  }
}
