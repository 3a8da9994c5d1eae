// The leaf: stands for one root in one region. At the root's home it gives the messages their order, keeps the retained
// ones and sends each to the local subscribers, once to each interested region and to the wide filters; elsewhere it passes
// them to the home.
import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { clientOfRoot } from '../../src/id/root.ts'
import type { Message } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { parseShared } from '../../src/mqtt/topic.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { HistorySeamResponse } from '../../src/relay/history.ts'
import type { HandoverState, HomeKnown, ImportedResponse } from '../../src/relay/home.ts'
import { FIRST_EPOCH, type HomeAnswer } from '../../src/relay/home-answer.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../src/relay/interest.ts'
import { encodeRouted } from '../../src/relay/routed.ts'
import type { HomeShadowResponse, ShadowAsked } from '../../src/relay/shadow.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import { LEAF_SOURCES_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { Tables } from '../storage/tables.ts'
import { type DeliverCall, FanOut } from './delivery/fan-out.ts'
import { leafShares } from './delivery/leaf-shares.ts'
import { Sharing } from './delivery/sharing.ts'
import { SubscribeAttempts } from './delivery/subscribe-attempts.ts'
import { Subscribers } from './delivery/subscribers.ts'
import { Home, type HomeEvents, type HomeKnowledge } from './home/home.ts'
import { Interests } from './home/interests.ts'
import { OwnInterest } from './home/own-interest.ts'
import { takeFromUplink } from './home/take-from-uplink.ts'
import { WorldInterests } from './home/world-interests.ts'
import type { LeafRetainedPage, SubscribeReply } from './leaf-peer.ts'
import { ReceivedEnvelopes, runOf } from './links/received-envelopes.ts'
import { Uplinks } from './links/uplinks.ts'
import { WideLink } from './links/wide-link.ts'
import { LEAF_SCHEMA } from './schema.ts'
import { Acceptance, type Heard } from './stages/acceptance.ts'
import { History } from './stages/history.ts'
import { Retained, retainedDeliveries } from './stages/retained.ts'
import { ShadowRequests } from './stages/shadow-requests.ts'
import { Shadows } from './stages/shadows.ts'
import { Marks } from './sync/marks.ts'
import { StoreSync, type SyncedSession } from './sync/store-sync.ts'

/** What the actor around a leaf adds: the client's session, where the leaf is a device's. */
export interface LeafOwner {
  deliver: DeliverCall
  importState(state: HandoverState, synced: boolean): void
  afterImport(): Promise<void>
  late(late: ImportedResponse): Promise<void>
  fence(region: RegionId, epoch: number): void
  session(): SyncedSession | null
  queued(position: number): Uint8Array | null
  along(): RootChange['retained'][number] | null
  hear(publisher: ClientId, message: Message): Heard | null
}

export class Leaf {
  readonly root: Root
  readonly home: Home
  readonly subscribers: Subscribers
  readonly retained: Retained
  readonly shadows: Shadows
  readonly interests: Interests
  readonly history: History
  readonly fanOut: FanOut
  readonly syncing: StoreSync
  readonly sharing: Sharing
  readonly wish: OwnInterest
  private readonly attempts = new SubscribeAttempts()
  private readonly platform: Platform
  private readonly wide: WideLink
  private readonly uplinks: Uplinks
  private readonly world: WorldInterests
  readonly accepting: Acceptance
  private readonly shadowRequests: ShadowRequests
  private readonly received: ReceivedEnvelopes
  private turn: Promise<void> = Promise.resolve()
  private waiting = 0

  constructor(platform: Platform, root: Root, owner: LeafOwner, marks = new Marks(platform)) {
    this.platform = platform
    this.root = root
    const tables = new Tables(platform.storage, LEAF_SCHEMA, 'home')
    this.received = new ReceivedEnvelopes(platform, LEAF_SOURCES_MAX)
    this.subscribers = new Subscribers(platform.storage, tables)
    this.retained = new Retained(platform.storage, tables, marks)
    this.shadows = new Shadows(platform.storage, root, marks, () => platform.now())
    this.interests = new Interests(platform.storage, tables, marks)
    this.history = new History(platform)
    this.fanOut = new FanOut(
      platform,
      tables,
      owner.deliver,
      (client, session) => this.subscribers.remove(client, session, null),
      (share, message) => this.sharing.orphaned(share, message),
    )
    this.sharing = new Sharing(
      platform,
      this.subscribers,
      this.fanOut,
      leafShares(
        root,
        () => this.home.knowledge,
        this.interests,
        () => this.uplinks,
      ),
    )
    const events: HomeEvents = {
      importState: (state, synced) => {
        // This region may itself be an old home that nobody has asked for what it had yet; nor has one that hands over.
        const retained = this.retained.unsynced()
        const shadows = this.shadows.late('', Number.MAX_SAFE_INTEGER)
        owner.importState(state, synced)
        this.retained.import(state.retained, synced, retained)
        for (const { path, error } of this.shadows.import(state.shadows, shadows))
          platform.report(`a late change of ${root}/${path} was refused`, error)
        for (const interest of state.interests) {
          if (interest.region !== platform.region) this.interests.set(interest)
        }
        marks.one('interests', true)
        if (state.keptAt !== undefined) this.history.goOnFrom(state.keptAt)
      },
      afterImport: () => owner.afterImport(),
      late: (late) => {
        for (const one of late.retained) this.retained.takeLate(one)
        void this.wide.index()
        return Promise.all([owner.late(late), this.accepting.acceptLate(late.shadows)]).then(() => undefined)
      },
      imported: () => {
        this.retained.noting = false
      },
      fence: (region, epoch) => {
        owner.fence(region, epoch)
        return this.wish.remind()
      },
      becameHome: () => this.becameHome(),
    }
    this.home = new Home(platform, root, tables, events)
    this.world = new WorldInterests(platform, root, this.subscribers, this.interests, marks)
    this.wish = new OwnInterest(platform, root, this.subscribers, this.home, this.retained)
    this.uplinks = new Uplinks(platform, () => {
      const { knowledge } = this.home
      return knowledge.at === 'elsewhere' ? knowledge.region : null
    })
    this.wide = new WideLink(
      platform,
      root,
      tables,
      (branch) => this.home.knowledge.at === 'here' && this.retained.hasAny(branch),
    )
    this.wide.repair()
    if (this.home.mayHearLate) this.retained.noting = true
    this.syncing = new StoreSync(platform, root, marks, this.history, {
      home: () => this.home.knowledge,
      session: () => owner.session(),
      queued: (position) => owner.queued(position),
      along: () => owner.along(),
      retained: (topic) => this.retained.one(topic),
      shadow: (path) => this.shadows.encoded(path),
      interests: () => this.world.all,
      fenced: () =>
        this.home.fenced().catch((cause) => platform.report(`${root} does not know its new home`, cause)),
    })
    this.accepting = new Acceptance(platform, root, {
      home: this.home,
      subscribers: this.subscribers,
      retained: this.retained,
      shadows: this.shadows,
      history: this.history,
      interests: this.interests,
      fanOut: this.fanOut,
      sharing: this.sharing,
      uplinks: this.uplinks,
      wide: this.wide,
      syncing: this.syncing,
      hear: owner.hear,
    })
    this.shadowRequests = new ShadowRequests(this.accepting)
  }

  /** @returns the outcome of each record, when each is acknowledged or durable */
  async publish(publisher: ClientId, records: readonly Uint8Array[]): Promise<Uint8Array> {
    const { root } = this
    const outcomes = await this.inTurn((home) =>
      home.at === 'here'
        ? this.accepting.accept(records.map((record) => ({ publisher, record, turn: null })))
        : Promise.all(
            records.map((record) =>
              this.uplinks.post(root, { kind: 'home' }, encodeRouted(publisher, record)),
            ),
          ),
    )
    return Uint8Array.from(outcomes)
  }

  /** Begins `act` when it is known where the home is, each in its turn: a publisher's order is kept meanwhile. */
  private inTurn<T>(act: (home: HomeKnowledge) => Promise<T>): Promise<T> {
    const settled = this.home.settled
    if (this.waiting === 0 && settled !== null) return act(settled)
    this.waiting++
    const found = this.turn
      .then(() => this.home.findSoon())
      .catch((cause): HomeKnowledge => {
        if (!(cause instanceof CoreUnreachable)) throw cause
        // The home is somewhere; the uplink keeps the message until the core can say where.
        return this.home.knowledge
      })
      .finally(() => {
        this.waiting--
      })
    const acted = found.then(act)
    this.turn = found.then(
      () => undefined,
      () => undefined,
    )
    return acted
  }

  /** Registers subscriptions of a session here and, where this is not the home, this region there (promise 5). */
  async subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
  ): Promise<SubscribeReply> {
    const all = subscriptions.map(({ filter }) => filter)
    const stood = all.map((filter) => this.subscribers.has(client, filter))
    this.attempts.begin(client, all, stood)
    this.world.after(client, () => {
      for (const subscription of subscriptions) this.subscribers.add(client, session, subscription)
    })
    const wanted = subscriptions.filter(
      ({ filter, retainHandling }, i) =>
        (retainHandling === 0 || (retainHandling === 1 && !stood[i])) && parseShared(filter) === null,
    ) // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    let succeeded = false
    const overtaken = new Set<string>()
    try {
      const retained = await this.accepting.noting(overtaken, async () => {
        // A home that is still importing answers at once: two that import might else wait for each other.
        if (this.home.knowledge.at !== 'here') await this.home.find()
        if (this.home.knowledge.at === 'here') await this.world.told(this.syncing)
        const filters = wanted.map(({ filter }) => filter)
        // By that it may have learnt of its successor.
        const records =
          this.home.knowledge.at === 'here'
            ? this.retained.matching(filters, this.platform.now())
            : await this.wish.add(filters)
        return packBatch(retainedDeliveries(wanted, records, overtaken))
      })
      succeeded = true
      return { reasons: subscriptions.map(({ qos }) => qos), retained }
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      return { reasons: subscriptions.map(() => Reason.ImplementationSpecificError), retained: packBatch([]) }
    } finally {
      this.subscribers.remove(client, session, this.attempts.end(client, all, succeeded))
    }
  }

  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): void {
    const before = this.wish.current
    if (filters !== null) this.attempts.unsubscribed(client, filters)
    this.world.after(client, () => this.subscribers.remove(client, session, filters))
    if (this.home.knowledge.at !== 'elsewhere') return
    const { plain, shares } = this.wish.current
    if ((before.plain && !plain) || before.shares.length > shares.length) this.wish.withdraw()
  }

  /** What a session cannot deliver goes to other members of its group; CLIENT_AWAY for each where there are none. */
  share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.sharing.share(session, routed)
  }

  /** An envelope from the core: to the home from elsewhere, or from the home to this region. */
  async receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult> {
    if (envelope.to.kind === 'home') {
      const { settled } = this.home
      if (!(await this.home.isHere(epoch))) return this.home.moved
      // It waited here while another region was the home, which may have taken it from its uplink by now.
      if (settled?.at !== 'here' && (this.home.newest?.epoch ?? 0) > epoch)
        return { status: 'unreachable', detail: 'the home was elsewhere meanwhile' }
    }
    const outcomes = await this.received.take(runOf(envelope, this.platform.now()), (fresh) => {
      if (envelope.to.kind === 'home') return this.accepting.accept(fresh)
      // Of an older epoch too: the former home accepted these, the new one never had them, and they come late (promise 2).
      const { anyPlain, shares } = this.subscribers
      if (fresh.some(({ turn }) => (turn === null ? !anyPlain : !shares.has(turn.share))))
        this.wish.withdraw()
      return this.accepting.deliverLocally(fresh)
    })
    return { status: 'done', outcomes }
  }

  /** At the home: a region wants the messages, or no longer does. */
  async interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    if (!(await this.home.isHere(request.epoch))) return this.home.moved
    const order = this.interests.asks(request)
    if (request.change === 'add') await this.world.known(this.syncing)
    const retained = this.retained.matching(request.filters, this.platform.now())
    return {
      status: 'done',
      order,
      clock: this.platform.now(),
      retained: retained.map(({ topic, record }) => ({ topic, record: record })),
    }
  }

  /** At the home: all that was accepted so far has arrived in the region. Rejects where that takes long. */
  async drained(region: RegionId): Promise<HomeAnswer | null> {
    await this.uplinks.settled('region', region)
    await this.platform.peers.uplink(this.root).drained(this.root, region)
    return this.home.newest
  }

  async homeKnown(): Promise<HomeKnown> {
    return this.home.told
  }

  /** All that the home accepted so far has been delivered to this session's actor. */
  async fence(client: ClientId, session: string): Promise<void> {
    const { knowledge } = this.home
    // Where this has always been the home, nothing comes from elsewhere. But that a client has gone on elsewhere with what the
    // store had, a region that was away learns only by asking.
    const first = knowledge.at === 'here' && knowledge.epoch <= FIRST_EPOCH
    if (!first || (clientOfRoot(this.root) !== null && !(await this.syncing.heard())))
      await this.platform.core.drained(this.home.asking)
    await this.fanOut.settled(client, session)
  }

  /** What another leaf needs to be the home, but for the session. This region stays interested if it has subscribers. */
  exportState(): Omit<HandoverState, 'session' | 'presence'> {
    const interests = [...this.interests.all]
    if (this.subscribers.size > 0) interests.push(this.wish.current)
    return {
      clock: this.platform.now(),
      retained: this.retained.all().map(({ topic, record }) => ({ topic, record: record })),
      interests,
      shadows: this.shadows.all(),
      ...(this.history.last.number > 0 && { keptAt: this.history.last.at }),
    }
  }

  /** The new home has everything. */
  releaseState(): void {
    this.retained.clear()
    this.shadows.clear()
    this.interests.clear()
    this.syncing.marks.clear()
    void this.wide.index()
  }

  /** A request to a shadow that came by no topic. @param epoch by which this is taken for the home; null: only if it is known */
  async shadow(asked: ShadowAsked, epoch: number | null): Promise<HomeShadowResponse> {
    const here = epoch === null ? this.home.settled?.at === 'here' : await this.home.isHere(epoch)
    return here ? this.shadowRequests.answer(asked) : this.home.moved
  }

  /** What the home has kept so far is in the store: how far that is. Rejects where it takes long. */
  async historySeam(epoch: number): Promise<HistorySeamResponse> {
    if (!(await this.home.isHere(epoch))) return this.home.moved
    const { knowledge } = this.home
    const seam = { epoch: knowledge.at === 'here' ? knowledge.epoch : epoch, ...this.history.last }
    if (!(await this.syncing.stored('history', seam.number)))
      throw new Error(`the store does not take what ${this.root} has kept`)
    return { status: 'done', seam, clock: this.platform.now() }
  }

  retainedFor(filters: readonly string[], after: string, branch: Branch): LeafRetainedPage {
    // Whoever asks has this root in its index; the next line puts that right where it should not be.
    void this.wide.index()
    if (this.home.knowledge.at !== 'here') return { records: packBatch([]), next: null }
    return this.retained.page(filters, after, this.platform.now(), branch)
  }

  async alarm(): Promise<void> {
    await this.home.resume()
    await this.syncing.alarm()
    await this.wide.index()
    await this.fanOut.retry()
  }

  /** At the home: a message that is kept, if it is to be kept. It takes its place in the order at once. */
  spread(publisher: ClientId, message: Message, record: Uint8Array): Promise<number> {
    return this.accepting.spread(publisher, message, record)
  }

  private async becameHome(): Promise<void> {
    this.syncing.plan()
    void this.wide.index()
    await takeFromUplink(this.platform, this.root, this.uplinks, {
      isHome: () => this.home.knowledge.at === 'here',
      accept: (run) => this.received.take(run, (fresh) => this.accepting.accept(fresh)),
      acceptUnsent: (messages) => this.accepting.accept(messages),
    })
  }
}
