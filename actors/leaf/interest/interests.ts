// At the home: which regions get every message, and which have members of shared subscriptions.
import type { RegionId } from '../../../src/id/ids.ts'
import type { RegionInterest } from '../../../src/relay/home.ts'
import type { InterestRequest } from '../../../src/relay/interest.ts'
import type { Storage } from '../../platform.ts'
import { INTEREST_ROWS } from '../schema.ts'
import type { Marks } from '../sync/marks.ts'

export class Interests {
  private readonly storage: Storage
  private readonly marks: Marks
  private readonly known = new Map<RegionId, RegionInterest>()
  /** By interested region, the order of its newest request. */
  private readonly asked = new Map<RegionId, number>()

  constructor(storage: Storage, marks: Marks) {
    this.storage = storage
    this.marks = marks
    for (const row of storage.rows(INTEREST_ROWS)) {
      const region = String(row.region) as RegionId
      this.known.set(region, {
        region,
        plain: row.plain === 1,
        shares: JSON.parse(String(row.shares)) as string[],
      })
      this.asked.set(region, Number(row.asked))
    }
  }

  get all(): readonly RegionInterest[] {
    return [...this.known.values()]
  }

  /** The regions that get every message. */
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

  /** A region's request. @returns the order of its newest request: if higher than this one's, this one withdrew nothing */
  asks({
    region,
    change,
    plain,
    shares,
    order,
  }: Omit<InterestRequest, 'fleet' | 'root' | 'filters'>): number {
    this[change === 'add' ? 'add' : 'set']({ region, plain, shares }, order)
    return Math.max(order, this.asked.get(region) ?? 0)
  }

  /** Adds to a region's interest. @returns whether that changed anything */
  add({ region, plain, shares }: RegionInterest, order = 0): boolean {
    const before = this.known.get(region)
    return this.write(
      {
        region,
        plain: plain || before?.plain === true,
        shares: [...new Set([...(before?.shares ?? []), ...shares])],
      },
      order,
    )
  }

  /** Replaces a region's interest, unless a newer request came before. @returns whether that changed anything */
  set(interest: RegionInterest, order = 0): boolean {
    return order >= (this.asked.get(interest.region) ?? 0) && this.write(interest, order)
  }

  clear(): void {
    this.asked.clear()
    for (const { region } of this.all) this.set({ region, plain: false, shares: [] })
  }

  private write(interest: RegionInterest, order: number): boolean {
    const { region, plain, shares } = interest
    const before = this.known.get(region)
    const changed = plain !== (before?.plain ?? false) || !sameNames(shares, before?.shares ?? [])
    const asked = Math.max(order, this.asked.get(region) ?? 0)
    if (!changed && (before === undefined || asked === this.asked.get(region))) return false
    this.marks.one('interests', true)
    if (!plain && shares.length === 0) {
      this.storage.exec('DELETE FROM interest WHERE region = ?', region)
      this.known.delete(region)
      this.asked.delete(region)
    } else {
      this.storage.exec(
        'INSERT OR REPLACE INTO interest (region, plain, shares, asked) VALUES (?, ?, ?, ?)',
        region,
        Number(plain),
        JSON.stringify(shares),
        asked,
      )
      this.known.set(region, interest)
      this.asked.set(region, asked)
    }
    return changed
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}
