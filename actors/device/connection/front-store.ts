// Connections behind a FrontActor: their attachments, which the platform keeps for sockets of an actor's own.
import type { Storage } from '../../platform.ts'

export class FrontStore {
  private readonly storage: Storage

  constructor(storage: Storage) {
    this.storage = storage
  }

  all(): { readonly name: string; readonly attachment: unknown }[] {
    return this.storage.exec('SELECT name, attachment FROM front').map((row) => ({
      name: String(row.name),
      attachment: JSON.parse(String(row.attachment)),
    }))
  }

  save(name: string, attachment: unknown): void {
    this.storage.exec(
      'INSERT OR REPLACE INTO front (name, attachment) VALUES (?, ?)',
      name,
      JSON.stringify(attachment),
    )
  }

  remove(name: string): void {
    this.storage.exec('DELETE FROM front WHERE name = ?', name)
  }
}
