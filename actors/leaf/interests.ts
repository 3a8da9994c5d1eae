// At the home: the regions that are sent every message. Elsewhere: this region's standing request to be one of them.
import type { RegionId } from '../../src/id/ids.ts'
import type { Storage } from '../platform.ts'
import type { Tables } from '../tables.ts'

export class Interests {
  private readonly storage: Storage
  private readonly tables: Tables
  private readonly known = new Set<RegionId>()

  constructor(storage: Storage, tables: Tables) {
    this.storage = storage
    this.tables = tables
    if (!tables.exist) return
    for (const row of storage.exec('SELECT region FROM interest'))
      this.known.add(String(row.region) as RegionId)
  }

  get regions(): readonly RegionId[] {
    return [...this.known]
  }

  /** True if that changed anything. */
  set(region: RegionId, interested: boolean): boolean {
    if (this.known.has(region) === interested) return false
    this.tables.make()
    if (interested) {
      this.storage.exec('INSERT INTO interest (region) VALUES (?)', region)
      this.known.add(region)
    } else {
      this.storage.exec('DELETE FROM interest WHERE region = ?', region)
      this.known.delete(region)
    }
    return true
  }

  clear(): void {
    for (const region of this.regions) this.set(region, false)
  }
}
