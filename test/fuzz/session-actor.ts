// A fake of the client's actor: performs a session's effects over storage in memory, as actors/device/device.ts does.
import assert from 'node:assert/strict'
import type { ClientPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type Delivery, deliveryBytes } from '../../src/session/delivery.ts'
import {
  EMPTY_OUTGOING,
  type OutgoingSnapshot,
  packetIdOf,
  type Settle,
  type StoredDelivery,
} from '../../src/session/outgoing.ts'
import { type Effect, Session, type Subscription } from '../../src/session/session.ts'
import type { Terms } from '../../src/session/terms.ts'

/** What the actor's client and its sessions live through. */
export interface Witness {
  sent(delivery: Delivery, packetId: number, dup: boolean): void
  /** What was just sent is too large for the client. */
  discarded(packetId: number): void
  replied(packet: ServerPacket): void
  /** The connection is closed. */
  closed(): void
  /** The session has ended: nobody is owed anything of it. */
  ended(sessionId: string): void
}

/** What leaves and registrar have not answered yet. */
export interface Owed<O> {
  readonly origin: O | null
  answer(reason: ReasonCode): void
}

interface SessionRow {
  readonly id: string
  readonly expirySeconds: number
  lastPosition: number
  sentUpTo: number
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

/** @typeParam O what the packet being stepped is to the witness: handed out again with what it is owed */
export class SessionActor<O> {
  session: Session | null = null
  live: Terms | null = null
  now = 1_000_000
  wakeAt = 0
  readonly rows = new Map<number, Delivery>()
  owed: Owed<O>[] = []
  private row: SessionRow | null = null
  private subscriptions = new Map<string, Subscription>()
  private sessions = 0
  private origin: O | null = null
  private readonly witness: Witness
  private readonly undone: Undone[] = []
  private performing = false
  private performed = 0
  private forgotten: number[] = []
  private sentUpTo: number | null = null

  constructor(witness: Witness) {
    this.witness = witness
  }

  /** As if an earlier life had left this session. */
  begin(
    expirySeconds: number,
    rows: readonly StoredDelivery[],
    lastPosition: number,
    sentUpTo: number,
  ): void {
    const id = `s${++this.sessions}`
    for (const { position, delivery } of rows) this.rows.set(position, delivery)
    this.row = { id, expirySeconds, lastPosition, sentUpTo }
    this.reload()
  }

  connect(terms: Terms, expirySeconds: number, clean: boolean): void {
    this.performed = 0
    if (this.live !== null) this.closeLive()
    const old = this.session
    if (old !== null && !clean) {
      this.session = new Session(old.id, expirySeconds, old.subscriptions, old.outgoing.snapshot())
    } else {
      this.endSession()
      this.session = new Session(`s${++this.sessions}`, expirySeconds, new Map(), EMPTY_OUTGOING)
    }
    const { session } = this
    this.live = terms
    if (session.persistent) this.saveSession(session)
    this.perform(session.connected(terms), 2 * terms.outgoingWindow + 1)
    this.flush()
  }

  step(packet: ClientPacket, origin: O | null = null): void {
    const { session, live } = this
    if (session === null || live === null) return
    this.performed = 0
    this.origin = origin
    // An acknowledgement may make room for as much as fits the window, each with a watermark.
    const limit = packet.type.startsWith('pub') && packet.type !== 'publish' ? 2 * live.outgoingWindow + 3 : 3
    this.perform(session.step(packet), limit)
    this.origin = null
    this.flush()
  }

  answer(which: number, reason: ReasonCode): O | null {
    const [one] = this.owed.splice(which % this.owed.length, 1)
    this.performed = 0
    one?.answer(reason)
    this.flush()
    return one?.origin ?? null
  }

  deliver(delivery: Delivery, settle: Settle): void {
    this.performed = 0
    this.perform(this.session?.deliver(delivery, settle, this.now) ?? [], 4)
    this.flush()
  }

  pass(ms: number): void {
    this.performed = 0
    this.now += ms
    if (this.wakeAt === 0 || this.wakeAt > this.now) return
    this.wakeAt = 0
    if (this.session !== null) this.perform(this.session.outgoing.ackWaitOver(this.now), 3)
    this.flush()
  }

  drop(): void {
    this.performed = 0
    this.closeLive()
    this.flush()
  }

  /** Memory is lost while the connection stands; only when nothing holds the actor in memory. */
  hibernate(): void {
    const { session, live } = this
    if (session === null || live === null || this.owed.length > 0 || this.wakeAt !== 0) return
    const { persistent } = session
    const inflight = persistent ? [] : session.outgoing.inflightPacketIds
    const { lastPosition, sentUpTo } = session.outgoing.snapshot()
    const snapshot = this.snapshotOfRows(lastPosition, sentUpTo)
    const awake = new Session(session.id, session.expirySeconds, new Map(session.subscriptions), snapshot)
    const stored = this.read(0, live.outgoingWindow).filter((row) => row.position <= sentUpTo)
    const storedIds = new Set(stored.map((row) => packetIdOf(row.position)))
    // A fault that is known: what was not sent again yet would count as in flight. See test/session/known-faults.test.ts.
    const open = new Set(session.outgoing.inflightPacketIds)
    for (const id of storedIds) if (!open.has(id)) return
    awake.awakened(live)
    awake.outgoing.awaken(
      live.outgoingWindow,
      inflight.filter((id) => !storedIds.has(id)),
      stored,
      this.now,
    )
    this.session = awake
  }

  /** The process is killed: the connection goes with it, and what storage has is left. */
  crash(): void {
    const { session } = this
    this.owed = []
    this.wakeAt = 0
    this.live = null
    if (session !== null && !session.persistent) this.endSession()
    else this.reload()
  }

  private reload(): void {
    const { row } = this
    if (row === null) {
      this.session = null
      return
    }
    const snapshot = this.snapshotOfRows(Math.max(row.lastPosition, ...this.rows.keys()), row.sentUpTo)
    this.session = new Session(row.id, row.expirySeconds, new Map(this.subscriptions), snapshot)
  }

  private closeLive(): void {
    if (this.live === null) return
    this.live = null
    this.witness.closed()
    const { session } = this
    if (session === null) return
    this.perform(session.disconnected(), 2)
    if (session.persistent && session.expirySeconds > 0) this.saveSession(session)
    else this.endSession()
  }

  private endSession(): void {
    const { session } = this
    if (session === null) return
    this.session = null
    this.row = null
    this.rows.clear()
    this.subscriptions = new Map()
    this.forgotten = []
    this.sentUpTo = null
    this.witness.ended(session.id)
  }

  private saveSession(session: Session): void {
    const { lastPosition, sentUpTo } = session.outgoing.snapshot()
    this.row = { id: session.id, expirySeconds: session.expirySeconds, lastPosition, sentUpTo }
  }

  /** In order: what an effect brings about comes after those before it. @param limit what the input justifies */
  private perform(effects: readonly Effect[], limit: number): void {
    assert.ok(effects.length <= limit, `${effects.length} effects of one input, not ${limit} at most`)
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
      this.witness.sent(delivery, packetId, dup)
      if (deliveryBytes(delivery) <= live.maximumPacketSize || packetId === 0) return
      // The client takes no such packet: it counts as sent and acknowledged. [MQTT-3.1.2-25]
      this.witness.discarded(packetId)
      if (session === null || session !== this.session) return
      this.perform(session.outgoing.acknowledged(packetId) ?? [], 2 * live.outgoingWindow + 3)
    },
    store: ({ entries, settles }, session) => {
      if (session !== null && session === this.session) {
        for (const { position, delivery } of entries) {
          assert.ok(!this.rows.has(position), `position ${position} is stored twice`)
          this.rows.set(position, delivery)
        }
        const last = entries.at(-1)?.position ?? 0
        if (this.row !== null) this.row.lastPosition = Math.max(this.row.lastPosition, last)
      }
      for (const settle of settles) settle(Reason.Success)
    },
    forget: ({ positions }, session) => {
      if (session === this.session) this.forgotten.push(...positions)
    },
    'sent-up-to': ({ position }, session) => {
      if (session === this.session) this.sentUpTo = position
    },
    refill: ({ after, limit }, session) => {
      if (session === null || session !== this.session) return
      this.flush()
      const rows = this.read(after, limit)
      this.perform(session.outgoing.refill(rows, limit, this.now), 2 * rows.length + 2)
    },
    wake: ({ at }) => {
      this.wakeAt = at
    },
    reply: ({ packet }) => {
      if (this.live !== null) this.witness.replied(packet)
    },
    close: () => this.closeLive(),
    publish: ({ done }) => {
      const limit = this.live?.incomingWindow ?? 0
      this.owed.push({ origin: this.origin, answer: (reason) => this.perform(done(reason), limit) })
    },
    subscribe: ({ items, done }, session) => {
      if (session === null || session !== this.session) return
      const wanted = items.filter(({ refused }) => refused === null)
      for (const { subscription } of wanted) this.subscriptions.set(subscription.filter, subscription)
      this.owed.push({
        origin: this.origin,
        answer: (reason) => {
          if (this.session !== session) return
          const answered = reason >= 0x80 ? reason : Reason.GrantedQoS1
          this.perform(done(items.map(({ refused }) => refused ?? answered)), 1)
          this.followSubscriptions(
            session,
            wanted.map(({ subscription }) => subscription.filter),
          )
        },
      })
    },
    unsubscribe: ({ filters, done }, session) => {
      if (session === null || session !== this.session) return
      this.owed.push({
        origin: this.origin,
        answer: () => {
          if (this.session !== session) return
          this.followSubscriptions(session, filters)
          this.perform(done(), 1)
        },
      })
    },
    expiry: ({ seconds }, session) => {
      if (session !== null) session.expirySeconds = seconds
    },
    'discard-will': () => undefined,
  }

  private followSubscriptions(session: Session, filters: readonly string[]): void {
    for (const filter of filters) if (!session.subscriptions.has(filter)) this.subscriptions.delete(filter)
  }

  /** What is written behind: at the end of a step, and before the queue is read. */
  private flush(): void {
    for (const position of this.forgotten) {
      assert.ok(this.rows.delete(position), `position ${position} is forgotten and was not stored`)
    }
    if (this.sentUpTo !== null && this.row !== null) this.row.sentUpTo = this.sentUpTo
    this.forgotten = []
    this.sentUpTo = null
  }

  private read(after: number, limit: number): StoredDelivery[] {
    return [...this.rows]
      .map(([position, delivery]) => ({ position, delivery }))
      .filter(({ position }) => position > after)
      .sort((a, b) => a.position - b.position)
      .slice(0, limit)
  }

  snapshotOfRows(lastPosition: number, sentUpTo: number): OutgoingSnapshot {
    let storedBytes = 0
    for (const delivery of this.rows.values()) storedBytes += deliveryBytes(delivery)
    return { lastPosition, sentUpTo, storedMessages: this.rows.size, storedBytes }
  }
}
