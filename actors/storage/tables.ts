// An actor's tables, made with its first write: an actor that keeps nothing stores nothing.
import type { Storage } from '../platform.ts'

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
