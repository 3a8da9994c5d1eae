// The leaf: stands for one root in one region. At the root's home it gives the messages their order, keeps the retained
// ones and sends each to the local subscribers, once to each interested region and to the wide filters; elsewhere it passes
// them to the home.
import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { isPresence } from '../../src/id/root.ts'
import { decodeMessage, type Message } from '../../src/mqtt/message.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { parseShared } from '../../src/mqtt/topic.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../src/relay/interest.ts'
import { decodeRouted, encodeRouted, type Routed } from '../../src/relay/routed.ts'
import type { Subscription } from '../../src/session/session.ts'
import { CoreUnreachable } from '../core-client.ts'
import { INTEREST_SYNC_DELAY_MS, LEAF_SOURCES_MAX } from '../limits.ts'
import type { LeafRetainedPage, Platform, SubscribeReply } from '../platform.ts'
import { Tables } from '../tables.ts'
import { SubscribeAttempts } from './attempts.ts'
import { type DeliverCall, FanOut } from './fan-out.ts'
import { Home, type HomeEvents, type HomeHere, type HomeKnowledge } from './home.ts'
import { Interests } from './interests.ts'
import { worst } from './outcome.ts'
import { Received } from './received.ts'
import { Retained, retainedDeliveries } from './retained.ts'
import { LEAF_SCHEMA } from './schema.ts'
import { type ShareRegions, Sharing } from './sharing.ts'
import { Subscribers } from './subscribers.ts'
import { Uplinks } from './uplinks.ts'
import { WideLink } from './wide-link.ts'
import { Wish } from './wish.ts'

/** What the actor around a leaf adds: the client's session, where the leaf is a device's. */
export interface LeafOwner {
  deliver: DeliverCall
  importState(state: HandoverState): void
  afterImport(): Promise<void>
  late(batch: string): Promise<void>
}

export class Leaf {
  readonly root: Root
  readonly home: Home
  readonly subscribers: Subscribers
  readonly retained: Retained
  readonly interests: Interests
  readonly fanOut: FanOut
  private readonly sharing: Sharing
  private readonly wish: Wish
  private readonly attempts = new SubscribeAttempts()
  private readonly platform: Platform
  private readonly wide: WideLink
  private readonly uplinks: Uplinks
  private readonly received = new Received(LEAF_SOURCES_MAX)
  /** Topics that came from the home while a subscription waits for its retained messages, which are older. */
  private readonly overtaken = new Set<Set<string>>()
  private syncPlanned = false
  private turn: Promise<void> = Promise.resolve()
  private waiting = 0

  constructor(platform: Platform, root: Root, owner: LeafOwner) {
    this.platform = platform
    this.root = root
    const tables = new Tables(platform.storage, LEAF_SCHEMA, 'home')
    this.subscribers = new Subscribers(platform.storage, tables)
    this.retained = new Retained(platform.storage, tables)
    this.interests = new Interests(platform.storage, tables)
    this.fanOut = new FanOut(platform, tables, owner.deliver, (client, session) =>
      this.subscribers.remove(client, session, null),
    )
    this.sharing = new Sharing(platform, this.subscribers, this.fanOut, this.shareRegions())
    const events: HomeEvents = {
      importState: (state) => {
        this.retained.import(
          state.retained.map(({ topic, record }) => ({ topic, record: base64ToBytes(record) })),
        )
        for (const interest of state.interests) {
          if (interest.region !== platform.region) this.interests.set(interest)
        }
        owner.importState(state)
      },
      afterImport: () => owner.afterImport(),
      late: (batch) => owner.late(batch),
      becameHome: () => this.becameHome(),
    }
    this.home = new Home(platform, root, tables, events)
    this.wish = new Wish(platform, root, this.subscribers, this.home, this.retained)
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
  }

  /** @returns the outcome of each record, when each is acknowledged or durable */
  async publish(publisher: ClientId, records: readonly Uint8Array[]): Promise<Uint8Array> {
    const { root } = this
    const outcomes = await this.inTurn((home) =>
      home.at === 'here'
        ? this.accept(records.map((record) => ({ publisher, record, turn: null })))
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
      .then(() => this.home.find())
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
    const fresh = subscriptions.map(({ filter }) => !this.subscribers.has(client, filter))
    const all = subscriptions.map(({ filter }) => filter)
    this.attempts.begin(
      client,
      all,
      fresh.map((isNew) => !isNew),
    )
    for (const subscription of subscriptions) this.subscribers.add(client, session, subscription)
    let succeeded = false
    const overtaken = new Set<string>()
    this.overtaken.add(overtaken)
    try {
      // A home that is still importing answers at once: two that import might else wait for each other.
      const known = this.home.knowledge
      const home = known.at === 'here' ? known : await this.home.find()
      const wanted = subscriptions.filter(
        ({ filter, retainHandling }, i) =>
          (retainHandling === 0 || (retainHandling === 1 && fresh[i])) && parseShared(filter) === null,
      ) // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
      const filters = wanted.map(({ filter }) => filter)
      const retained =
        home.at === 'here'
          ? this.retained.matching(filters, this.platform.now())
          : await this.wish.add(filters)
      succeeded = true
      return {
        reasons: subscriptions.map(({ qos }) => qos),
        retained: packBatch(retainedDeliveries(wanted, retained, overtaken)),
      }
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      return { reasons: subscriptions.map(() => Reason.ImplementationSpecificError), retained: packBatch([]) }
    } finally {
      this.overtaken.delete(overtaken)
      this.subscribers.remove(client, session, this.attempts.end(client, all, succeeded))
    }
  }

  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): void {
    const before = this.wish.current
    if (filters !== null) this.attempts.unsubscribed(client, filters)
    this.subscribers.remove(client, session, filters)
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
    if (envelope.to.kind === 'home' && !(await this.isHome(epoch))) return { status: 'moved' }
    const { fresh, again } = this.received.take(envelope)
    let outcomes: number[]
    if (envelope.to.kind === 'home') {
      outcomes = await this.accept(fresh)
    } else {
      // Of an older epoch too: the former home accepted these, the new one never had them, and they come late (promise 2).
      const { anyPlain, shares } = this.subscribers
      if (fresh.some(({ turn }) => (turn === null ? !anyPlain : !shares.has(turn.share))))
        this.wish.withdraw()
      outcomes = await this.deliverLocally(fresh)
    }
    return { status: 'done', outcomes: [...new Array<number>(again).fill(Reason.Success), ...outcomes] }
  }

  /** At the home: a region wants the messages, or no longer does. */
  async interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    if (!(await this.isHome(request.epoch))) return { status: 'moved' }
    const { region, change, plain, shares } = request
    const changed = this.interests[change === 'add' ? 'add' : 'set']({ region, plain, shares })
    if (changed) this.syncInterests()
    const retained = this.retained.matching(request.filters, this.platform.now())
    return {
      status: 'done',
      retained: retained.map(({ topic, record }) => ({ topic, record: bytesToBase64(record) })),
    }
  }

  /** At the home: all that was accepted so far has arrived in the region. Rejects where that takes long. */
  async drained(region: RegionId): Promise<void> {
    await this.uplinks.settled('region', region)
    await this.platform.peers.uplink(this.root).drained(this.root, region)
  }

  /** All that the home accepted so far has been delivered to this session's actor. */
  async fence(client: ClientId, session: string): Promise<void> {
    if (this.home.knowledge.at !== 'here') {
      await this.platform.core.drained({
        fleet: this.platform.fleet,
        root: this.root,
        region: this.platform.region,
      })
    }
    await this.fanOut.settled(client, session)
  }

  /** What another leaf needs to be the home, but for the session. This region stays interested if it has subscribers. */
  exportState(): Pick<HandoverState, 'retained' | 'interests'> {
    const interests = [...this.interests.all]
    if (this.subscribers.size > 0) interests.push(this.wish.current)
    return {
      retained: this.retained.all().map(({ topic, record }) => ({ topic, record: bytesToBase64(record) })),
      interests,
    }
  }

  /** The new home has everything. */
  releaseState(): void {
    this.retained.clear()
    this.interests.clear()
    void this.wide.index()
  }

  retainedFor(filters: readonly string[], after: string, branch: Branch): LeafRetainedPage {
    // Whoever asks has this root in its index; the next line puts that right where it should not be.
    void this.wide.index()
    if (this.home.knowledge.at !== 'here') return { records: packBatch([]), next: null }
    return this.retained.page(filters, after, this.platform.now(), branch)
  }

  async alarm(): Promise<void> {
    await this.home.finish()
    await this.wide.index()
    await this.fanOut.retry()
  }

  /** Whether this is the home that the core takes it for; asks the directory where the two differ. */
  async isHome(epoch: number): Promise<boolean> {
    const known = await this.home.find().catch(() => this.home.knowledge)
    if (known.at === 'here' && known.epoch >= epoch) return true
    if (known.at === 'elsewhere' && known.epoch >= epoch) return false
    return (await this.home.verify()).at === 'here'
  }

  /** The home's part: the order is that in which this is called. */
  private async accept(messages: readonly Routed[]): Promise<number[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) => {
        if (turn !== null) return this.sharing.give(publisher, record, turn)
        const message = decodeMessage(record)
        if (message.retain) {
          const kept = this.retained.keep(message, record)
          if (kept !== Reason.Success) return kept
        }
        return this.pass(publisher, message, record)
      }),
    )
  }

  /** An event of the client whose actor the home is, which keeps it; takes its place in the order at once. */
  announce(client: ClientId, record: Uint8Array): Promise<ReasonCode> {
    return this.pass(client, decodeMessage(record), record)
  }

  private pass(publisher: ClientId, message: Message, record: Uint8Array): Promise<ReasonCode> {
    const { epoch } = this.home.knowledge as HomeHere
    const outcomes = this.deliverOne(publisher, record)
    for (const region of this.interests.regions) {
      const to = { kind: 'region', region, epoch } as const
      outcomes.push(this.uplinks.post(this.root, to, encodeRouted(publisher, record)))
    }
    for (const share of this.sharing.matching(message.topic)) {
      outcomes.push(this.sharing.give(publisher, record, { share, mode: 'choose', without: [] }))
    }
    const wide = this.wide.pass(publisher, record, isPresence(message.topic))
    if (wide !== null) outcomes.push(wide)
    if (message.retain) outcomes.push(this.wide.index())
    return Promise.all(outcomes).then(worst)
  }

  private deliverLocally(messages: readonly Routed[]): Promise<number[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) =>
        turn === null
          ? Promise.all(this.deliverOne(publisher, record)).then(worst)
          : this.sharing.take(publisher, record, turn),
      ),
    )
  }

  private shareRegions(): ShareRegions {
    return {
      shares: () => this.interests.shares,
      having: (share) => (this.home.knowledge.at === 'here' ? this.interests.having(share) : []),
      chooses: () => this.home.knowledge.at === 'here',
      pass: (to, publisher, record, turn) => {
        const { knowledge } = this.home
        const epoch = knowledge.at === 'here' ? knowledge.epoch : 0
        const destination =
          to === 'home' ? ({ kind: 'home' } as const) : ({ kind: 'region', region: to, epoch } as const)
        return this.uplinks.post(this.root, destination, encodeRouted(publisher, record, turn))
      },
    }
  }

  private deliverOne(publisher: ClientId, record: Uint8Array): Promise<number>[] {
    const message = decodeMessage(record)
    for (const topics of this.overtaken) topics.add(message.topic)
    return this.fanOut.spread(this.subscribers.receivers(message.topic), publisher, message, record)
  }

  private async becameHome(): Promise<void> {
    void this.wide.index()
    await this.takeFromUplink()
  }

  private async takeFromUplink(): Promise<void> {
    const uplink = this.platform.peers.uplink(this.root)
    const { batch, underWay } = await uplink.take(this.root)
    if (underWay !== null) this.received.note(underWay.source, underWay.last)
    const waiting = unpackBatch(batch)
    if (waiting.length === 0) return
    // Accepted now, before what is published next; the uplink keeps them until each is delivered or durable here.
    this.accept(waiting.map(decodeRouted))
      .then(() => uplink.took(this.root))
      .catch((cause) => this.platform.report(`${this.root} could not take all from the uplink`, cause))
  }

  private syncInterests(): void {
    if (this.syncPlanned) return
    this.syncPlanned = true
    this.platform.after(INTEREST_SYNC_DELAY_MS, () => {
      this.syncPlanned = false
      const home = this.home.knowledge
      if (home.at !== 'here') return
      const version = this.home.countInterests()
      const { fleet } = this.platform
      this.platform.core
        .interests({
          fleet,
          root: this.root,
          epoch: home.epoch,
          version,
          regions: this.interests.all.map(({ region }) => region),
        })
        .catch((cause) => this.platform.report(`the interests of ${this.root} are not synced`, cause))
    })
  }
}
