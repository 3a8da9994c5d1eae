// The actor of one client: holds its connection, runs its session, and is the leaf of `devices/<client>`.

import { type ClientId, isStreamClient } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import type { ClientPacket, ConnectPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import type { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Effect, SubscribeEffect, UnsubscribeEffect } from '../../src/session/effect.ts'
import { Session } from '../../src/session/session.ts'
import type { StoredDelivery } from '../../src/session/stored-delivery.ts'
import { negotiate } from '../../src/session/terms.ts'
import { Leaf, type LeafActor } from '../leaf/leaf.ts'
import { Marks } from '../leaf/sync/marks.ts'
import type { Connection, Platform } from '../platform.ts'
import { Commands } from './commands/commands.ts'
import type { Admission } from './connection/attachment.ts'
import { AttachmentWriter } from './connection/attachment-writer.ts'
import { checkKeepAlive } from './connection/keep-alive.ts'
import { type Accepted, Live } from './connection/live.ts'
import { restore } from './connection/restore.ts'
import { DeviceFacts, type Ending } from './explain/device-facts.ts'
import { Handover } from './handover/handover.ts'
import { Presence } from './presence/presence.ts'
import { factsOf } from './presence/system-topics.ts'
import { HistoryReplay } from './replay/history-replay.ts'
import { EffectPerformer } from './session/effect-performer.ts'
import { LastWill } from './session/last-will.ts'
import { OpenDeliveries } from './session/open-deliveries.ts'
import { PublishRequests } from './session/publish-requests.ts'
import { Publisher } from './session/publisher.ts'
import { Redistribution } from './session/redistribution.ts'
import { Registrar } from './session/registrar.ts'
import { SeenOrigins } from './session/seen-origins.ts'
import { SessionExpiry } from './session/session-expiry.ts'
import { SessionStore } from './session/session-store.ts'
import { SessionWriter } from './session/session-writer.ts'
import { plainOutcome, storedOutcome } from './session/stored-outcome.ts'
import { SubscriptionRequests } from './session/subscription-requests.ts'
import { ShadowDeltas } from './shadow/shadow-deltas.ts'
import { Shadows } from './shadow/shadows.ts'

export class Device {
  readonly leaf: Leaf
  readonly store: SessionStore
  readonly moving: Handover
  readonly presence: Presence
  readonly publishRequests: PublishRequests
  readonly commands: Commands
  readonly shadows: Shadows
  readonly explaining: DeviceFacts
  private readonly platform: Platform
  private readonly registrar: Registrar
  private readonly subscribing: SubscriptionRequests
  private readonly replaying: HistoryReplay
  private readonly ownDeltas: ShadowDeltas
  private readonly will: LastWill
  private readonly givingAway: Redistribution
  /** Nothing of it is to be found elsewhere or later, so it costs no place in the directory. */
  private readonly homeless: boolean
  private session: Session | null = null
  private live: Live | null = null
  private readonly attaching: AttachmentWriter
  private readonly performing: EffectPerformer
  private readonly deliveries: OpenDeliveries
  private readonly keeping: SessionWriter
  private readonly seen: SeenOrigins
  private readonly expiry: SessionExpiry

  /** @param connections all there are, one of which may be live since before the actor's memory was lost */
  constructor(platform: Platform, client: ClientId, connections: readonly Connection[]) {
    this.platform = platform
    this.homeless = isStreamClient(client)
    const marks = new Marks(platform)
    this.store = new SessionStore(platform.storage, marks)
    this.attaching = new AttachmentWriter(platform, this.store, {
      live: () => this.live,
      session: () => this.session,
      close: (reason) => this.closeLive(reason),
    })
    this.seen = new SeenOrigins(platform.storage)
    this.keeping = new SessionWriter(platform, this.store, this.seen, (rows) => this.explaining.expired(rows))
    const actor: LeafActor = {
      deliver: (receiver, session, batch) =>
        receiver === client
          ? this.deliver(session, unpackBatch(batch))
          : platform.peers.device(receiver).deliver(session, batch),
      stages: (common) => [this.commands, this.shadows, this.presence, ...common],
      parts: () => [this.moving, this.commands, this.presence, this.shadows],
    }
    this.leaf = new Leaf(platform, rootOfClient(client), actor, marks)
    this.shadows = new Shadows(platform, this.leaf)
    const publisher = new Publisher(platform, client, this.leaf, (one) => this.explaining.publishing(one))
    this.publishRequests = new PublishRequests(platform, publisher)
    this.registrar = new Registrar(platform, client, this.leaf)
    this.ownDeltas = new ShadowDeltas(client, this.shadows)
    this.subscribing = new SubscriptionRequests(this.store, this.registrar, this.ownDeltas, (filters) =>
      this.moving.spokenOf(filters),
    )
    this.replaying = new HistoryReplay(platform, client, this.registrar, {
      session: () => this.session,
      live: () => this.live,
      deliver: (delivery) => this.deliverQuietly(delivery),
    })
    this.presence = new Presence(platform, client, this.leaf)
    this.commands = new Commands(platform, client, this.leaf, this.presence, {
      connected: () => this.live !== null,
      session: () => {
        this.endIfExpired()
        return this.session
      },
    })
    const { store, seen, registrar, presence, shadows } = this
    this.explaining = new DeviceFacts(platform, store, this.leaf, presence, () => [this.session, this.live])
    this.deliveries = new OpenDeliveries(platform, this.explaining)
    this.moving = new Handover(platform, client, this.leaf, store, seen, registrar, presence, shadows, {
      session: () => this.session,
      replace: (session) => {
        this.session = session
      },
      disconnect: (late) => {
        // It would contradict what the client says since.
        if (late) this.will.goesOnElsewhere()
        // The end is told by the next home, before it tells of a connection there.
        this.closeLive(Reason.SessionTakenOver, 'kept')
        this.will.goesOnElsewhere()
      },
      deliver: (delivery) => this.deliverQuietly(delivery),
      orphaned: (deliveries) => this.givingAway.late(deliveries),
    })
    this.will = new LastWill(platform, this.store, publisher, () => this.leaf.sync.heardSoon())
    this.givingAway = new Redistribution(platform, client, this.store)
    this.performing = new EffectPerformer(platform, {
      store: this.store,
      keeping: this.keeping,
      explaining: this.explaining,
      attaching: this.attaching,
      publisher,
      deliveries: this.deliveries,
      live: () => this.live,
      session: () => this.session,
      reply: (packet) => this.reply(packet),
      close: (reason) => this.closeLive(reason),
      subscribe: (session, effect) => this.subscribe(session, effect),
      unsubscribe: (session, effect) => this.unsubscribe(session, effect),
    })
    this.expiry = new SessionExpiry(platform, this.store, this.leaf, () => this.endIfExpired())
    const { session, live, cutOff } = restore(platform, this.store, connections)
    this.session = session
    this.live = live
    // The process died with the connection.
    if (session !== null && cutOff) this.sessionLeft(session)
    if (live === null) {
      this.presence.disconnected(null)
      this.will.diedWithProcess(this.session?.expirySeconds ?? 0)
    }
    this.presence.publish()
  }

  get admission(): Admission | null {
    return this.live?.admission ?? null
  }

  get liveConnection(): Connection | null {
    return this.live?.connection ?? null
  }

  /** Makes this region the client's home. Rejects with `CoreUnreachable` where it is elsewhere and cannot be had. */
  async takeHome(): Promise<void> {
    if (!this.homeless) await this.leaf.home.take()
  }

  /**
   * Takes the session up for a CONNECT: the home is made to be here, an older connection is closed.
   * Rejects with `CoreUnreachable` where the home is elsewhere and cannot be had.
   */
  async connect(
    connection: Connection,
    connect: ConnectPacket,
    stream: PacketStream,
    admission: Admission,
  ): Promise<Accepted> {
    const asked = this.live === null ? this.expiry.askDirectory(this.session) : null
    if (asked !== null) await asked
    await this.takeHome()
    const now = this.platform.now()
    if (this.live !== null) this.closeLive(Reason.SessionTakenOver) // [MQTT-3.1.4-3]
    const { terms, expirySeconds, properties } = negotiate(connect, this.platform.settings)
    if (this.session !== null && this.expiry.isOverFor(this.session)) this.endSession('session-expired')
    const resumed = !connect.cleanStart && this.session !== null // [MQTT-3.1.2-4]
    this.will.clientReturned(resumed)
    if (resumed) this.session?.step({ type: 'resumed', expirySeconds })
    const session = resumed && this.session !== null ? this.session : this.startSession(expirySeconds)
    const live = new Live(connection, terms, stream, now, admission)
    this.live = live
    if (connect.will !== null) this.will.set({ ...connect.will, message: live.own(connect.will.message) })
    // One that now ends with its connection has a row if it once did not: that must say so, should the process die.
    if (session.persistent || this.store.session() !== null) {
      this.store.saveSession(session.id, expirySeconds, null, session.outgoing.snapshot())
    }
    checkKeepAlive(this.platform, this.store, live)
    if (!this.homeless) {
      this.presence.connected(terms, connect.cleanStart)
      void this.leaf.sync.confirm(() => this.live !== live)
    }
    return { sessionPresent: resumed, live, properties }
  }

  /** After CONNACK: what waited for the client. [MQTT-4.4.0-1] */
  start(live: Live): void {
    if (this.live !== live || this.session === null) return
    this.perform(this.session.step({ type: 'connected', terms: live.terms }))
    for (const delta of this.ownDeltas.onReturn(this.session)) void this.deliverQuietly(delta)
    this.attaching.save()
  }

  /** A frame of the live connection. Resolves when what it published is settled. */
  frame(frame: Uint8Array): Promise<void> {
    return this.packets(this.live?.stream.read(frame, this.platform.now()) ?? [])
  }

  async packets(packets: Iterable<ClientPacket>): Promise<void> {
    const { live, session } = this
    if (live === null || session === null) return
    live.lastActivityAt = this.platform.now()
    const pending: Promise<void>[] = []
    try {
      for (const packet of packets) {
        if (packet.type === 'disconnect') live.farewell = packet.reason
        pending.push(...this.perform(session.step(packet)))
        if (this.live !== live) break
      }
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      this.closeLive(violation.reason, undefined, violation.message) // [MQTT-4.13.1-1]
    }
    this.attaching.plan()
    await Promise.all(pending)
  }

  /** The client's end of the connection is gone. */
  connectionLost(): void {
    if (this.live === null) return
    this.live.end()
    this.afterConnection(null)
  }

  /** Deliveries for a session; the outcomes when each is acknowledged or durable. */
  async deliver(sessionId: string, deliveries: readonly Uint8Array[]): Promise<Uint8Array> {
    // What is still late goes first. Held for long, it would hold up the fence of another client that moves the other way.
    const held = this.leaf.home.completed()
    if (held !== null) await held
    this.endIfExpired()
    const { session } = this
    if (session === null || session.id !== sessionId)
      return new Uint8Array(deliveries.length).fill(Outcome.NoSuchSession)
    const outcomes = await Promise.all(
      deliveries.map((bytes) =>
        this.seen.once(bytes, (delivery, settle) => {
          this.replaying.take(delivery, settle, () => {
            if (this.session !== session) return settle(Outcome.NoSuchSession)
            this.subscribing.arrived(delivery.message.topic)
            if (this.ownDeltas.needless(session, delivery)) return settle(Reason.Success)
            const settled = storedOutcome(delivery, this.leaf.sync, settle)
            this.perform(this.deliveries.deliver(session, delivery, settled))
          })
        }),
      ),
    )
    return Uint8Array.from(outcomes)
  }

  async alarm(): Promise<void> {
    const { live } = this
    if (live !== null && checkKeepAlive(this.platform, this.store, live) === 'silent')
      this.closeLive(Reason.KeepAliveTimeout) // [MQTT-3.1.2-22]
    this.presence.publish()
    this.commands.alarm()
    this.endIfExpired()
    this.will.publishIfDue(this.session === null)
    if (live !== null) this.givingAway.lookAgain(live.lastActivityAt)
    await this.givingAway.orphans()
    await this.leaf.alarm()
  }

  private startSession(expirySeconds: number): Session {
    this.endSession('discarded')
    const id = this.platform.randomId()
    this.session = Session.begin(id, expirySeconds, this.platform.settings.queueMessagesMax)
    return this.session
  }

  private endIfExpired(): void {
    if (this.live === null && this.session !== null && this.expiry.isOver(this.session))
      this.endSession('session-expired')
  }

  /** Forgets the session, here and at the leaves. */
  private endSession(why: Ending): void {
    const { session } = this
    if (session === null) return
    this.session = null
    this.keeping.behind.flush()
    this.explaining.sessionEnds(session, why)
    this.platform.storage.transaction(() => {
      this.givingAway.sessionEnds(session.outgoing.snapshot().sentUpTo)
      this.store.clear()
      this.seen.clear()
    })
    void this.givingAway.orphans()
    const filters = [...session.subscriptions.keys()]
    if (filters.length > 0) void this.registrar.unsubscribe(session.id, filters)
  }

  /** Ends the live connection, if there is one; a 5.0 client is told the reason. */
  closeLive(reason: ReasonCode | null, presence?: 'kept', said?: string): void {
    const { live } = this
    if (live === null) return
    if (reason === Reason.SessionTakenOver) this.explaining.takenOver()
    live.close(reason, said)
    this.afterConnection(reason ?? live.farewell, presence)
  }

  private afterConnection(reason: ReasonCode | null, presence?: 'kept'): void {
    const { session } = this
    this.live = null
    if (session !== null) this.sessionLeft(session)
    this.presence.disconnected(reason, presence)
    this.will.connectionEnded(this.session?.expirySeconds ?? 0)
  }

  /** The session waits for its client, or ends with the connection. */
  private sessionLeft(session: Session): void {
    this.perform(session.step({ type: 'disconnected' }))
    if (session.persistent && session.expirySeconds > 0) this.keepDisconnected(session)
    else this.endSession('session-ended')
  }

  private keepDisconnected(session: Session): void {
    const now = this.platform.now()
    this.store.saveSession(session.id, session.expirySeconds, now, session.outgoing.snapshot())
    this.platform.wakeBy(now + session.expirySeconds * 1000)
    this.givingAway.whileAway({
      id: session.id,
      away: () => this.session === session && this.live === null && this.leaf.home.knowledge.at === 'here',
      flush: () => this.keeping.behind.flush(),
      given: (rows) => this.givenAway(session, rows),
    })
  }

  /** The client may have come back meanwhile, acknowledged some of these and be getting others. */
  private givenAway(session: Session, rows: readonly StoredDelivery[]): void {
    if (this.session !== session || rows.length === 0) return
    this.keeping.behind.flush()
    const queued = this.store.inQueue(rows.map(({ position }) => position))
    const left = rows.filter(({ position }) => queued.has(position))
    this.perform(session.step({ type: 'redistributed', rows: left }))
  }

  private perform(effects: readonly Effect[]): readonly Promise<void>[] {
    return this.performing.perform(effects, this.session)
  }

  /** To the live connection, if there is one; a client that takes no packet of that size is closed. */
  reply(packet: ServerPacket): void {
    if (this.live?.reply(packet) === false) this.closeLive(Reason.PacketTooLarge)
    this.attaching.plan()
  }

  private async subscribe(session: Session, effect: SubscribeEffect): Promise<void> {
    const outcome = await this.replaying.subscribe(session, effect, (asked) =>
      this.subscribing.subscribe(session, asked),
    )
    if (this.session !== session) return
    const { reasons, said } = outcome
    const { number } = effect
    this.perform(session.step({ type: 'subscribed', number, reasons, ...(said !== undefined && { said }) }))
    this.explaining.subscribed(effect, reasons)
    this.subscribing.settled(session, effect)
    const facts = this.live === null ? {} : factsOf(this.platform, session, this.live.terms)
    await this.subscribing.giveRetained(session, effect, outcome, facts, (delivery) =>
      this.session === session ? this.deliverQuietly(delivery) : null,
    )
  }

  /** Resolves with the outcome when it is acknowledged or durable. */
  private deliverQuietly(delivery: Delivery): Promise<Outcome> {
    const { session } = this
    if (session === null) return Promise.resolve(Reason.Success)
    return new Promise(
      (done) => void this.perform(this.deliveries.deliver(session, delivery, plainOutcome(done))),
    )
  }

  private async unsubscribe(session: Session, effect: UnsubscribeEffect): Promise<void> {
    await this.registrar.unsubscribe(session.id, effect.filters)
    if (this.session !== session) return
    this.subscribing.settled(session, effect)
    this.perform(session.step({ type: 'unsubscribed', number: effect.number }))
  }
}
