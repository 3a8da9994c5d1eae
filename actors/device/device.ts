// The actor of one client: holds its connection, runs its session, and is the leaf of `devices/<client>`.
import type { ClientId } from '../../src/id/ids.ts'
import { rootOfClient, rootOfFilter } from '../../src/id/root.ts'
import type { ClientPacket, ConnectPacket, Properties } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { isFailure, ProtocolViolation, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { HandoverRequest, HandoverState, ReleaseRequest } from '../../src/relay/home.ts'
import { decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import { EMPTY_OUTGOING, packetIdOf } from '../../src/session/outgoing.ts'
import { type Effect, Session, type Subscription } from '../../src/session/session.ts'
import { negotiate } from '../../src/session/terms.ts'
import { Leaf } from '../leaf/leaf.ts'
import { NO_SUCH_SESSION } from '../leaf/outcome.ts'
import { ATTACHMENT_BYTES_MAX, ATTACHMENT_DELAY_MS } from '../limits.ts'
import type { Connection, Platform } from '../platform.ts'
import type { Attachment, LiveConnection } from './attachment.ts'
import { exportSession, importSession } from './handover.ts'
import { Live } from './live.ts'
import { Publisher } from './publisher.ts'
import { Registrar } from './registrar.ts'
import { SessionStore } from './session-store.ts'

export interface Accepted {
  readonly live: Live
  readonly sessionPresent: boolean
  /** For CONNACK. */
  readonly properties: Properties
}

export class Device {
  readonly leaf: Leaf
  readonly store: SessionStore
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly publisher: Publisher
  private readonly registrar: Registrar
  private session: Session | null = null
  private live: Live | null = null
  private cancelWake: (() => void) | null = null
  private attachmentPlanned = false

  /** @param connections all there are, one of which may be live since before the actor's memory was lost */
  constructor(platform: Platform, client: ClientId, connections: readonly Connection[]) {
    this.platform = platform
    this.client = client
    this.store = new SessionStore(platform.storage)
    this.leaf = new Leaf(platform, rootOfClient(client), {
      deliver: (receiver, session, batch) =>
        receiver === client
          ? this.deliver(session, unpackBatch(batch))
          : platform.peers.device(receiver).deliver(session, batch),
      importState: (state) => this.importState(state),
      afterImport: () => this.registerImported(),
      late: (batch) => this.takeLate(batch),
    })
    this.publisher = new Publisher(platform, client, this.leaf)
    this.registrar = new Registrar(platform, client, this.leaf)
    this.awaken(connections)
  }

  get liveConnection(): Connection | null {
    return this.live?.connection ?? null
  }

  /**
   * Takes the session up for a CONNECT: the home is made to be here, an older connection is closed.
   * Rejects with `CoreUnreachable` where the home is elsewhere and cannot be had.
   */
  async connect(connection: Connection, connect: ConnectPacket, stream: PacketStream): Promise<Accepted> {
    await this.leaf.home.take()
    const now = this.platform.now()
    if (this.live !== null) this.closeLive(Reason.SessionTakenOver) // [MQTT-3.1.4-3]
    const { terms, expirySeconds, properties } = negotiate(connect, this.platform.settings)
    this.endIfExpired(now)
    const resumed = !connect.cleanStart && this.session !== null // [MQTT-3.1.2-4]
    this.settleOldWill(resumed)
    const session = resumed ? this.resumeSession(expirySeconds) : this.startSession(expirySeconds)
    const live = new Live(connection, terms, stream, now)
    this.live = live
    if (connect.will !== null) this.store.saveWill(connect.will)
    if (session.persistent) {
      this.store.saveSession(session.id, expirySeconds, null, session.outgoing.snapshot())
    }
    if (terms.keepAliveSeconds > 0) this.platform.wakeBy(now + keepAliveMs(live))
    else if (connect.will !== null) this.platform.wakeBy(now + WILL_CHECK_MS)
    this.confirmHome()
    return { sessionPresent: resumed, live, properties }
  }

  /** After CONNACK: what waited for the client. [MQTT-4.4.0-1] */
  start(live: Live): void {
    if (this.live !== live || this.session === null) return
    this.perform(this.session.connected(live.terms))
    this.saveAttachment()
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
        pending.push(...this.perform(session.step(packet)))
        if (this.live !== live) break
      }
    } catch (violation) {
      if (!(violation instanceof ProtocolViolation)) throw violation
      this.closeLive(violation.reason) // [MQTT-4.13.1-1]
    }
    this.planAttachment()
    await Promise.all(pending)
  }

  /** The client broke the protocol below the packets. */
  breach(reason: ReasonCode): void {
    this.closeLive(reason)
  }

  /** The client's end of the connection is gone. */
  connectionLost(): void {
    if (this.live === null) return
    this.live.end()
    this.afterConnection()
  }

  /** Deliveries for a session; the outcomes when each is acknowledged or durable. */
  async deliver(sessionId: string, deliveries: readonly Uint8Array[]): Promise<Uint8Array> {
    const now = this.platform.now()
    this.endIfExpired(now)
    const { session } = this
    if (session === null || session.id !== sessionId)
      return new Uint8Array(deliveries.length).fill(NO_SUCH_SESSION)
    const outcomes = await Promise.all(
      deliveries.map(
        (bytes) =>
          new Promise<number>((settle) => {
            this.perform(session.deliver(decodeDelivery(bytes), settle, now))
          }),
      ),
    )
    return Uint8Array.from(outcomes)
  }

  /** Gives the client to another region. The state is kept, frozen, until `release`. */
  handover(request: HandoverRequest): HandoverState | null {
    const home = this.leaf.home.knowledge
    if (home.at !== 'unknown' && home.epoch > request.epoch) return null
    if (home.at !== 'elsewhere' || home.epoch < request.epoch) {
      if (this.live !== null) this.closeLive(Reason.SessionTakenOver)
      if (this.session !== null) this.leaf.subscribers.remove(this.client, this.session.id, null)
      this.leaf.home.handedOver(request.to, request.epoch)
    }
    return { session: exportSession(this.store), ...this.leaf.exportState() }
  }

  async release(request: ReleaseRequest): Promise<string> {
    const home = this.leaf.home.knowledge
    if (home.at !== 'elsewhere' || home.epoch > request.epoch) return bytesToBase64(packBatch([]))
    const row = this.store.session()
    const late = row === null ? [] : this.store.queued(row.exportedUpTo ?? 0, Number.MAX_SAFE_INTEGER, -1)
    if (row !== null) {
      const filters = [...this.store.subscriptions().keys()]
      this.session = null
      this.store.clear()
      await this.registrar.unsubscribe(row.id, filters)
    }
    this.leaf.releaseState()
    return bytesToBase64(packBatch(late.map(({ delivery }) => encodeDelivery(delivery))))
  }

  async alarm(): Promise<void> {
    const now = this.platform.now()
    const { live } = this
    if (live !== null && live.terms.keepAliveSeconds > 0) {
      const deadline = live.lastActivityAt + keepAliveMs(live)
      if (deadline <= now)
        this.closeLive(Reason.KeepAliveTimeout) // [MQTT-3.1.2-22]
      else this.platform.wakeBy(deadline)
    }
    this.endIfExpired(now)
    this.publishDueWill(now)
    await this.leaf.alarm()
  }

  // The session ----------------------------------------------------------------------------------------------------

  /** Memory was lost, or never there: takes up what storage and the socket's attachment kept. */
  private awaken(connections: readonly Connection[]): void {
    const now = this.platform.now()
    const found = findLive(connections)
    const row = this.store.session()
    const queue = this.store.queueSize()
    if (found !== null) {
      const { connection, kept } = found
      const subscriptions = new Map((kept.subscriptions ?? []).map((one) => [one.filter, one]))
      const session = new Session(
        kept.session,
        kept.expirySeconds,
        kept.subscriptions === null ? this.store.subscriptions() : subscriptions,
        {
          lastPosition: Math.max(kept.lastPosition, queue.last, row?.lastPosition ?? 0),
          sentUpTo: Math.max(kept.sentUpTo, row?.sentUpTo ?? 0),
          storedMessages: queue.messages,
          storedBytes: queue.bytes,
        },
      )
      const { sentUpTo } = session.outgoing.snapshot()
      const stored = this.store.queued(0, sentUpTo, kept.terms.outgoingWindow)
      const unstored = session.persistent
        ? []
        : kept.inflight.filter((id) => !stored.some((one) => packetIdOf(one.position) === id))
      session.awakened(kept.terms)
      session.outgoing.awaken(kept.terms.outgoingWindow, unstored, stored, now)
      const stream = new PacketStream(
        this.platform.settings.packetBytesMax,
        kept.terms.protocolVersion,
        base64ToBytes(kept.pending),
      )
      this.session = session
      this.live = new Live(connection, kept.terms, stream, kept.lastActivityAt)
      return
    }
    if (row !== null) {
      this.session = new Session(row.id, row.expirySeconds, this.store.subscriptions(), {
        lastPosition: Math.max(row.lastPosition, queue.last),
        sentUpTo: row.sentUpTo,
        storedMessages: queue.messages,
        storedBytes: queue.bytes,
      })
      if (row.disconnectedAt === null) {
        // The process died with the connection; from now on the session waits.
        this.keepDisconnected(this.session, now)
      }
    }
    const will = this.store.will()
    if (will !== null && will.publishAt === null) this.willIsDue(now)
  }

  private startSession(expirySeconds: number): Session {
    this.endSession()
    this.session = new Session(this.platform.randomId(), expirySeconds, new Map(), EMPTY_OUTGOING)
    return this.session
  }

  private resumeSession(expirySeconds: number): Session {
    const old = this.session
    if (old === null) throw new Error('no session to resume')
    // Whether it outlives the connection may have changed, and with it what is stored.
    this.session = new Session(old.id, expirySeconds, old.subscriptions, old.outgoing.snapshot())
    return this.session
  }

  private endIfExpired(now: number): void {
    if (this.session === null || this.live !== null) return
    const row = this.store.session()
    if (row === null || row.disconnectedAt === null || row.exportedUpTo !== null) return
    const expiresAt = row.disconnectedAt + this.session.expirySeconds * 1000
    if (expiresAt <= now) this.endSession()
    else this.platform.wakeBy(expiresAt)
  }

  /** Forgets the session, here and at the leaves. */
  private endSession(): void {
    const { session } = this
    if (session === null) return
    this.session = null
    this.store.clear()
    const filters = [...session.subscriptions.keys()]
    if (filters.length > 0) void this.registrar.unsubscribe(session.id, filters)
  }

  private closeLive(reason: ReasonCode | null): void {
    if (this.live === null) return
    this.live.close(reason)
    this.afterConnection()
  }

  private afterConnection(): void {
    const { session } = this
    const now = this.platform.now()
    this.live = null
    if (session !== null) {
      this.perform(session.disconnected())
      if (session.persistent && session.expirySeconds > 0) this.keepDisconnected(session, now)
      else this.endSession()
    }
    this.willIsDue(now)
  }

  private keepDisconnected(session: Session, now: number): void {
    this.store.saveSession(session.id, session.expirySeconds, now, session.outgoing.snapshot())
    this.platform.wakeBy(now + session.expirySeconds * 1000)
  }

  // The will -------------------------------------------------------------------------------------------------------

  /** The connection ended without the client's farewell. [MQTT-3.1.2-8] */
  private willIsDue(now: number): void {
    const kept = this.store.will()
    if (kept === null || kept.publishAt !== null) return
    const delaySeconds = Math.min(kept.will.delaySeconds, this.session?.expirySeconds ?? 0)
    if (delaySeconds === 0) {
      this.publishWill(now)
    } else {
      this.store.delayWill(now + delaySeconds * 1000)
      this.platform.wakeBy(now + delaySeconds * 1000)
    }
  }

  private publishDueWill(now: number): void {
    const kept = this.store.will()
    if (kept?.publishAt == null) return
    if (kept.publishAt <= now || this.session === null)
      this.publishWill(now) // [MQTT-3.1.3-9]
    else this.platform.wakeBy(kept.publishAt)
  }

  /** A will that waits is void if its session goes on, and due if it does not. [MQTT-3.1.3-9] */
  private settleOldWill(resumed: boolean): void {
    if (this.store.will() === null) return
    if (resumed) this.store.clearWill()
    else this.publishWill(this.platform.now())
  }

  private publishWill(now: number): void {
    const kept = this.store.will()
    if (kept === null) return
    const { message, expirySeconds } = kept.will
    const expiresAt = expirySeconds === null ? 0 : now + expirySeconds * 1000
    this.publisher
      .publish({ ...message, expiresAt })
      .then((reason) => {
        // Only what is delivered or durable elsewhere need not be kept here.
        if (isFailure(reason)) this.retryWill(now)
        else this.store.clearWill()
      })
      .catch((cause) => {
        this.platform.report('the will was not published', cause)
        this.retryWill(now)
      })
  }

  private retryWill(now: number): void {
    this.store.delayWill(now + WILL_CHECK_MS)
    this.platform.wakeBy(now + WILL_CHECK_MS)
  }

  // Moving ---------------------------------------------------------------------------------------------------------

  private importState(state: HandoverState): void {
    const imported = importSession(this.store, state)
    this.session = imported
    if (imported === null) return
    for (const subscription of imported.subscriptions.values()) {
      if (rootOfFilter(subscription.filter) === this.leaf.root) {
        this.leaf.subscribers.add(this.client, imported.id, subscription)
        this.store.markRegistered([subscription.filter])
      }
    }
  }

  private async registerImported(): Promise<void> {
    const { session } = this
    const subscriptions = this.store.unregistered()
    if (session === null || subscriptions.length === 0) return
    // It had its retained messages when it subscribed; moving is no new subscription.
    const quiet = subscriptions.map((one) => ({ ...one, retainHandling: 2 as const }))
    const { reasons } = await this.registrar.subscribe(session.id, quiet)
    this.store.markRegistered(
      subscriptions.filter((_, i) => !isFailure(reasons[i] ?? 0x80)).map(({ filter }) => filter),
    )
    if (reasons.some(isFailure)) throw new Error('not all subscriptions could be moved')
  }

  private takeLate(batch: string): void {
    const { session } = this
    if (session === null) return
    const now = this.platform.now()
    for (const bytes of unpackBatch(base64ToBytes(batch))) {
      this.perform(session.deliver(decodeDelivery(bytes), () => undefined, now))
    }
  }

  /** The home answered from its own storage; whether the directory agrees is asked afterwards. */
  private confirmHome(): void {
    const home = this.leaf.home.knowledge
    if (home.at !== 'here') return
    const { fleet, region } = this.platform
    this.platform.core
      .confirm({ fleet, root: this.leaf.root, region, epoch: home.epoch })
      .then(({ current }) => {
        if (!current) this.platform.report(`${this.leaf.root} is fenced at epoch ${home.epoch}`, null)
      })
      .catch(() => undefined)
  }

  // Effects --------------------------------------------------------------------------------------------------------

  /** Performs what the session decided; the promises are of what goes on after this call. */
  private perform(effects: readonly Effect[]): Promise<void>[] {
    const pending: Promise<void>[] = []
    for (const effect of effects) {
      const more = this.performOne(effect)
      if (more !== null) pending.push(more)
    }
    return pending
  }

  private performOne(effect: Effect): Promise<void> | null {
    const { store, live, session } = this
    switch (effect.do) {
      case 'send': {
        const sent = live?.publish(effect.delivery, effect.packetId, effect.dup, this.platform.now()) ?? true
        if (!sent && effect.packetId > 0 && session !== null) {
          this.perform(session.outgoing.acknowledged(effect.packetId) ?? [])
        }
        this.planAttachment()
        return null
      }
      case 'store':
        if (session === null) return null
        if (!session.persistent && store.session() === null) {
          // Rows of a session that ends with its connection; they say so, should the process die.
          store.saveSession(
            session.id,
            session.expirySeconds,
            this.platform.now(),
            session.outgoing.snapshot(),
          )
        }
        this.platform.storage.transaction(() => store.enqueue(effect.entries))
        for (const settle of effect.settles) settle(Reason.Success)
        return null
      case 'forget':
        store.dequeue(effect.positions)
        return null
      case 'sent-up-to':
        store.sentUpTo(effect.position)
        return null
      case 'refill':
        if (session !== null) {
          const rows = store.queued(effect.after, Number.MAX_SAFE_INTEGER, effect.limit)
          this.perform(session.outgoing.refill(rows, effect.limit, this.platform.now()))
        }
        return null
      case 'wake':
        this.wakeSession(effect.at)
        return null
      case 'reply':
        live?.reply(effect.packet)
        return null
      case 'close':
        this.closeLive(effect.reason)
        return null
      case 'discard-will':
        store.clearWill()
        return null
      case 'expiry':
        if (session !== null) session.expirySeconds = effect.seconds
        return null
      case 'publish':
        return this.publisher.publish(effect.message).then((reason) => {
          this.perform(effect.done(reason))
        })
      case 'subscribe':
        return this.subscribe(effect)
      case 'unsubscribe':
        return this.unsubscribe(effect)
      default:
        return effect satisfies never
    }
  }

  private wakeSession(at: number): void {
    this.cancelWake?.()
    this.cancelWake = this.platform.after(Math.max(0, at - this.platform.now()), () => {
      this.cancelWake = null
      if (this.session !== null) this.perform(this.session.outgoing.ackWaitOver(this.platform.now()))
    })
  }

  private async subscribe(effect: Extract<Effect, { do: 'subscribe' }>): Promise<void> {
    const { session } = this
    if (session === null) return
    const wanted = effect.items
      .filter(({ refused }) => refused === null)
      .map(({ subscription }) => subscription)
    // Kept first: should the process die, what a leaf learnt is known here and can be taken back.
    if (session.persistent) for (const one of wanted) this.store.saveSubscription(one, true)
    const { reasons, retained } = await this.registrar.subscribe(session.id, wanted)
    if (this.session !== session) return
    let next = 0
    const all = effect.items.map(({ refused, subscription, isNew }) => {
      const reason = refused ?? reasons[next++] ?? Reason.UnspecifiedError
      if (refused === null && isFailure(reason) && isNew && session.persistent) {
        this.store.removeSubscription(subscription.filter)
      }
      return reason
    })
    this.perform(effect.done(all))
    const now = this.platform.now()
    for (const bytes of retained) this.perform(session.deliver(decodeDelivery(bytes), () => undefined, now))
    this.planAttachment()
  }

  private async unsubscribe(effect: Extract<Effect, { do: 'unsubscribe' }>): Promise<void> {
    const { session } = this
    if (session === null) return
    await this.registrar.unsubscribe(session.id, effect.filters)
    if (session.persistent) for (const filter of effect.filters) this.store.removeSubscription(filter)
    this.perform(effect.done())
    this.planAttachment()
  }

  // The attachment -------------------------------------------------------------------------------------------------

  /** Written a moment later, once for all that happens meanwhile; an actor hibernates only after a longer silence. */
  private planAttachment(): void {
    if (this.attachmentPlanned) return
    this.attachmentPlanned = true
    this.platform.after(ATTACHMENT_DELAY_MS, () => {
      this.attachmentPlanned = false
      this.saveAttachment()
    })
  }

  private saveAttachment(): void {
    const { live, session } = this
    if (live === null || session === null || live.closed) return
    const { lastPosition, sentUpTo } = session.outgoing.snapshot()
    const attachment = (subscriptions: readonly Subscription[] | null): LiveConnection => ({
      phase: 'live',
      terms: live.terms,
      session: session.id,
      expirySeconds: session.expirySeconds,
      lastActivityAt: live.lastActivityAt,
      pending: bytesToBase64(live.stream.pending),
      lastPosition,
      sentUpTo,
      inflight: session.persistent ? [] : session.outgoing.inflightPacketIds,
      subscriptions,
    })
    const full = attachment(session.persistent ? null : [...session.subscriptions.values()])
    if (JSON.stringify(full).length <= ATTACHMENT_BYTES_MAX) {
      live.connection.attach(full)
    } else {
      if (!session.persistent)
        for (const one of session.subscriptions.values()) this.store.saveSubscription(one, true)
      live.connection.attach(attachment(null))
    }
  }
}

/** How often a will without keep alive looks whether its connection still stands, should the process have died. */
const WILL_CHECK_MS = 60_000

function keepAliveMs(live: Live): number {
  return live.terms.keepAliveSeconds * 1500
}

function findLive(
  connections: readonly Connection[],
): { readonly connection: Connection; readonly kept: LiveConnection } | null {
  for (const connection of connections) {
    const kept = connection.attachment() as Attachment | null
    if (kept?.phase === 'live') return { connection, kept }
  }
  return null
}
