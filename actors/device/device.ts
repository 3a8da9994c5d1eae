// The actor of one client: holds its connection, runs its session, and is the leaf of `devices/<client>`.
import { type ClientId, isStreamClient } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import type { ClientPacket, ConnectPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import type { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Effect, SubscribeEffect, UnsubscribeEffect } from '../../src/session/effect.ts'
import { Session } from '../../src/session/session.ts'
import type { StoredDelivery } from '../../src/session/stored-delivery.ts'
import { negotiate } from '../../src/session/terms.ts'
import type { Leaf } from '../leaf/leaf.ts'
import type { Connection, Platform } from '../platform.ts'
import type { Admission } from './connection/attachment.ts'
import { checkKeepAlive } from './connection/keep-alive.ts'
import { type Accepted, Live } from './connection/live.ts'
import { type DeviceInputs, DeviceParts } from './device-parts.ts'
import type { DeviceState } from './device-state.ts'
import type { Ending } from './explain/device-facts.ts'
import { factsOf } from './presence/system-topics.ts'
import { plainOutcome, storedOutcome } from './session/stored-outcome.ts'

export class Device implements DeviceInputs {
  readonly parts: DeviceParts
  private readonly platform: Platform
  private readonly state: DeviceState
  /** The client behind an event stream needs no home: nobody looks for it elsewhere or later. */
  private readonly homeless: boolean

  /** @param connections all open ones; one of them may be live since before the actor's memory was lost */
  constructor(platform: Platform, client: ClientId, connections: readonly Connection[]) {
    this.platform = platform
    this.homeless = isStreamClient(client)
    this.parts = new DeviceParts(platform, client, connections, this)
    this.state = this.parts.state
    this.begin(this.parts.cutOff)
  }

  get leaf(): Leaf {
    return this.parts.leaf
  }

  /** @param cutOff the process died with the connection */
  private begin(cutOff: boolean): void {
    const { session, live } = this.state
    if (session !== null && cutOff) this.sessionLeft(session)
    if (live === null) {
      this.parts.presence.disconnected(null)
      this.parts.will.diedWithProcess(this.state.session?.expirySeconds ?? 0)
    }
    this.parts.presence.publish()
  }

  get admission(): Admission | null {
    return this.state.live?.admission ?? null
  }

  get liveConnection(): Connection | null {
    return this.state.live?.connection ?? null
  }

  /** Makes this region the client's home. Rejects with `CoreUnreachable` where it is elsewhere and cannot be had. */
  async takeHome(cleanStart: boolean): Promise<void> {
    if (!this.homeless) await this.leaf.home.take(cleanStart)
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
    const { state } = this
    const asked = state.live === null ? this.parts.expiry.confirmHome(state.session) : null
    if (asked !== null) await asked
    await this.takeHome(connect.cleanStart)
    const now = this.platform.now()
    if (state.live !== null) this.closeLive(Reason.SessionTakenOver) // [MQTT-3.1.4-3]
    const { terms, expirySeconds, properties } = negotiate(connect, this.platform.settings)
    if (state.session !== null && this.parts.expiry.isOver(state.session)) this.endSession('session-expired')
    const former = connect.cleanStart ? null : state.session // [MQTT-3.1.2-4]
    const resumed = former !== null
    this.parts.will.clientReturned(resumed)
    former?.step({ type: 'resumed', expirySeconds })
    const session = former ?? this.startSession(expirySeconds)
    const live = new Live(connection, terms, stream, now, admission)
    state.connected(session, live)
    if (connect.will !== null)
      this.parts.will.set({ ...connect.will, message: live.own(connect.will.message) })
    // One that now ends with its connection has a row if it once did not: that must say so, should the process die.
    if (session.persistent || this.parts.store.session() !== null) {
      this.parts.store.saveSession(session.id, expirySeconds, null, session.outgoing.snapshot())
    }
    checkKeepAlive(this.platform, live, () => this.parts.will.exists)
    if (!this.homeless) {
      this.parts.presence.connected(terms, connect.cleanStart)
      void this.leaf.sync.confirm(() => state.live !== live)
    }
    return { sessionPresent: resumed, live, properties }
  }

  /** After CONNACK: what waited for the client. [MQTT-4.4.0-1] */
  start(live: Live): void {
    const { session } = this.state
    if (this.state.live !== live || session === null) return
    this.perform(session.step({ type: 'connected', terms: live.terms }))
    for (const delta of this.parts.shadowDeltas.onReturn(session)) void this.deliverOwn(delta)
    this.parts.attachmentWriter.save()
  }

  /** A frame of the live connection. Resolves when what it published is settled. */
  frame(frame: Uint8Array): Promise<void> {
    return this.packets(this.state.live?.stream.read(frame, this.platform.now()) ?? [])
  }

  async packets(packets: Iterable<ClientPacket>): Promise<void> {
    const { phase } = this.state
    if (phase.is !== 'connected') return
    const { live, session } = phase
    live.lastActivityAt = this.platform.now()
    const pending: Promise<void>[] = []
    try {
      for (const packet of packets) {
        if (packet.type === 'disconnect') live.farewell = packet.reason
        pending.push(...this.perform(session.step(packet)))
        if (this.state.live !== live) break
      }
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      this.closeLive(violation.reason, undefined, violation.message) // [MQTT-4.13.1-1]
    }
    this.parts.attachmentWriter.plan()
    await Promise.all(pending)
  }

  /** The client's end of the connection is gone. */
  connectionLost(): void {
    const { live } = this.state
    if (live === null) return
    live.end()
    this.afterConnection(null)
  }

  /** Deliveries for a session; the outcomes when each is acknowledged or durable. */
  async deliver(sessionId: string, deliveries: readonly Uint8Array[]): Promise<Uint8Array> {
    // What is still late goes first. Held for long, it would hold up the fence of another client that moves the other way.
    const held = this.leaf.home.completed()
    if (held !== null) await held
    this.endIfExpired()
    const { session } = this.state
    if (session === null || session.id !== sessionId)
      return new Uint8Array(deliveries.length).fill(Outcome.NoSuchSession)
    const outcomes = await Promise.all(
      deliveries.map((bytes) =>
        this.parts.seenOrigins.once(
          bytes,
          (delivery, settle) => {
            this.parts.historyReplay.take(delivery, settle, () => {
              if (!this.state.has(session)) return settle(Outcome.NoSuchSession)
              this.parts.subscriptionRequests.arrived(delivery.message.topic)
              if (this.parts.shadowDeltas.comesOnReturn(session, delivery)) return settle(Reason.Success)
              const given = this.parts.givenRetained.outcomeOf(delivery)
              if (given !== null && session.overlapOf(delivery) === null) return void given.then(settle)
              const settled = storedOutcome(delivery, this.leaf.sync, settle)
              this.perform(this.parts.deliveries.deliver(session, delivery, settled))
            })
          },
          (delivery) => session.overlapOf(delivery),
        ),
      ),
    )
    return Uint8Array.from(outcomes)
  }

  async alarm(): Promise<void> {
    const { live } = this.state
    if (live !== null && checkKeepAlive(this.platform, live, () => this.parts.will.exists) === 'silent')
      this.closeLive(Reason.KeepAliveTimeout) // [MQTT-3.1.2-22]
    this.parts.presence.publish()
    this.parts.commands.alarm()
    this.endIfExpired()
    this.parts.will.publishIfDue(this.state.session === null)
    if (live !== null) this.parts.redistribution.watch(live.lastActivityAt)
    await this.parts.redistribution.giveLeft()
    await this.leaf.alarm()
  }

  private startSession(expirySeconds: number): Session {
    this.endSession('discarded')
    const id = this.platform.randomId()
    const session = Session.begin(id, expirySeconds, this.platform.settings.queueMessagesMax)
    this.state.replaced(session)
    return session
  }

  endIfExpired(): void {
    const { phase } = this.state
    if (phase.is === 'away' && this.parts.expiry.mayEnd(phase.session)) this.endSession('session-expired')
  }

  /** Forgets the session, here and at the leaves. */
  private endSession(why: Ending): void {
    const { session } = this.state
    if (session === null) return
    this.state.replaced(null)
    this.parts.writer.behind.flush()
    this.parts.facts.sessionEnds(session, why)
    this.platform.storage.transaction(() => {
      this.parts.redistribution.sessionEnds(session.outgoing.snapshot().sentUpTo)
      this.parts.store.clear()
      this.parts.seenOrigins.clear()
    })
    void this.parts.redistribution.giveLeft()
    const filters = [...session.subscriptions.keys()]
    if (filters.length > 0) void this.parts.registrar.unsubscribe(session.id, filters)
  }

  /** Ends the live connection, if there is one. @param said Reason String for a 5.0 client */
  closeLive(reason: ReasonCode | null, presence?: 'unpublished', said?: string): void {
    const { live } = this.state
    if (live === null) return
    if (reason === Reason.SessionTakenOver) this.parts.facts.takenOver()
    live.close(reason, said)
    this.afterConnection(reason ?? live.farewell, presence)
  }

  private afterConnection(reason: ReasonCode | null, presence?: 'unpublished'): void {
    const { session } = this.state
    this.state.disconnected()
    if (session !== null) this.sessionLeft(session)
    this.parts.presence.disconnected(reason, presence)
    this.parts.will.connectionEnded(this.state.session?.expirySeconds ?? 0)
  }

  /** The session waits for its client, or ends with the connection. */
  private sessionLeft(session: Session): void {
    this.perform(session.step({ type: 'disconnected' }))
    if (session.persistent && session.expirySeconds > 0) this.keepDisconnected(session)
    else this.endSession('session-ended')
  }

  private keepDisconnected(session: Session): void {
    const now = this.platform.now()
    this.parts.store.saveSession(session.id, session.expirySeconds, now, session.outgoing.snapshot())
    this.platform.wakeBy(now + session.expirySeconds * 1000)
    this.parts.redistribution.offer({
      id: session.id,
      away: () =>
        this.state.has(session) && this.state.live === null && this.leaf.home.knowledge.at === 'here',
      flush: () => this.parts.writer.behind.flush(),
      redistributed: (rows) => this.redistributed(session, rows),
    })
  }

  /** By now the client may have returned and acknowledged some of these deliveries: those are no longer in the queue. */
  private redistributed(session: Session, rows: readonly StoredDelivery[]): void {
    if (!this.state.has(session) || rows.length === 0) return
    this.parts.writer.behind.flush()
    const queued = this.parts.store.inQueue(rows.map(({ position }) => position))
    const left = rows.filter(({ position }) => queued.has(position))
    this.perform(session.step({ type: 'redistributed', rows: left }))
  }

  private perform(effects: readonly Effect[]): readonly Promise<void>[] {
    return this.parts.performer.perform(effects, this.state.session)
  }

  /** To the live connection, if there is one; a client that takes no packet of that size is closed. */
  reply(packet: ServerPacket): void {
    if (this.state.live?.reply(packet) === false) this.closeLive(Reason.PacketTooLarge)
    this.parts.attachmentWriter.plan()
  }

  async subscribe(session: Session, effect: SubscribeEffect): Promise<void> {
    const outcome = await this.parts.historyReplay.subscribe(session, effect, (asked) =>
      this.parts.subscriptionRequests.subscribe(session, asked),
    )
    if (!this.state.has(session)) return
    const { reasons, said } = outcome
    const { number } = effect
    this.perform(session.step({ type: 'subscribed', number, reasons, ...(said !== undefined && { said }) }))
    this.parts.facts.subscribed(effect, reasons)
    this.parts.subscriptionRequests.settled(session, effect)
    const { live } = this.state
    const facts = live === null ? {} : factsOf(this.platform, session, live.terms)
    await this.parts.subscriptionRequests.giveRetained(session, effect, outcome, facts, (delivery) =>
      this.state.has(session) ? this.deliverOwn(delivery) : null,
    )
  }

  /** Resolves with the outcome when it is acknowledged or durable. */
  deliverOwn(delivery: Delivery): Promise<Outcome> {
    const { session } = this.state
    if (session === null) return Promise.resolve(Reason.Success)
    return new Promise(
      (done) => void this.perform(this.parts.deliveries.deliver(session, delivery, plainOutcome(done))),
    )
  }

  async unsubscribe(session: Session, effect: UnsubscribeEffect): Promise<void> {
    await this.parts.registrar.unsubscribe(session.id, effect.filters)
    if (!this.state.has(session)) return
    this.parts.subscriptionRequests.settled(session, effect)
    this.perform(session.step({ type: 'unsubscribed', number: effect.number }))
  }
}
