// At the home: which regions are sent every message, and which have members of shared subscriptions.
import type { RegionId } from '../../src/id/ids.ts'
import type { RegionInterest } from '../../src/relay/home.ts'
import type { Storage } from '../platform.ts'
import type { Tables } from '../tables.ts'
import type { Marks } from './marks.ts'

export class Interests {
  private readonly storage: Storage
  private readonly tables: Tables
  private readonly marks: Marks
  private readonly known = new Map<RegionId, RegionInterest>()

  constructor(storage: Storage, tables: Tables, marks: Marks) {
    this.storage = storage
    this.tables = tables
    this.marks = marks
    if (!tables.exist) return
    for (const row of storage.exec('SELECT region, plain, shares FROM interest')) {
      const region = String(row.region) as RegionId
      this.known.set(region, {
        region,
        plain: row.plain === 1,
        shares: JSON.parse(String(row.shares)) as string[],
      })
    }
  }

  get all(): readonly RegionInterest[] {
    return [...this.known.values()]
  }

  /** Those that are sent every message. */
  get regions(): readonly RegionId[] {
    return this.all.flatMap(({ region, plain }) => (plain ? [region] : []))
  }

  /** Shared subscriptions with members in other regions. */
  get shares(): readonly string[] {
    return this.all.flatMap(({ shares }) => shares)
  }

  /** The regions with members of a shared subscription. */
  having(share: string): readonly RegionId[] {
    return this.all.flatMap(({ region, shares }) => (shares.includes(share) ? [region] : []))
  }

  /** What a region wants besides what it already does. True if that changed anything. */
  add({ region, plain, shares }: RegionInterest): boolean {
    const before = this.known.get(region)
    return this.set({
      region,
      plain: plain || before?.plain === true,
      shares: [...new Set([...(before?.shares ?? []), ...shares])],
    })
  }

  /** All that a region wants. True if that changed anything. */
  set(interest: RegionInterest): boolean {
    const { region, plain, shares } = interest
    const before = this.known.get(region)
    if (plain === (before?.plain ?? false) && sameNames(shares, before?.shares ?? [])) return false
    this.tables.make()
    this.marks.one('interests', true)
    if (!plain && shares.length === 0) {
      this.storage.exec('DELETE FROM interest WHERE region = ?', region)
      this.known.delete(region)
    } else {
      this.storage.exec(
        'INSERT OR REPLACE INTO interest (region, plain, shares) VALUES (?, ?, ?)',
        region,
        Number(plain),
        JSON.stringify(shares),
      )
      this.known.set(region, interest)
    }
    return true
  }

  clear(): void {
    for (const { region } of this.all) this.set({ region, plain: false, shares: [] })
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}
