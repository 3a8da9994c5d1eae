// The leaf: stands for one root in one region. At the root's home it gives the messages their order, keeps the retained
// ones and sends each to the local subscribers and once to each interested region; elsewhere it passes them to the home.
import type { ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { matches, parseShared } from '../../src/mqtt/topic.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { HandoverState, RegionInterest } from '../../src/relay/home.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../src/relay/interest.ts'
import { decodeRouted, encodeRouted, type Routed } from '../../src/relay/routed.ts'
import { CLIENT_AWAY, encodeDelivery } from '../../src/session/delivery.ts'
import type { Subscription } from '../../src/session/session.ts'
import { CoreUnreachable } from '../core-client.ts'
import { Courier } from '../courier.ts'
import { persistently } from '../eventually.ts'
import { INTEREST_SYNC_DELAY_MS } from '../limits.ts'
import type { Platform, SubscribeReply } from '../platform.ts'
import { Tables } from '../tables.ts'
import { SubscribeAttempts } from './attempts.ts'
import { type DeliverCall, FanOut } from './fan-out.ts'
import { Home, type HomeEvents, type HomeHere, type HomeKnowledge } from './home.ts'
import { Interests } from './interests.ts'
import { worst } from './outcome.ts'
import { Retained, type RetainedRecord } from './retained.ts'
import { LEAF_SCHEMA } from './schema.ts'
import { type ShareRegions, Sharing } from './sharing.ts'
import { deliveryFor, Subscribers } from './subscribers.ts'

/** What the actor around a leaf adds: the client's session, where the leaf is a device's. */
export interface LeafOwner {
  deliver: DeliverCall
  importState(state: HandoverState): void
  afterImport(): Promise<void>
  late(batch: string): Promise<void>
}

/** How many uplink lives a leaf remembers, to recognise envelopes that were sent again. */
const SOURCES_MAX = 64

export class Leaf {
  readonly root: Root
  readonly home: Home
  readonly subscribers: Subscribers
  readonly retained: Retained
  readonly interests: Interests
  readonly fanOut: FanOut
  private readonly sharing: Sharing
  private readonly attempts = new SubscribeAttempts()
  private readonly platform: Platform
  private readonly uplinks = new Map<string, Courier>()
  private readonly received = new Map<string, number>()
  /** Topics that came from the home while a subscription waits for its retained messages, which are older. */
  private readonly overtaken = new Set<Set<string>>()
  private interestCalls: Promise<void> = Promise.resolve()
  private withdrawn: Promise<void> = Promise.resolve()
  private losing = false
  private order = 0
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
      becameHome: () => this.takeFromUplink(),
    }
    this.home = new Home(platform, root, tables, events)
  }

  /** @returns the outcome of each record, when each is acknowledged or durable */
  async publish(publisher: ClientId, records: readonly Uint8Array[]): Promise<Uint8Array> {
    const outcomes = await this.inTurn((home) =>
      home.at === 'here'
        ? this.accept(records.map((record) => ({ publisher, record, turn: null })))
        : Promise.all(
            records.map((record) => this.uplink({ kind: 'home' }).post(encodeRouted(publisher, record))),
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
          : await this.askHome('add', filters)
      succeeded = true
      return {
        reasons: subscriptions.map(({ qos }) => qos),
        retained: packBatch(this.retainedFor(wanted, retained, overtaken)),
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
    const before = this.wanted()
    if (filters !== null) this.attempts.unsubscribed(client, filters)
    this.subscribers.remove(client, session, filters)
    if (this.home.knowledge.at !== 'elsewhere') return
    const { plain, shares } = this.wanted()
    if ((before.plain && !plain) || before.shares.length > shares.length) this.loseInterest()
  }

  /** What a session cannot deliver goes to other members of its group; CLIENT_AWAY for each where there are none. */
  async share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    const outcomes = routed.map((bytes) => {
      const { publisher, record, turn } = decodeRouted(bytes)
      if (turn === null || !this.sharing.hasOthers(turn.share, session)) return CLIENT_AWAY
      return this.sharing.give(publisher, record, turn)
    })
    return Uint8Array.from(await Promise.all(outcomes))
  }

  /** An envelope from the core: to the home from elsewhere, or from the home to this region. */
  async receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult> {
    if (envelope.to.kind === 'home' && !(await this.isHome(epoch))) return { status: 'moved' }
    const records = unpackBatch(base64ToBytes(envelope.records))
    const seen = this.received.get(envelope.source) ?? -1
    const fresh = records.slice(Math.max(0, seen + 1 - envelope.first)).map(decodeRouted)
    const again = records.length - fresh.length
    this.remember(envelope.source, envelope.first + records.length - 1)
    let outcomes: number[]
    if (envelope.to.kind === 'home') {
      outcomes = await this.accept(fresh)
    } else {
      // Of an older epoch too: the former home accepted these, the new one never had them, and they come late (promise 2).
      const { anyPlain, shares } = this.subscribers
      if (fresh.some(({ turn }) => (turn === null ? !anyPlain : !shares.has(turn.share)))) this.loseInterest()
      outcomes = await this.deliverLocally(fresh)
    }
    return { status: 'done', outcomes: [...new Array<number>(again).fill(Reason.Success), ...outcomes] }
  }

  /** At the home: a region wants the messages, or no longer does. */
  async interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    if (!(await this.isHome(request.epoch))) return { status: 'moved' }
    const { region, change, plain, shares, order } = request
    const changed = this.interests[change === 'add' ? 'add' : 'set']({ region, plain, shares }, order)
    if (changed) this.syncInterests()
    const retained = this.retained.matching(request.filters, this.platform.now())
    return {
      status: 'done',
      retained: retained.map(({ topic, record }) => ({ topic, record: bytesToBase64(record) })),
    }
  }

  /** At the home: all that was accepted so far has arrived in the region. Rejects where that takes long. */
  async drained(region: RegionId): Promise<void> {
    for (const [key, courier] of this.uplinks) if (key.startsWith(`${region} `)) await courier.settled()
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
    if (this.subscribers.size > 0) interests.push(this.wanted())
    return {
      retained: this.retained.all().map(({ topic, record }) => ({ topic, record: bytesToBase64(record) })),
      interests,
    }
  }

  /** The new home has everything. */
  releaseState(): void {
    this.retained.clear()
    this.interests.clear()
  }

  async alarm(): Promise<void> {
    await this.home.finish()
    await this.fanOut.retry()
  }

  /** Whether this is the home that the core takes it for; asks the directory where the two differ. */
  private async isHome(epoch: number): Promise<boolean> {
    const known = await this.home.find().catch(() => this.home.knowledge)
    if (known.at === 'here' && known.epoch >= epoch) return true
    if (known.at === 'elsewhere' && known.epoch >= epoch) return false
    return (await this.home.verify()).at === 'here'
  }

  /** The home's part: the order is that in which this is called. */
  private async accept(messages: readonly Routed[]): Promise<number[]> {
    const home = this.home.knowledge as HomeHere
    const regions = this.interests.regions
    return Promise.all(
      messages.map(({ publisher, record, turn }) => {
        if (turn !== null) return this.sharing.give(publisher, record, turn)
        const message = decodeMessage(record)
        if (message.retain) {
          const kept = this.retained.keep(message, record)
          if (kept !== Reason.Success) return kept
        }
        const outcomes = this.deliverOne(publisher, record)
        for (const region of regions) {
          const courier = this.uplink({ kind: 'region', region, epoch: home.epoch })
          outcomes.push(courier.post(encodeRouted(publisher, record)))
        }
        for (const share of this.sharing.matching(message.topic)) {
          outcomes.push(this.sharing.give(publisher, record, { share, tried: [], waits: false }))
        }
        if (outcomes.length === 0) return message.retain ? Reason.Success : Reason.NoMatchingSubscribers
        return Promise.all(outcomes).then(worst)
      }),
    )
  }

  private deliverLocally(messages: readonly Routed[]): Promise<number[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) =>
        turn === null
          ? Promise.all(this.deliverOne(publisher, record)).then(worst)
          : this.sharing.give(publisher, record, turn),
      ),
    )
  }

  private shareRegions(): ShareRegions {
    return {
      shares: () => this.interests.shares,
      having: (share) => (this.home.knowledge.at === 'here' ? this.interests.having(share) : []),
      asksHome: () => this.home.knowledge.at !== 'here',
      pass: (to, publisher, record, turn) => {
        const { knowledge } = this.home
        const epoch = knowledge.at === 'here' ? knowledge.epoch : 0
        const destination =
          to === 'home' ? ({ kind: 'home' } as const) : ({ kind: 'region', region: to, epoch } as const)
        return this.uplink(destination).post(encodeRouted(publisher, record, turn))
      },
    }
  }

  private deliverOne(publisher: ClientId, record: Uint8Array): Promise<number>[] {
    const message = decodeMessage(record)
    for (const topics of this.overtaken) topics.add(message.topic)
    const outcomes: Promise<number>[] = []
    for (const receiver of this.subscribers.receivers(message.topic)) {
      const delivery = deliveryFor(receiver, message, publisher)
      if (delivery === null) continue
      outcomes.push(this.fanOut.deliver(receiver.client, receiver.session, encodeDelivery(delivery, record)))
    }
    return outcomes
  }

  private retainedFor(
    subscriptions: readonly Subscription[],
    retained: readonly RetainedRecord[],
    overtaken: ReadonlySet<string>,
  ): Uint8Array[] {
    const deliveries: Uint8Array[] = []
    for (const subscription of subscriptions) {
      for (const { topic, record } of retained) {
        if (overtaken.has(topic) || !matches(subscription.filter, topic)) continue
        const message = decodeMessage(record)
        const qos = subscription.qos < message.qos ? subscription.qos : message.qos
        const identifiers = subscription.identifier > 0 ? [subscription.identifier] : []
        deliveries.push(encodeDelivery({ qos, retain: true, identifiers, share: null, message }, record)) // [MQTT-3.3.1-8]
      }
    }
    return deliveries
  }

  private uplink(to: { kind: 'home' } | { kind: 'region'; region: RegionId; epoch: number }): Courier {
    const key = to.kind === 'home' ? 'home' : `${to.region} ${to.epoch}`
    let courier = this.uplinks.get(key)
    if (courier === undefined) {
      courier = new Courier(this.platform, {
        call: (batch) => {
          const { knowledge } = this.home
          const hint = knowledge.at === 'elsewhere' ? knowledge.region : null
          return this.platform.peers.uplink(this.root).send(this.root, to, hint, batch)
        },
        failed: (records, cause) => {
          this.platform.report(`the uplink of ${this.root} does not answer`, cause)
          return records.map(() => Reason.UnspecifiedError)
        },
      })
      this.uplinks.set(key, courier)
    }
    return courier
  }

  private async takeFromUplink(): Promise<void> {
    const uplink = this.platform.peers.uplink(this.root)
    const taken = await persistently(this.platform, () => uplink.take(this.root)).catch((cause) =>
      // What waits there comes by the core.
      this.platform.report(`${this.root} could not take from the uplink`, cause),
    )
    if (taken === undefined) return
    const { batch, underWay } = taken
    if (underWay !== null) this.remember(underWay.source, underWay.last)
    const waiting = unpackBatch(batch)
    if (waiting.length === 0) return
    // Accepted now, before what is published next; the uplink keeps them until each is delivered or durable here.
    this.accept(waiting.map(decodeRouted))
      .then(() => uplink.took(this.root))
      .catch((cause) => this.platform.report(`${this.root} could not take all from the uplink`, cause))
  }

  /** Requests go side by side, but none overtakes a withdrawal, nor a withdrawal them. */
  private askHome(change: 'add' | 'only', filters: readonly string[]): Promise<RetainedRecord[]> {
    const before = change === 'add' ? this.withdrawn : this.interestCalls
    const asked = before.then(async () => {
      const { plain, shares } = this.wanted()
      const { home, retained } = await this.platform.core.interest({
        fleet: this.platform.fleet,
        root: this.root,
        region: this.platform.region,
        change,
        order: this.nextOrder(),
        plain,
        shares,
        filters: [...filters],
      })
      if (home.region === this.platform.region) {
        // It has come here without this leaf's doing: a topic root that was given back.
        const { at } = await this.home.verify()
        if (at !== 'here') throw new CoreUnreachable(`the home of ${this.root} is moving`)
        return this.retained.matching(filters, this.platform.now())
      }
      return retained.map(({ topic, record }) => ({ topic, record: base64ToBytes(record) }))
    })
    const settled = asked.then(
      () => undefined,
      () => undefined,
    )
    this.interestCalls = Promise.all([this.interestCalls, settled]).then(() => undefined)
    if (change === 'only') this.withdrawn = settled
    return asked
  }

  /** By the clock, so that it grows over this actor's lives too. */
  private nextOrder(): number {
    this.order = Math.max(this.order + 1, this.platform.now())
    return this.order
  }

  /** If this does not reach the home, its next message makes this leaf say so again. */
  private loseInterest(): void {
    if (this.losing) return
    this.losing = true
    this.askHome('only', [])
      .catch((cause) => this.platform.report(`${this.root} still comes here`, cause))
      .finally(() => {
        this.losing = false
      })
  }

  private wanted(): RegionInterest {
    const { anyPlain, shares } = this.subscribers
    return { region: this.platform.region, plain: anyPlain, shares: [...shares.keys()] }
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

  private remember(source: string, last: number): void {
    if (this.received.size >= SOURCES_MAX && !this.received.has(source)) {
      const oldest = this.received.keys().next().value
      if (oldest !== undefined) this.received.delete(oldest)
    }
    this.received.set(source, Math.max(last, this.received.get(source) ?? -1))
  }
}
