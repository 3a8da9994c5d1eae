// The directory: where each root's home is, from the store and a small cache; claims and hand-overs.
import type { FleetId, RegionId, Root } from '../src/id/ids.ts'
import {
  type HandoverState,
  type HomeAnswer,
  type ImportedRequest,
  type ImportedResponse,
  LATE_NOWHERE,
  TOOK_NOTHING,
} from '../src/relay/home.ts'
import { noChange } from '../src/relay/sync.ts'
import { EdgeSilent, type Edges, EdgeUnreachable } from './edges.ts'
import { CLAIM_TRIES_MAX, HOME_CACHE_MS, HOME_CACHE_ROOTS_MAX } from './limits.ts'
import { Silence } from './silence.ts'
import type { Home, Store } from './store/port.ts'

export class Directory {
  private readonly store: Store
  private readonly edges: Edges
  private readonly silence: Silence
  private readonly now: () => number
  private readonly cache = new Map<string, { readonly home: Home; readonly until: number }>()

  /** @param now milliseconds that only grow */
  constructor(
    store: Store,
    edges: Edges,
    silence = new Silence(edges),
    now: () => number = () => performance.now(),
  ) {
    this.store = store
    this.edges = edges
    this.silence = silence
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
   * Makes a region the home because a client came up there, and fetches what the former home kept: from that home, or,
   * where its region does not answer, what it had synced to the store. Rejects with `EdgeUnreachable` where the former
   * home answers that it cannot hand over; then nothing has changed.
   */
  async claim(
    fleet: FleetId,
    root: Root,
    region: RegionId,
  ): Promise<{ home: HomeAnswer; state: HandoverState | null; synced: boolean }> {
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      let home = await this.store.home(fleet, root)
      const former = home === null || home.region !== region ? home?.region : home.importFrom.at(-1)
      const silent = former !== undefined && (await this.silence.of(former))
      if (home === null || home.region !== region) {
        if (home !== null && !silent) await this.prepare(fleet, root, home, region)
        const result = await this.store.claimHome(fleet, root, region, home?.epoch ?? 0)
        if (!result.claimed) continue
        home = result.home
      }
      this.remember(fleet, root, home)
      const importFrom = home.importFrom.at(-1)
      if (importFrom === undefined) return { home: answer(home), state: null, synced: false }
      const given = silent ? null : await this.handover(fleet, root, home, importFrom)
      if (given !== null) await this.keepInterests(fleet, root, home, given)
      const state = given ?? (await this.takeState(fleet, root, home.epoch))
      // What older homes have yet, nobody knows: they too are asked for whatever the store was not confirmed to have.
      return { home: answer(home), state, synced: given === null || home.importFrom.length > 1 }
    }
    throw new EdgeUnreachable(region, `${fleet}/${root} is being claimed from several sides`)
  }

  /**
   * The home has what it was given: the former ones may let go, unless more came meanwhile. Each is asked, the oldest
   * first; one that is not reached keeps none of the others waiting. Rejects while one is not reached.
   * @param told called for each that knows of its successor from now on
   */
  async imported(
    request: ImportedRequest,
    told: (former: RegionId) => void = () => undefined,
  ): Promise<ImportedResponse> {
    const { fleet, root, region, epoch, from, tookUpTo, synced, registered } = request
    const { tookTopic, tookShadow, tookFilter } = request
    const home = await this.store.home(fleet, root)
    if (home === null || home.region !== region || home.epoch !== epoch) return LATE_NOWHERE
    let failure: unknown = null
    let outcome = LATE_NOWHERE
    for (const former of home.importFrom) {
      const took = former === from ? { tookUpTo, tookTopic, tookShadow, tookFilter } : TOOK_NOTHING
      try {
        const asked = { fleet, root, to: region, epoch, synced, registered, ...took }
        const released = await this.edges.release(former, asked)
        told(former)
        const { retained, shadows, subscriptions } = released
        if (released.late !== '' || retained.length + shadows.length + subscriptions.length > 0)
          return { ...released, from: former }
        if (!released.done) outcome = { ...released, from: former }
        else await this.store.confirmImport(fleet, root, epoch, former)
      } catch (cause) {
        if (!(cause instanceof EdgeUnreachable)) throw cause
        failure ??= cause
      }
    }
    if (failure !== null) throw failure
    return outcome
  }

  /** What the store has, also of when the lost home last kept a message. */
  private async takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState> {
    const state = await this.store.takeState(fleet, root, epoch)
    const ever = { from: 0, to: Number.MAX_SAFE_INTEGER, order: 'newest', after: null, limit: 1 } as const
    const [last] = (await this.store.history({ fleet, root, ...ever })).messages
    return last === undefined ? state : { ...state, keptAt: last.at }
  }

  /** Null where the former home has fallen silent, or never began. */
  private async handover(
    fleet: FleetId,
    root: Root,
    { region, epoch }: Home,
    from: RegionId,
  ): Promise<HandoverState | null> {
    try {
      return (await this.edges.handover(from, { fleet, root, epoch, to: region })).state
    } catch (cause) {
      if (!(cause instanceof EdgeSilent) || !(await this.silence.of(from))) throw cause
      return null
    }
  }

  /**
   * Should the new home be lost before it has synced anything, its successor knows all the same who wants the root: of the
   * former home's own region the store may not have been told, and nobody would ask it again (promise 5).
   */
  private async keepInterests(
    fleet: FleetId,
    root: Root,
    { region, epoch }: Home,
    { clock, interests }: HandoverState,
  ): Promise<void> {
    if (interests.length === 0) return
    // Below all that the new home syncs, above all that is of the former one.
    const change = { ...noChange(), fleet, root, epoch, version: 0, clock, interests }
    if (!(await this.store.putState(change)))
      throw new EdgeUnreachable(region, `${fleet}/${root} has moved on meanwhile`)
  }

  /**
   * The old home is there, and must itself have all that its predecessors kept, unless they are silent: then the new home
   * asks them when they are back.
   */
  private async prepare(fleet: FleetId, root: Root, home: Home, region: RegionId): Promise<void> {
    const silent = await Promise.all(home.importFrom.map((one) => one !== region && this.silence.of(one)))
    if (silent.every(Boolean)) return
    // Asking it as the home makes it finish its own import first. The interest is what the region has as the next home's
    // former one, should the claim fail; a region that needs nothing withdraws with the first message.
    await this.edges.interest(home.region, {
      fleet,
      root,
      region,
      epoch: home.epoch,
      change: 'add',
      order: 0,
      plain: true,
      shares: [],
      filters: [],
    })
    const settled = await this.store.home(fleet, root)
    const open = settled?.epoch === home.epoch ? settled.importFrom : []
    const reachable = home.importFrom.filter((_, i) => !silent[i])
    if (open.some((one) => reachable.includes(one)))
      throw new EdgeUnreachable(home.region, `${home.region} has not yet imported ${fleet}/${root}`)
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
