// The directory: where each root's home is, from the store and a small cache; claims and hand-overs. One that has gone back
// in time is put right by whoever knows better (decision 21).
import type { FleetId, RegionId, Root } from '../src/id/ids.ts'
import {
  type HandoverState,
  type HomeKnown,
  type ImportedRequest,
  type ImportedResponse,
  LATE_NOWHERE,
  TOOK_NOTHING,
} from '../src/relay/home.ts'
import type { HomeAnswer } from '../src/relay/home-answer.ts'
import { noChange } from '../src/relay/sync.ts'
import { EdgeSilent, EdgeUnreachable } from './edge-errors.ts'
import type { Edges } from './edges.ts'
import { CLAIM_TRIES_MAX, HOME_CACHE_MS, HOME_CACHE_ROOTS_MAX } from './limits.ts'
import { Silence } from './silence.ts'
import type { Home, Store } from './store/port.ts'

export class Directory {
  private readonly store: Store
  private readonly edges: Edges
  private readonly silence: Silence
  private readonly now: () => number
  private readonly restored: (fleet: FleetId, root: Root, home: HomeAnswer) => void
  private readonly cache = new Map<string, { readonly home: Home; readonly until: number }>()

  /**
   * @param now milliseconds that only grow
   * @param restored called when the store's home of a root was older than one that somebody knew of
   */
  constructor(
    store: Store,
    edges: Edges,
    silence = new Silence(edges),
    now: () => number = () => performance.now(),
    restored: (fleet: FleetId, root: Root, home: HomeAnswer) => void = () => undefined,
  ) {
    this.store = store
    this.edges = edges
    this.silence = silence
    this.now = now
    this.restored = restored
  }

  /** Where the home is, or was a moment ago; `region` becomes it if there is none. @param known as for `find` */
  async guess(fleet: FleetId, root: Root, region: RegionId, known?: HomeAnswer): Promise<HomeAnswer> {
    const entry = this.cache.get(keyOf(fleet, root))
    if (entry !== undefined && entry.until > this.now() && entry.home.epoch >= (known?.epoch ?? 0))
      return answer(entry.home)
    return this.resolve(fleet, root, region, known)
  }

  /** As the store says now; null where there is none. @param known the newest home that whoever asks knows of */
  async find(fleet: FleetId, root: Root, known?: HomeAnswer): Promise<HomeAnswer | null> {
    const home = await this.read(fleet, root, known ?? null)
    return home === null ? null : answer(this.remember(fleet, root, home))
  }

  /** As the store says now; `region` becomes it if there is none. @param known as for `find` */
  async resolve(fleet: FleetId, root: Root, region: RegionId, known?: HomeAnswer): Promise<HomeAnswer> {
    const home = await this.find(fleet, root, known)
    if (home !== null) return home
    const result = await this.store.claimHome(fleet, root, region, 0)
    if (result.home === null) throw new Error(`${fleet}/${root} was released while it was claimed`)
    return answer(this.remember(fleet, root, result.home))
  }

  /**
   * Makes a region the home because a client came up there, and fetches what the former home kept: from that home, or,
   * where its region does not answer, what it had synced to the store. Rejects with `EdgeUnreachable` where the former
   * home answers that it cannot hand over; then nothing has changed.
   * @param known as for `find`
   */
  async claim(
    fleet: FleetId,
    root: Root,
    region: RegionId,
    known?: HomeAnswer,
  ): Promise<{ home: HomeAnswer; state: HandoverState | null; synced: boolean }> {
    let newest = known ?? null
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      let home = await this.read(fleet, root, newest)
      let silent: boolean | null = null
      if (home === null || home.region !== region) {
        if (home !== null) {
          const told = await this.ask(fleet, root, home.region)
          silent = told === null
          newest = told && (await this.prepare(fleet, root, home, region, told))
          if (newest !== null) continue
        }
        const result = await this.store.claimHome(fleet, root, region, home?.epoch ?? 0)
        if (!result.claimed) continue
        home = result.home
      }
      this.remember(fleet, root, home)
      const importFrom = home.importFrom.at(-1)
      if (importFrom === undefined) return { home: answer(home), state: null, synced: false }
      silent ??= await this.silence.of(importFrom)
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
    // Where the directory has forgotten this home, it lists no former one that could be asked.
    const home = await this.read(fleet, root, { region, epoch })
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
        if (released.late.length > 0 || retained.length + shadows.length + subscriptions.length > 0)
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

  /** As the store says, unless somebody knows of a newer home: then the directory has gone back. */
  private async read(fleet: FleetId, root: Root, known: HomeAnswer | null): Promise<Home | null> {
    // Before the store is asked: what comes to be remembered meanwhile may well be newer than its answer.
    const remembered = this.cache.get(keyOf(fleet, root))?.home ?? null
    const home = await this.store.home(fleet, root)
    const newest = (known?.epoch ?? 0) > (remembered?.epoch ?? 0) ? known : remembered
    if (newest === null || newest.epoch <= (home?.epoch ?? 0)) return home
    const restored = await this.store.restoreHome(fleet, root, answer(newest), this.edges.regions)
    if (restored?.epoch === newest.epoch) this.restored(fleet, root, answer(newest))
    return restored
  }

  /** What is known at the home; null where its region is silent. */
  private async ask(fleet: FleetId, root: Root, region: RegionId): Promise<HomeKnown | null> {
    const ask = () => this.edges.homeKnown(region, { fleet, root })
    // Side by side with whether the region is there at all, since whoever moves waits for both.
    const early = ask().catch((cause: unknown) => ({ cause }))
    if (await this.silence.of(region)) return null
    const told = await early
    if (!('cause' in told)) return told
    if (!(told.cause instanceof EdgeSilent)) throw told.cause
    try {
      return await ask()
    } catch (cause) {
      if (!(cause instanceof EdgeSilent) || !(await this.silence.of(region))) throw cause
      return null
    }
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
   * @param told what is known there
   * @returns the home that it knows of, where that is newer than the directory's; null where the claim may go on
   */
  private async prepare(
    fleet: FleetId,
    root: Root,
    home: Home,
    region: RegionId,
    told: HomeKnown,
  ): Promise<HomeAnswer | null> {
    if (told.home !== null && told.home.epoch > home.epoch) return told.home
    if (told.home?.epoch === home.epoch && told.imported) {
      // It confirms that once only, and the directory may have forgotten it.
      for (const former of home.importFrom) await this.store.confirmImport(fleet, root, home.epoch, former)
      return null
    }
    const silent = await Promise.all(home.importFrom.map((one) => one !== region && this.silence.of(one)))
    if (silent.every(Boolean)) return null
    // Asking it as the home makes it finish its own import first. The interest is what the region has as the next home's
    // former one, should the claim fail; a region that needs nothing withdraws with the first message.
    const asked = await this.edges.interest(home.region, {
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
    if (asked.status === 'moved' && asked.home !== undefined && asked.home.epoch > home.epoch)
      return asked.home
    const settled = await this.store.home(fleet, root)
    const open = settled?.epoch === home.epoch ? settled.importFrom : []
    const reachable = home.importFrom.filter((_, i) => !silent[i])
    if (open.some((one) => reachable.includes(one)))
      throw new EdgeUnreachable(home.region, `${home.region} has not yet imported ${fleet}/${root}`)
    return null
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

function answer({ region, epoch }: HomeAnswer): HomeAnswer {
  return { region, epoch }
}
