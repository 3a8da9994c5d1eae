// The wide filters of the other regions: each region's whole set for this shard, as far as this actor has learnt it.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { type Reach, reachOf } from '../../src/id/root.ts'
import { topicNames } from '../../src/id/shadow-topic.ts'
import { matches, parseShared, plainFilter } from '../../src/mqtt/topic.ts'
import { MATCH_CACHE_TOPICS_MAX } from '../limits.ts'
import type { Storage } from '../platform.ts'

interface Wanted {
  readonly version: number
  readonly filters: readonly string[]
}

export class RemoteFilters {
  private readonly storage: Storage
  private readonly known = new Map<RegionId, Wanted>()
  private readonly topics = new Map<string, readonly RegionId[]>()
  private readonly roots = new Map<Root, Reach>()
  private sharedFilters: readonly string[] = []

  constructor(storage: Storage) {
    this.storage = storage
    for (const row of storage.exec('SELECT region, version, filters FROM other')) {
      this.known.set(String(row.region) as RegionId, {
        version: Number(row.version),
        filters: JSON.parse(String(row.filters)) as string[],
      })
    }
    this.sharedFilters = this.findShared()
  }

  /** Stores a region's set, unless a higher version is known. */
  learn(region: RegionId, version: number, filters: readonly string[]): void {
    if (version <= (this.known.get(region)?.version ?? 0)) return
    this.storage.exec(
      'INSERT OR REPLACE INTO other (region, version, filters) VALUES (?, ?, ?)',
      region,
      version,
      JSON.stringify(filters),
    )
    this.known.set(region, { version, filters })
    this.forgetAnswers()
  }

  /** Forgets the sets of regions that no longer exist. */
  keepOnly(regions: readonly RegionId[]): void {
    for (const region of this.known.keys()) {
      if (regions.includes(region)) continue
      this.storage.exec('DELETE FROM other WHERE region = ?', region)
      this.known.delete(region)
      this.forgetAnswers()
    }
  }

  /** The regions with a filter that matches this topic. */
  wanting(topic: string): readonly RegionId[] {
    let regions = this.topics.get(topic)
    if (regions === undefined) {
      const names = topicNames(topic)
      regions = [...this.known].flatMap(([region, { filters }]) =>
        filters.some((filter) => names.some((name) => matches(filter, name))) ? [region] : [],
      )
      if (this.topics.size >= MATCH_CACHE_TOPICS_MAX) this.topics.clear()
      this.topics.set(topic, regions)
    }
    return regions
  }

  /** Shared subscriptions with members in other regions. */
  get shares(): readonly string[] {
    return this.sharedFilters
  }

  /** The regions with members of a shared subscription. */
  having(share: string): readonly RegionId[] {
    return [...this.known].flatMap(([region, { filters }]) => (filters.includes(share) ? [region] : []))
  }

  /** Which messages of this root a filter of another region could match. */
  reach(root: Root): Reach {
    let reach = this.roots.get(root)
    if (reach === undefined) {
      const wanted = [...this.known.values()].flatMap(({ filters }) => filters)
      reach = reachOf(wanted.map(plainFilter), root)
      if (this.roots.size >= MATCH_CACHE_TOPICS_MAX) this.roots.clear()
      this.roots.set(root, reach)
    }
    return reach
  }

  private forgetAnswers(): void {
    this.sharedFilters = this.findShared()
    this.topics.clear()
    this.roots.clear()
  }

  private findShared(): readonly string[] {
    const all = [...this.known.values()].flatMap(({ filters }) => filters)
    return [...new Set(all)].filter((filter) => parseShared(filter) !== null)
  }
}
