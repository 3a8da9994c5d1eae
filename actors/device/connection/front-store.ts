// Connections behind a FrontActor: their attachments, which the platform keeps for sockets of an actor's own.
import type { Storage } from '../../platform.ts'
import { Tables } from '../../storage/tables.ts'

const SCHEMA = ['CREATE TABLE IF NOT EXISTS front (name TEXT PRIMARY KEY, attachment TEXT NOT NULL)']

export class FrontStore {
  private readonly storage: Storage
  private readonly tables: Tables

  constructor(storage: Storage) {
    this.storage = storage
    this.tables = new Tables(storage, SCHEMA, 'front')
  }

  all(): { readonly name: string; readonly attachment: unknown }[] {
    if (!this.tables.exist) return []
    return this.storage.exec('SELECT name, attachment FROM front').map((row) => ({
      name: String(row.name),
      attachment: JSON.parse(String(row.attachment)),
    }))
  }

  save(name: string, attachment: unknown): void {
    this.tables.make()
    this.storage.exec(
      'INSERT OR REPLACE INTO front (name, attachment) VALUES (?, ?)',
      name,
      JSON.stringify(attachment),
    )
  }

  remove(name: string): void {
    if (this.tables.exist) this.storage.exec('DELETE FROM front WHERE name = ?', name)
  }
}
