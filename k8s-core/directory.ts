// The directory: where each root's home is, from the store and a small cache; claims and hand-overs.
import type { FleetId, RegionId, Root } from '../src/id/ids.ts'
import type { HandoverState, HomeAnswer, ImportedRequest, ImportedResponse } from '../src/relay/home.ts'
import { type Edges, EdgeUnreachable } from './edges.ts'
import { CLAIM_TRIES_MAX, HOME_CACHE_MS, HOME_CACHE_ROOTS_MAX } from './limits.ts'
import type { Home, Store } from './store/port.ts'

export class Directory {
  private readonly store: Store
  private readonly edges: Edges
  private readonly now: () => number
  private readonly cache = new Map<string, { readonly home: Home; readonly until: number }>()

  constructor(store: Store, edges: Edges, now: () => number = Date.now) {
    this.store = store
    this.edges = edges
    this.now = now
  }

  /** Where the home is, or was a moment ago; `region` becomes it if there is none. */
  async guess(fleet: FleetId, root: Root, region: RegionId): Promise<HomeAnswer> {
    const known = this.cache.get(keyOf(fleet, root))
    if (known !== undefined && known.until > this.now()) return answer(known.home)
    return this.resolve(fleet, root, region)
  }

  /** As the store says now; null where there is none. */
  async find(fleet: FleetId, root: Root): Promise<HomeAnswer | null> {
    const home = await this.store.home(fleet, root)
    return home === null ? null : answer(this.remember(fleet, root, home))
  }

  /** As the store says now; `region` becomes it if there is none. */
  async resolve(fleet: FleetId, root: Root, region: RegionId): Promise<HomeAnswer> {
    const home = await this.find(fleet, root)
    if (home !== null) return home
    const result = await this.store.claimHome(fleet, root, region, 0)
    if (result.home === null) throw new Error(`${fleet}/${root} was released while it was claimed`)
    return answer(this.remember(fleet, root, result.home))
  }

  /**
   * Makes a region the home because a client came up there, and fetches what the former home kept.
   * Rejects with `EdgeUnreachable` where the former home cannot be asked; then nothing has changed.
   */
  async claim(
    fleet: FleetId,
    root: Root,
    region: RegionId,
  ): Promise<{ home: HomeAnswer; state: HandoverState | null }> {
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      let home = await this.store.home(fleet, root)
      if (home === null || home.region !== region) {
        if (home !== null) await this.prepare(fleet, root, home, region)
        const result = await this.store.claimHome(fleet, root, region, home?.epoch ?? 0)
        if (!result.claimed) continue
        home = result.home
      }
      this.remember(fleet, root, home)
      const { epoch, importFrom } = home
      const state =
        importFrom === null ? null : await this.edges.handover(importFrom, { fleet, root, epoch, to: region })
      return { home: answer(home), state }
    }
    throw new EdgeUnreachable(region, `${fleet}/${root} is being claimed from several sides`)
  }

  /** The home has what its former one kept, which may let go, unless more came meanwhile. */
  async imported({ fleet, root, region, epoch, tookUpTo }: ImportedRequest): Promise<ImportedResponse> {
    const home = await this.store.home(fleet, root)
    if (home === null || home.region !== region || home.epoch !== epoch || home.importFrom === null) {
      return { late: '', upTo: 0 }
    }
    const released = await this.edges.release(home.importFrom, { fleet, root, epoch, tookUpTo })
    if (released.late === '') await this.store.confirmImport(fleet, root, epoch)
    return released
  }

  async isCurrent(fleet: FleetId, root: Root, region: RegionId, epoch: number): Promise<boolean> {
    const home = await this.store.home(fleet, root)
    return home !== null && home.region === region && home.epoch === epoch
  }

  /** The old home must be there to hand over, and must itself have all that its predecessor kept. */
  private async prepare(fleet: FleetId, root: Root, home: Home, region: RegionId): Promise<void> {
    if (home.importFrom === null) return this.edges.ping(home.region)
    // Asking it as the home makes it finish its own import first. The interest is what the region has as the next home's
    // former one, should the claim fail; a region that needs nothing withdraws with the first message.
    await this.edges.interest(home.region, {
      fleet,
      root,
      region,
      epoch: home.epoch,
      change: 'add',
      plain: true,
      shares: [],
      filters: [],
    })
    const settled = await this.store.home(fleet, root)
    if (settled?.epoch === home.epoch && settled.importFrom !== null) {
      throw new EdgeUnreachable(home.region, `${home.region} has not yet imported ${fleet}/${root}`)
    }
  }

  private remember(fleet: FleetId, root: Root, home: Home): Home {
    if (this.cache.size >= HOME_CACHE_ROOTS_MAX) this.cache.clear()
    this.cache.set(keyOf(fleet, root), { home, until: this.now() + HOME_CACHE_MS })
    return home
  }
}

function keyOf(fleet: FleetId, root: Root): string {
  return `${fleet} ${root}`
}

function answer({ region, epoch }: Home): HomeAnswer {
  return { region, epoch }
}
