// The directory of homes: the store behind a small cache. Also runs claims and hand-overs, and corrects a directory that was
// restored from a backup (decision 21).
import type { FleetId, RegionId, Root } from '../src/id/ids.ts'
import {
  ALL_IMPORTED,
  type ClaimRequest,
  type ClaimResponse,
  type HandoverRequest,
  type HandoverResponse,
  type HandoverState,
  type HomeKnown,
  type ImportedRequest,
  type ImportedResponse,
  REMAINDER_START,
} from '../src/relay/home.ts'
import type { HomeAnswer } from '../src/relay/home-answer.ts'
import type { PageWanted } from '../src/relay/page.ts'
import { noChange } from '../src/relay/sync.ts'
import { AbsentRoots } from './absent-roots.ts'
import { EdgeSilent, EdgeUnreachable } from './edge-errors.ts'
import type { Edges } from './edges.ts'
import { HomeCache } from './home-cache.ts'
import { CLAIM_TRIES_MAX } from './limits.ts'
import { Silence } from './silence.ts'
import type { Home, Store } from './store/port.ts'

export class Directory {
  private readonly store: Store
  private readonly edges: Edges
  private readonly silence: Silence
  private readonly restored: (fleet: FleetId, root: Root, home: HomeAnswer) => void
  private readonly cache: HomeCache
  private readonly absent: AbsentRoots

  /**
   * @param now milliseconds that only grow
   * @param restored called when a region knew a newer home of a root than the store
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
    this.cache = new HomeCache(now)
    this.absent = new AbsentRoots(now)
    this.restored = restored
  }

  /**
   * The home, perhaps as it was some time ago. If the root has none, `region` becomes the home. A home that this pod remembers
   * needs no store, so messages between known homes flow while the store is away. @param known as for `find`
   */
  async guess(fleet: FleetId, root: Root, region: RegionId, known?: HomeAnswer): Promise<HomeAnswer> {
    const epochMin = known?.epoch ?? 0
    const remembered = this.cache.get(fleet, root)
    if (remembered !== null && remembered.epoch >= epochMin) {
      if (this.cache.shallRefresh(fleet, root)) void this.refresh(fleet, root, remembered)
      return answer(remembered)
    }
    const recent = await this.store.recentHome(fleet, root)
    if (recent !== null && recent.epoch >= Math.max(epochMin, remembered?.epoch ?? 0))
      return answer(this.remember(fleet, root, recent))
    return this.resolve(fleet, root, region, known)
  }

  private async refresh(fleet: FleetId, root: Root, { epoch }: Home): Promise<void> {
    try {
      const recent = await this.store.recentHome(fleet, root)
      if (recent === null) this.cache.delete(fleet, root)
      else if (recent.epoch >= epoch) this.remember(fleet, root, recent)
    } catch {
      // The store is away: the remembered home serves, and is asked for again later.
    }
  }

  /** The home in the store; null if the root has none. @param known the newest home that the caller knows */
  async find(fleet: FleetId, root: Root, known?: HomeAnswer): Promise<HomeAnswer | null> {
    const home = await this.read(fleet, root, known ?? null)
    return home === null ? null : answer(this.remember(fleet, root, home))
  }

  /**
   * As `find`, for somebody who only reads: null too if the root had no home a moment ago (HOME_ABSENT_MS). Never for messages
   * and subscribers: another pod may have made a home meanwhile, and a message for its subscribers would be lost (promise 5).
   */
  async findForReader(fleet: FleetId, root: Root, known?: HomeAnswer): Promise<HomeAnswer | null> {
    if (known === undefined && this.absent.has(fleet, root)) return null
    const home = await this.find(fleet, root, known)
    // Unless the root got a home here while the store was read.
    if (home === null && this.cache.get(fleet, root) === null) this.absent.add(fleet, root)
    return home
  }

  /** The home in the store. If the root has none, `region` becomes the home. @param known as for `find` */
  async resolve(fleet: FleetId, root: Root, region: RegionId, known?: HomeAnswer): Promise<HomeAnswer> {
    const home = await this.find(fleet, root, known)
    if (home !== null) return home
    const result = await this.store.claimHome(fleet, root, region, 0)
    if (result.home === null) throw new Error(`${fleet}/${root} was released while it was claimed`)
    return answer(this.remember(fleet, root, result.home))
  }

  /**
   * Makes a region the home because the client connected there, and fetches the former home's state: from that home, or from
   * the store if its region is silent (then `synced` is true). Rejects with `EdgeUnreachable`, and changes nothing, if the
   * former home answers that it cannot hand over.
   * @param asked `known` as for `find`; `cleanStart`: the client begins a new session; `pages`: what the region has so far of
   * the former home's state, absent if the region takes the state as a whole
   */
  async claim(
    fleet: FleetId,
    root: Root,
    region: RegionId,
    { known, cleanStart, pages }: Pick<ClaimRequest, 'known' | 'cleanStart' | 'pages'> = {},
  ): Promise<ClaimResponse> {
    let newest = known ?? null
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      let home = await this.read(fleet, root, newest)
      let silent: boolean | null = null
      if (home === null || home.region !== region) {
        if (home !== null) {
          const begun = pages !== undefined && pages.cursor !== '' && !pages.copied
          const more = begun ? await this.copy(fleet, root, home, region, pages) : null
          if (more !== null) return more
          const leaf = await this.askHome(fleet, root, home.region, pages)
          silent = leaf === null
          newest = leaf && (await this.prepare(fleet, root, home, region, leaf))
          if (newest !== null) continue
          const lacks = pages !== undefined && leaf?.pages === true
          const page = lacks ? await this.copy(fleet, root, home, region, pages) : null
          if (page !== null) return page
        }
        const result = await this.store.claimHome(fleet, root, region, home?.epoch ?? 0)
        if (!result.claimed) continue
        home = result.home
      }
      this.remember(fleet, root, home)
      const importFrom = home.importFrom.at(-1)
      if (importFrom === undefined) return { home: answer(home), state: null, synced: false }
      silent ??= await this.silence.of(importFrom)
      const handedOver = silent
        ? null
        : await this.handover(fleet, root, home, importFrom, { cleanStart, cursor: pages?.cursor })
      // With older homes still open, their unsynced state is unknown: the new home must ask them too.
      const synced = home.importFrom.length > 1
      if (handedOver?.page !== undefined && handedOver.page.next !== null)
        return { home: answer(home), state: handedOver.state, page: handedOver.page, synced }
      if (handedOver?.state == null)
        return { home: answer(home), state: await this.takeState(fleet, root, home.epoch), synced: true }
      await this.storeInterests(fleet, root, home, handedOver.state)
      const { state, page } = handedOver
      return { home: answer(home), state, synced, ...(page !== undefined && { page }) }
    }
    throw new EdgeUnreachable(region, `several regions claim ${fleet}/${root} at once`)
  }

  /**
   * The home has imported the state that it got. Asks each former home, the oldest first, to release the root, and returns
   * the first remainder found. An unreachable one delays no other; the call rejects after the others.
   * @param formerKnows called for each former home that now knows its successor
   */
  async imported(
    request: ImportedRequest,
    formerKnows: (former: RegionId) => void = () => undefined,
  ): Promise<ImportedResponse> {
    const { fleet, root, region, epoch, from, tookUpTo, synced, registered } = request
    const { tookTopic, tookShadow, tookFilter } = request
    // A directory that forgot this home lists no former home to ask.
    const home = await this.read(fleet, root, { region, epoch })
    if (home === null || home.region !== region || home.epoch !== epoch) return ALL_IMPORTED
    let failure: unknown = null
    let outcome = ALL_IMPORTED
    for (const former of home.importFrom) {
      const imported = former === from ? { tookUpTo, tookTopic, tookShadow, tookFilter } : REMAINDER_START
      try {
        const asked = { fleet, root, to: region, epoch, synced, registered, ...imported }
        const released = await this.edges.release(former, asked)
        formerKnows(former)
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

  /** The home in the store. If the caller or the cache knows a newer one, the store lost it: restores it first. */
  private async read(fleet: FleetId, root: Root, known: HomeAnswer | null): Promise<Home | null> {
    // Read the cache first: during the store's answer it may get a home that is rightly newer.
    const remembered = this.cache.get(fleet, root)
    const home = await this.store.home(fleet, root)
    const newest = (known?.epoch ?? 0) > (remembered?.epoch ?? 0) ? known : remembered
    if (newest === null || newest.epoch <= (home?.epoch ?? 0)) return home
    const restored = await this.store.restoreHome(fleet, root, answer(newest), this.edges.regions)
    if (restored?.epoch === newest.epoch) this.restored(fleet, root, answer(newest))
    return restored
  }

  /** The home as the leaf of that region knows it; null if the region is silent. */
  private async askHome(
    fleet: FleetId,
    root: Root,
    region: RegionId,
    pages: PageWanted | undefined,
  ): Promise<HomeKnown | null> {
    const copied = pages?.copied === true ? { copied: pages.cursor } : {}
    const ask = () => this.edges.homeKnown(region, { fleet, root, ...copied })
    // Asked beside the ping, since the client that moves waits for both.
    const early = ask().catch((cause: unknown) => ({ cause }))
    if (await this.silence.of(region)) return null
    const answered = await early
    if (!('cause' in answered)) return answered
    if (!(answered.cause instanceof EdgeSilent)) throw answered.cause
    try {
      return await ask()
    } catch (cause) {
      if (!(cause instanceof EdgeSilent) || !(await this.silence.of(region))) throw cause
      return null
    }
  }

  /** The synced state in the store, with the time of the last message in its history. */
  private async takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState> {
    const state = await this.store.takeState(fleet, root, epoch)
    const ever = { from: 0, to: Number.MAX_SAFE_INTEGER, order: 'newest', after: null, limit: 1 } as const
    const [last] = (await this.store.history({ fleet, root, ...ever })).messages
    return last === undefined ? state : { ...state, keptAt: last.at }
  }

  /** A page of the state of a home that goes on serving. Null if the region is no longer the home, or is silent. */
  private async copy(
    fleet: FleetId,
    root: Root,
    home: Home,
    to: RegionId,
    { cursor }: PageWanted,
  ): Promise<ClaimResponse | null> {
    try {
      const copied = await this.edges.copy(home.region, { fleet, root, epoch: home.epoch, to, cursor })
      if (copied.status === 'moved') return null
      return { home: answer(home), state: copied.state, page: copied.page, synced: false }
    } catch (cause) {
      if (!(cause instanceof EdgeSilent)) throw cause
      return null
    }
  }

  /** The state of the former home, or a page of it; null if its region is silent. Without a state if it never began as the home. */
  private async handover(
    fleet: FleetId,
    root: Root,
    { region, epoch }: Home,
    from: RegionId,
    asked: Pick<HandoverRequest, 'cleanStart' | 'cursor'>,
  ): Promise<HandoverResponse | null> {
    try {
      return await this.edges.handover(from, { fleet, root, epoch, to: region, ...asked })
    } catch (cause) {
      if (!(cause instanceof EdgeSilent) || !(await this.silence.of(from))) throw cause
      return null
    }
  }

  /**
   * Stores the interests with the new home's epoch. Without this, a new home that is lost before its first sync leaves the
   * store without the former home's own region, whose subscribers would then miss messages (promise 5).
   */
  private async storeInterests(
    fleet: FleetId,
    root: Root,
    { region, epoch }: Home,
    { clock, interests }: HandoverState,
  ): Promise<void> {
    if (interests.length === 0) return
    // Version 0: below every sync of the new home, above every sync of the former one.
    const change = { ...noChange(), fleet, root, epoch, version: 0, clock, interests }
    if (!(await this.store.putState(change)))
      throw new EdgeUnreachable(region, `${fleet}/${root} has moved again meanwhile`)
  }

  /**
   * Makes sure that an old home which answers has imported from its own predecessors. Silent ones are left out: the new home
   * asks them when they are back.
   * @param leaf the home as the old home's leaf knows it
   * @returns a newer home than the directory's, if the old home knows one; null if the claim may go on
   */
  private async prepare(
    fleet: FleetId,
    root: Root,
    home: Home,
    region: RegionId,
    leaf: HomeKnown,
  ): Promise<HomeAnswer | null> {
    if (leaf.home !== null && leaf.home.epoch > home.epoch) return leaf.home
    if (leaf.home?.epoch === home.epoch && leaf.imported) {
      // The home confirms an import only once, and the directory may have forgotten that.
      for (const former of home.importFrom) await this.store.confirmImport(fleet, root, home.epoch, former)
      return null
    }
    const silent = await Promise.all(home.importFrom.map((one) => one !== region && this.silence.of(one)))
    if (silent.every(Boolean)) return null
    // An interest call makes the old home finish its import before it answers. If the claim then fails, the region withdraws the
    // needless interest at the first message.
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
      throw new EdgeUnreachable(home.region, `${home.region} is still importing ${fleet}/${root}`)
    return null
  }

  private remember(fleet: FleetId, root: Root, home: Home): Home {
    this.absent.delete(fleet, root)
    this.cache.set(fleet, root, home)
    return home
  }
}

function answer({ region, epoch }: HomeAnswer): HomeAnswer {
  return { region, epoch }
}
