// A fake of the client's actor: performs a session's effects over storage in memory, as actors/device/device.ts does.
import assert from 'node:assert/strict'
import type { Message } from '../../src/mqtt/message.ts'
import type { ClientPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type Delivery, type DeliveryOutcome, deliveryBytes } from '../../src/session/delivery.ts'
import type { Effect } from '../../src/session/effect.ts'
import type { SessionStart } from '../../src/session/input.ts'
import type { QueueBound } from '../../src/session/queue-room.ts'
import type { Session } from '../../src/session/session.ts'
import { packetIdOf, type StoredDelivery } from '../../src/session/stored-delivery.ts'
import type { Terms } from '../../src/session/terms.ts'
import { OutgoingAliases, type TopicAlias } from '../../src/session/topic-aliases.ts'
import { oldest } from '../session/actor.ts'
import { startOf } from '../session/packets.ts'
import { RecordedSession, type Recording } from '../session/recording.ts'
import { SessionStorage } from './session-storage.ts'

/** What the actor's client and its sessions live through. */
export interface Witness {
  sent(delivery: Delivery, packetId: number, dup: boolean, alias: TopicAlias | null): void
  /** In place of `sent`: it is too large for the client, or has expired. */
  skipped(delivery: Delivery, packetId: number): void
  /** A full queue has dropped these. */
  dropped(deliveries: readonly Delivery[]): void
  pubrel(packetId: number): void
  replied(packet: ServerPacket): void
  /** A publish of the client goes to its leaf. */
  passedOn(message: Message): void
  /** The connection is closed. */
  closed(): void
  /** The session has ended: nobody is owed anything of it. @param left what other members of a group are to have */
  ended(sessionId: string, left: readonly Delivery[]): void
}

/** What leaves and registrar have not answered yet. */
export interface Owed<O> {
  readonly origin: O | null
  answer(reason: ReasonCode): void
}

interface Undone {
  readonly effect: Effect
  readonly session: Session | null
}

type Performers = {
  readonly [K in Effect['do']]: (effect: Extract<Effect, { do: K }>, session: Session | null) => void
}

/** One step leads to few effects; this many are a loop. */
const EFFECTS_PER_STEP_MAX = 2_000

/** Acknowledgements that one outcome may set free: as many as packets of one life. */
const OPEN_PER_CLIENT_MAX = 60

/** @typeParam O what the packet being stepped is to the witness: handed out again with what it is owed */
export class SessionActor<O> {
  session: Session | null = null
  live: Terms | null = null
  now = 1_000_000
  wakeAt = 0
  readonly storage = new SessionStorage()
  owed: Owed<O>[] = []
  private aliases = new OutgoingAliases(0)
  private giving: { readonly session: Session; readonly rows: readonly StoredDelivery[] }[] = []
  private sessions = 0
  /** Of all sessions of this life, in the order of their beginning. */
  readonly recordings: Recording[] = []
  private lastNumber = 0
  private readonly senders = new Map<number, (outcome: DeliveryOutcome) => void>()
  private origin: O | null = null
  private readonly witness: Witness
  private readonly undone: Undone[] = []
  private performing = false
  private performed = 0

  private readonly bound: QueueBound

  constructor(witness: Witness, bound: QueueBound) {
    this.witness = witness
    this.bound = bound
  }

  /** As if an earlier life had left this session. */
  begin(
    expirySeconds: number,
    rows: readonly StoredDelivery[],
    lastPosition: number,
    sentUpTo: number,
    released: readonly number[] = [],
  ): void {
    const id = `s${++this.sessions}`
    for (const { position, delivery } of rows) this.storage.queue.set(position, delivery)
    for (const position of released) this.storage.released.add(position)
    this.storage.row = { id, expirySeconds, lastPosition, sentUpTo }
    this.reload()
  }

  connect(terms: Terms, expirySeconds: number, clean: boolean): void {
    this.performed = 0
    if (this.live !== null) this.closeLive()
    if (this.session !== null && !clean) {
      this.session.step({ type: 'resumed', expirySeconds })
    } else {
      this.endSession()
      this.session = this.begun(startOf({ queue: this.bound, id: `s${++this.sessions}`, expirySeconds }))
    }
    const { session } = this
    if (session === null) return
    this.live = terms
    // The client may acknowledge on this connection what others were asked to take: their outcome says nothing any more.
    this.giving = []
    this.aliases = new OutgoingAliases(terms.outgoingAliases)
    if (session.persistent) this.storage.saveSession(session)
    const released = session.outgoing.snapshot().released.length
    this.perform(session.step({ type: 'connected', terms }), 2 * terms.outgoingWindow + 1 + released)
    this.storage.flush()
  }

  step(packet: ClientPacket, origin: O | null = null): void {
    const { session, live } = this
    if (session === null || live === null) return
    this.performed = 0
    this.origin = origin
    // An acknowledgement may make room for as much as fits the window, each with a row and a watermark.
    const limit = packet.type.startsWith('pub') && packet.type !== 'publish' ? 3 * live.outgoingWindow + 3 : 3
    this.perform(session.step(packet), limit)
    this.origin = null
    this.storage.flush()
  }

  answer(which: number, reason: ReasonCode): O | null {
    const [one] = this.owed.splice(which % this.owed.length, 1)
    this.performed = 0
    one?.answer(reason)
    this.storage.flush()
    return one?.origin ?? null
  }

  deliver(delivery: Delivery, settle: (outcome: DeliveryOutcome) => void): void {
    this.performed = 0
    const number = ++this.lastNumber
    this.senders.set(number, settle)
    const input = { type: 'delivery', number, delivery, now: this.now } as const
    // Without memory for it: the open ones before it are stored, then it, and a full queue makes room.
    this.perform(this.session?.step(input) ?? [], 6)
    this.storage.flush()
  }

  /** The client is away: other members are asked to take what it has not acknowledged. */
  give(): void {
    const { session } = this
    if (session === null || this.live !== null || this.giving.length > 0) return
    const rows = this.storage.queuedShared().filter(({ delivery }) => delivery.qos === 1)
    if (rows.length > 0) this.giving.push({ session, rows })
  }

  /** They have taken some of it. */
  given(count: number): void {
    const [first] = this.giving.splice(0, 1)
    if (first === undefined || first.session !== this.session || this.live !== null) return
    this.performed = 0
    this.perform(first.session.step({ type: 'redistributed', rows: first.rows.slice(0, count) }), 1)
    this.storage.flush()
  }

  pass(ms: number): void {
    this.performed = 0
    this.now += ms
    if (this.wakeAt === 0 || this.wakeAt > this.now) return
    this.wakeAt = 0
    const input = { type: 'ack-wait-over', now: this.now } as const
    if (this.session !== null) this.perform(this.session.step(input), 3)
    this.storage.flush()
  }

  drop(): void {
    this.performed = 0
    this.closeLive()
    this.storage.flush()
  }

  /** Memory is lost while the connection stands; only when nothing holds the actor in memory. */
  hibernate(): void {
    const { session, live, storage } = this
    if (session === null || live === null || this.owed.length > 0 || this.wakeAt !== 0) return
    const { persistent, aliases } = session
    // What goes into the attachment: of a persistent session less, since its tables have the rest.
    const { lastPosition, sentUpTo, released } = session.outgoing.snapshot()
    const sentHere = session.outgoing.sentOnConnection
    const inflight = persistent ? [] : session.outgoing.inflightPacketIds
    const received = persistent ? [...storage.received] : session.received
    const awake = this.begun(
      startOf({
        queue: this.bound,
        id: session.id,
        expirySeconds: session.expirySeconds,
        subscriptions: [...session.subscriptions.values()],
        outgoing: storage.snapshot(lastPosition, sentUpTo, persistent ? undefined : released),
        received,
      }),
    )
    const stored = storage.queued(0, sentHere, live.outgoingWindow)
    const storedIds = new Set(stored.map((row) => packetIdOf(row.position)))
    awake.step({
      type: 'awakened',
      terms: live,
      aliases,
      unstored: inflight.filter((id) => !storedIds.has(id)),
      stored,
      sentOnConnection: sentHere,
      now: this.now,
    })
    this.session = awake
    this.aliases = new OutgoingAliases(live.outgoingAliases)
    this.giving = []
  }

  /** The process is killed: the connection goes with it, and what storage has is left. */
  crash(): void {
    const { session } = this
    this.owed = []
    this.giving = []
    this.wakeAt = 0
    this.live = null
    if (session !== null && !session.persistent) this.endSession()
    else this.reload()
  }

  private reload(): void {
    const { row, subscriptions, received } = this.storage
    if (row === null) {
      this.session = null
      return
    }
    this.session = this.begun(
      startOf({
        queue: this.bound,
        id: row.id,
        expirySeconds: row.expirySeconds,
        subscriptions: [...subscriptions.values()],
        outgoing: this.storage.snapshot(row.lastPosition, row.sentUpTo),
        received: [...received],
      }),
    )
  }

  private begun(start: SessionStart): Session {
    const session = new RecordedSession(start)
    this.recordings.push(session.recording)
    return session
  }

  private closeLive(): void {
    if (this.live === null) return
    this.live = null
    this.witness.closed()
    const { session } = this
    if (session === null) return
    this.perform(session.step({ type: 'disconnected' }), 2)
    if (session.persistent && session.expirySeconds > 0) this.storage.saveSession(session)
    else this.endSession()
  }

  private endSession(): void {
    const { session, storage } = this
    if (session === null) return
    this.session = null
    storage.flush()
    // Once begun, a QoS 2 delivery is this session's or nobody's. [MQTT-4.8.2-5]
    const { sentUpTo } = session.outgoing.snapshot()
    const left = storage
      .queuedShared()
      .filter(({ position, delivery }) => delivery.qos === 1 || position > sentUpTo)
    storage.clear()
    this.witness.ended(
      session.id,
      left.map(({ delivery }) => delivery),
    )
  }

  /** In order: what an effect brings about comes after those before it. @param limit what the input justifies */
  private perform(effects: readonly Effect[], limit: number): void {
    // Each delivery has its outcome once, so outcomes are as many as there are senders.
    const count = effects.filter((effect) => effect.do !== 'outcome').length
    assert.ok(count <= limit, `${count} effects of one input, not ${limit} at most`)
    for (const effect of effects) this.undone.push({ effect, session: this.session })
    if (this.performing) return
    this.performing = true
    for (let next = this.undone.shift(); next !== undefined; next = this.undone.shift()) {
      assert.ok(++this.performed <= EFFECTS_PER_STEP_MAX, 'effects without end')
      const { effect } = next
      const perform = this.performers[effect.do] as (effect: Effect, session: Session | null) => void
      perform(effect, next.session)
    }
    this.performing = false
  }

  private readonly performers: Performers = {
    send: ({ delivery, packetId, dup }, session) => {
      const { live } = this
      if (live === null) return
      const { expiresAt } = delivery.message
      const expired = !dup && expiresAt > 0 && expiresAt <= this.now
      if (!expired && deliveryBytes(delivery) <= live.maximumPacketSize) {
        this.witness.sent(delivery, packetId, dup, this.aliases.use(delivery.message.topic))
        return
      }
      this.witness.skipped(delivery, packetId)
      if (packetId === 0 || session === null || session !== this.session) return
      this.perform(session.step({ type: 'skipped', packetId }), 3 * live.outgoingWindow + 3)
    },
    outcome: ({ number, outcome }) => this.settle(number, outcome),
    store: ({ entries, numbers }, session) => {
      if (this.isCurrent(session)) this.storage.enqueue(entries)
      for (const number of numbers) this.settle(number, 'stored')
    },
    forget: ({ positions }, session) => {
      if (this.isCurrent(session)) this.storage.forget(positions)
    },
    'sent-up-to': ({ position }, session) => {
      if (this.isCurrent(session)) this.storage.sent(position)
    },
    release: ({ position, stored }, session) => {
      if (!this.isCurrent(session)) return
      if (session.persistent) this.storage.release(position, stored)
      else if (stored) this.storage.forget([position])
    },
    complete: ({ position }, session) => {
      if (this.isCurrent(session) && session.persistent) this.storage.complete(position)
    },
    received: ({ packetId }, session) => {
      if (this.isCurrent(session) && session.persistent) this.storage.received.add(packetId)
    },
    dismissed: ({ packetId }, session) => {
      if (this.isCurrent(session) && session.persistent) this.storage.received.delete(packetId)
    },
    pubrel: ({ packetId }) => {
      if (this.live !== null) this.witness.pubrel(packetId)
    },
    refill: ({ after, limit }, session) => {
      if (!this.isCurrent(session)) return
      this.storage.flush()
      const rows = this.storage.queued(after, Number.MAX_SAFE_INTEGER, limit)
      const input = { type: 'refill', rows, limit, now: this.now } as const
      this.perform(session.step(input), 2 * rows.length + 2)
    },
    'drop-oldest': (effect, session) => {
      if (!this.isCurrent(session)) return
      this.storage.flush()
      const rows = oldest(this.storage.queued(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), effect)
      this.perform(session.step({ type: 'dropped', asked: effect, rows }), 2)
    },
    dropped: ({ deliveries }) => this.witness.dropped(deliveries),
    wake: ({ at }) => {
      this.wakeAt = at
    },
    reply: ({ packet }) => {
      if (this.live !== null) this.witness.replied(packet)
    },
    close: () => this.closeLive(),
    publish: ({ message, number }, session) => {
      this.witness.passedOn(message)
      this.owed.push({
        origin: this.origin,
        answer: (reason) => {
          if (this.session !== session || session === null) return
          this.perform(session.step({ type: 'published', number, reason }), OPEN_PER_CLIENT_MAX)
        },
      })
    },
    subscribe: ({ items, number }, session) => {
      if (!this.isCurrent(session)) return
      const wanted = items.filter(({ refused }) => refused === null)
      for (const { subscription } of wanted) this.storage.subscriptions.set(subscription.filter, subscription)
      this.owed.push({
        origin: this.origin,
        answer: (reason) => {
          if (this.session !== session) return
          const answered = reason >= 0x80 ? reason : Reason.GrantedQoS1
          const given = items.map((item) => item.refused ?? answered)
          this.perform(session.step({ type: 'subscribed', number, reasons: given }), 1)
          this.followSubscriptions(
            session,
            wanted.map(({ subscription }) => subscription.filter),
          )
        },
      })
    },
    unsubscribe: ({ filters, number }, session) => {
      if (!this.isCurrent(session)) return
      this.owed.push({
        origin: this.origin,
        answer: () => {
          if (this.session !== session) return
          this.followSubscriptions(session, filters)
          this.perform(session.step({ type: 'unsubscribed', number }), 1)
        },
      })
    },
    'discard-will': () => undefined,
  }

  private settle(number: number, outcome: DeliveryOutcome): void {
    const sender = this.senders.get(number)
    assert.ok(sender !== undefined, `delivery ${number} has a second outcome, or never was`)
    this.senders.delete(number)
    sender(outcome)
  }

  private followSubscriptions(session: Session, filters: readonly string[]): void {
    for (const filter of filters)
      if (!session.subscriptions.has(filter)) this.storage.subscriptions.delete(filter)
  }

  private isCurrent(session: Session | null): session is Session {
    return session !== null && session === this.session
  }
}
