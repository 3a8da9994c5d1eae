// The actor of one client: holds its connection, runs its session, and is the leaf of `devices/<client>`.
import { type ClientId, isStreamClient } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import type { ClientPacket, ConnectPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import type { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Effect, SubscribeEffect, UnsubscribeEffect } from '../../src/session/effect.ts'
import { INCOMING_HELD_BYTES_MAX } from '../../src/session/limits.ts'
import { Session } from '../../src/session/session.ts'
import type { StoredDelivery } from '../../src/session/stored-delivery.ts'
import { negotiate } from '../../src/session/terms.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { memoryOf } from '../memory-budget.ts'
import type { Connection, Platform } from '../platform.ts'
import type { Admission } from './connection/attachment.ts'
import { checkKeepAlive } from './connection/keep-alive.ts'
import { type Accepted, Live } from './connection/live.ts'
import { checkStalled, STALLED } from './connection/stalled.ts'
import { type LifeEffect, type LifeInput, type PresencePublishing, step } from './device-life.ts'
import { type DeviceInputs, DeviceParts } from './device-parts.ts'
import type { DeviceState } from './device-state.ts'
import type { Ending } from './explain/device-facts.ts'
import { factsOf } from './presence/system-topics.ts'
import { plainOutcome, storedOutcome } from './session/stored-outcome.ts'

export class Device implements DeviceInputs {
  readonly parts: DeviceParts
  private readonly platform: Platform
  private readonly state: DeviceState
  /** The client of an event stream needs no home: nobody looks for it elsewhere or later. */
  private readonly homeless: boolean
  /** Inputs that arrived while another was performed. */
  private readonly waiting: LifeInput[] = []
  private busy = false

  /** @param connections all open ones; one of them may be live since before the actor's memory was lost */
  constructor(platform: Platform, client: ClientId, connections: readonly Connection[]) {
    this.platform = platform
    this.homeless = isStreamClient(client)
    this.parts = new DeviceParts(platform, client, connections, this)
    this.state = this.parts.state
    this.input({ is: 'began', cutOff: this.parts.cutOff })
  }

  get leaf(): Leaf {
    return this.parts.leaf
  }

  get admission(): Admission | null {
    return this.state.live?.admission ?? null
  }

  get liveConnection(): Connection | null {
    return this.state.live?.connection ?? null
  }

  /**
   * Makes this region the client's home. Rejects with `CoreUnreachable` if the home is elsewhere and the core is not reached.
   * @param waits whether the client still does
   */
  async takeHome(cleanStart: boolean, waits?: () => boolean): Promise<void> {
    if (!this.homeless) await this.leaf.home.take(cleanStart, waits)
  }

  /**
   * Resumes or begins the session of a CONNECT: makes this region the home, closes an older connection.
   * Rejects with `CoreUnreachable` if the home is elsewhere and the core is not reached.
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
    const expired = state.session !== null && this.parts.expiry.isOver(state.session)
    this.input({ is: 'returned', cleanStart: connect.cleanStart, expired })
    const former = state.session
    former?.step({ type: 'resumed', expirySeconds })
    const session =
      former ?? Session.begin(this.platform.randomId(), expirySeconds, this.platform.settings.queue)
    const live = new Live(connection, terms, stream, now, admission)
    this.input({ is: 'connected', session, live })
    if (connect.will !== null)
      this.parts.will.set({ ...connect.will, message: live.own(connect.will.message) })
    // A session that now ends with its connection may have a row from before: the row must say so if the process dies.
    if (session.persistent || this.parts.store.session() !== null) {
      this.parts.store.saveSession(session.id, expirySeconds, null, session.outgoing.snapshot())
    }
    checkKeepAlive(this.platform, live, () => this.parts.will.exists)
    if (!this.homeless) {
      this.parts.presence.connected(terms, connect.cleanStart)
      void this.leaf.sync.confirm(() => state.live !== live)
    }
    return { sessionPresent: former !== null, live, properties, dropped: this.parts.facts.dropped }
  }

  /** After CONNACK: sends the messages that waited for the client. [MQTT-4.4.0-1] */
  start(live: Live): void {
    const { session } = this.state
    if (this.state.live !== live || session === null) return
    this.perform(session.step({ type: 'connected', terms: live.terms }))
    for (const delta of this.parts.shadowDeltas.onReturn(session)) void this.deliverOwn(delta)
    void this.parts.retainedReplay.goOn(session)
    this.parts.attachmentWriter.save()
  }

  /** A frame of the live connection. Resolves when its publishes have their outcome. */
  frame(frame: Uint8Array): Promise<void> {
    return this.packets(this.state.live?.stream.read(frame, this.platform.now()) ?? [])
  }

  async packets(packets: Iterable<ClientPacket>): Promise<void> {
    const { phase } = this.state
    if (phase.is !== 'connected') return
    const { live, session } = phase
    live.lastActivityAt = this.platform.now()
    live.unread.packetCame()
    const pending: Promise<void>[] = []
    try {
      for (const packet of packets) {
        if (packet.type === 'disconnect') live.farewell = packet.reason
        this.limitHeld(session)
        pending.push(...this.perform(session.step(packet)))
        if (this.state.live !== live) break
      }
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      this.closeLive(violation.reason, 'published', violation.message) // [MQTT-4.13.1-1]
    }
    this.parts.attachmentWriter.plan()
    // After a stall, or when the actor's memory was lost.
    if (this.state.live === live) void this.parts.retainedReplay.goOn(session)
    await Promise.all(pending)
  }

  /** Packets that wait share the actor's memory with messages for others. */
  private limitHeld(session: Session): void {
    const { client } = memoryOf(this.platform)
    const heldBytesMax = Math.min(INCOMING_HELD_BYTES_MAX, client.bytes + client.room)
    if (heldBytesMax !== session.heldBytesMax) session.step({ type: 'memory', heldBytesMax })
  }

  /** The peer has closed the connection, or is not reached. */
  connectionLost(): void {
    this.input({ is: 'lost' })
  }

  /** Deliveries for a session; the outcomes when each is acknowledged or durable. */
  async deliver(sessionId: string, deliveries: readonly Uint8Array[]): Promise<Uint8Array> {
    // The remainder of a former home comes first, bounded in time: it must not block another client's fence.
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
    else if (checkStalled(this.platform, live) === 'stalled')
      this.closeLive(Reason.QuotaExceeded, undefined, STALLED)
    this.parts.presence.publish()
    this.parts.commands.alarm()
    this.endIfExpired()
    this.parts.will.publishIfDue(this.state.session === null)
    if (live !== null) this.parts.redistribution.watch(live.lastActivityAt)
    await this.parts.redistribution.giveLeft()
    await this.leaf.alarm()
  }

  endIfExpired(): void {
    const { phase } = this.state
    if (phase.is === 'away' && this.parts.expiry.mayEnd(phase.session))
      this.input({ is: 'session-ended', why: 'session-expired' })
  }

  /** An administrator ends the session, after its connection. */
  endSession(): void {
    if (this.state.phase.is === 'away') this.input({ is: 'session-ended', why: 'session-ended' })
    this.parts.will.publishIfDue(this.state.session === null)
  }

  /** An administrator empties the queue. */
  purgeQueue(session: Session): void {
    this.perform(session.step({ type: 'purged' }))
  }

  /** Ends the live connection, if there is one. @param said Reason String for a 5.0 client */
  closeLive(reason: ReasonCode | null, presence: PresencePublishing = 'published', said?: string): void {
    this.input({ is: 'closed', reason, presence, ...(said !== undefined && { said }) })
  }

  /** An input of the device's life. An input that arrives while another is performed waits until that is finished. */
  input(input: LifeInput): void {
    this.waiting.push(input)
    if (this.busy) return
    this.busy = true
    try {
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) this.live(next)
    } finally {
      this.busy = false
    }
  }

  private live(input: LifeInput): void {
    const { phase, effects } = step(this.state.phase, input)
    this.state.enter(phase)
    for (const effect of effects) this.performLife(effect)
  }

  private performLife(effect: LifeEffect): void {
    const { parts } = this
    switch (effect.do) {
      case 'close':
        effect.live.close(effect.reason, effect.said)
        return
      case 'end-connection':
        effect.live.end()
        return
      case 'note-takeover':
        parts.facts.takenOver()
        return
      case 'disconnect-session':
        this.perform(effect.session.step({ type: 'disconnected' }))
        return
      case 'store-away':
        this.storeAway(effect.session)
        return
      case 'delete-session':
        this.deleteSession(effect.session, effect.why)
        return
      case 'presence-ended':
        parts.presence.disconnected(effect.reason, effect.presence)
        return
      case 'publish-presence':
        parts.presence.publish()
        return
      case 'will-begins':
        parts.will.connectionEnded(effect.expirySeconds)
        return
      case 'will-remains':
        parts.will.diedWithProcess(effect.expirySeconds)
        return
      case 'will-returned':
        parts.will.clientReturned(effect.resumed)
        return
      case 'input':
        this.live(effect.input)
        return
      default:
        effect satisfies never
    }
  }

  /** Here and at the leaves. */
  private deleteSession(session: Session, why: Ending): void {
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

  private storeAway(session: Session): void {
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
    const facts = live === null ? {} : factsOf(this.platform, session, live.terms, this.parts.facts.dropped)
    await this.parts.subscriptionRequests.giveRetained(session, effect, outcome, facts, (delivery) =>
      this.deliverOwn(delivery),
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
