// What a session sends to its client: the window of messages in flight, what waits behind it, what is stored.
// No I/O: every call returns the effects that the actor performs.
import { Reason } from '../mqtt/reason.ts'
import { CLIENT_AWAY, type Delivery, deliveryBytes } from './delivery.ts'
import { ACK_WAIT_MS, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, STALL_MS } from './limits.ts'
import {
  type OutgoingEffect,
  type OutgoingSnapshot,
  packetIdOf,
  type Settle,
  type StoredDelivery,
} from './outgoing-effect.ts'
import { type Entry, entryOf, FORGOTTEN, forgetExpired, isOpen, isShared } from './outgoing-entry.ts'

export class Outgoing {
  /** Whether what is not acknowledged outlives the connection. */
  readonly persistent: boolean
  private window = 0
  private readonly inflight = new Map<number, Entry>()
  /** QoS 2 deliveries whose PUBCOMP is to come: packet id to position. They take part of the window. */
  private readonly released = new Map<number, number>()
  private waiting: Entry[] = []
  private lastPosition: number
  private sentUpTo: number
  private storedMessages: number
  private storedBytes: number
  /** Of what waits, what is not stored. */
  private unstoredMessages = 0
  private unstoredBytes = 0
  /** The last stored position in memory; more lie behind it while `storedBehind`. */
  private loadedUpTo = 0
  /** The last position that was sent on this connection. */
  private sentHere = 0
  private storedBehind: boolean
  private wakeAt = 0
  private readonly messagesMax: number

  constructor(persistent: boolean, snapshot: OutgoingSnapshot, messagesMax = QUEUE_MESSAGES_MAX) {
    this.persistent = persistent
    this.messagesMax = messagesMax
    this.lastPosition = snapshot.lastPosition
    this.sentUpTo = snapshot.sentUpTo
    this.storedMessages = snapshot.storedMessages
    this.storedBytes = snapshot.storedBytes
    this.storedBehind = snapshot.storedMessages > 0
    for (const position of snapshot.released) this.released.set(packetIdOf(position), position)
  }

  get online(): boolean {
    return this.window > 0
  }

  /** How far this connection is: what is stored up to this position is in flight, or the client has it. */
  get sentOnConnection(): number {
    return this.sentHere
  }

  get inflightPacketIds(): number[] {
    return [...this.inflight.keys()]
  }

  snapshot(): OutgoingSnapshot {
    return {
      lastPosition: this.lastPosition,
      sentUpTo: this.sentUpTo,
      storedMessages: this.storedMessages,
      storedBytes: this.storedBytes,
      released: [...this.released.values()],
    }
  }

  /**
   * A connection is there. Stored deliveries go first; those sent before go again, marked DUP. [MQTT-4.4.0-1]
   * @param window the client's Receive Maximum or our bound, whichever is less; at least 1
   */
  resume(window: number): OutgoingEffect[] {
    this.window = window
    this.loadedUpTo = 0
    this.sentHere = 0
    this.storedBehind = this.storedMessages > 0
    const effects: OutgoingEffect[] = []
    for (const packetId of this.released.keys()) effects.push({ do: 'pubrel', packetId })
    this.pump(effects)
    return effects
  }

  /**
   * The connection outlived the actor's memory (hibernation).
   * @param unstored packet ids in flight that were never stored (a session that ends with its connection)
   * @param stored the stored deliveries up to `sentHere`: in flight, their acknowledgements still to come
   * @param sentHere `sentOnConnection` of before
   */
  awaken(
    window: number,
    unstored: readonly number[],
    stored: readonly StoredDelivery[],
    sentHere: number,
    now: number,
  ): void {
    this.window = window
    this.sentHere = sentHere
    for (const packetId of unstored) this.inflight.set(packetId, FORGOTTEN)
    for (const row of stored) this.inflight.set(packetIdOf(row.position), entryOf(row, now))
    this.loadedUpTo = sentHere
    this.storedBehind = this.storedMessages > stored.length
  }

  deliver(delivery: Delivery, settle: Settle, now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const { qos, share } = delivery
    if (share !== null && !share.waits && !this.online) {
      settle(CLIENT_AWAY)
      return effects
    }
    if (qos === 0) {
      if (this.online) effects.push({ do: 'send', delivery, packetId: 0, dup: false })
      settle(Reason.Success)
      return effects
    }
    // What is acknowledged already nobody else has: the outbox that it comes from bounds it.
    const messages = this.storedMessages + this.unstoredMessages
    const bytes = this.storedBytes + this.unstoredBytes + deliveryBytes(delivery)
    if (delivery.message.owed === undefined && (messages >= this.messagesMax || bytes > QUEUE_BYTES_MAX)) {
      settle(Reason.QuotaExceeded)
      return effects
    }
    const entry: Entry = {
      position: ++this.lastPosition,
      delivery,
      arrivedAt: now,
      stored: false,
      sentBefore: false,
      settle,
    }
    if (this.online && this.waiting.length === 0 && !this.storedBehind && this.room(entry)) {
      this.send(entry, false, effects)
    } else if (!this.online || this.storedBehind) {
      this.store([entry], effects, false)
      this.storedBehind = true
      return effects
    } else {
      this.waiting.push(entry)
      this.unstoredMessages++
      this.unstoredBytes += deliveryBytes(delivery)
    }
    if (entry.settle !== null) this.wake(now + ACK_WAIT_MS, effects)
    return effects
  }

  /** PUBACK. `unknown`: nothing with this id is in flight; `misused`: it is in flight with QoS 2. */
  acknowledged(packetId: number): OutgoingEffect[] | 'unknown' | 'misused' {
    const entry = this.inflight.get(packetId)
    if (entry === undefined) return this.released.has(packetId) ? 'misused' : 'unknown'
    return entry.delivery.qos === 2 ? 'misused' : this.done(packetId, entry)
  }

  /**
   * PUBREC: the client has the message and will not take it twice until PUBREL. [MQTT-4.3.3-4]
   * @param refused with a reason of 0x80 or more, which ends the exchange
   */
  received(packetId: number, refused: boolean): OutgoingEffect[] | 'unknown' | 'misused' {
    const entry = this.inflight.get(packetId)
    if (entry === undefined) {
      return this.released.has(packetId) ? [{ do: 'pubrel', packetId }] : 'unknown'
    }
    if (entry.delivery.qos !== 2 && entry !== FORGOTTEN) return 'misused'
    return refused ? this.done(packetId, entry) : this.release(packetId, entry)
  }

  /** PUBCOMP; of an id that is not known any more it says nothing new. */
  completed(packetId: number): OutgoingEffect[] {
    const position = this.released.get(packetId)
    if (position === undefined) return []
    this.released.delete(packetId)
    const effects: OutgoingEffect[] = [{ do: 'complete', position }]
    this.pump(effects)
    return effects
  }

  /** What was to be sent is more than the client takes: it counts as sent and acknowledged. [MQTT-3.1.2-25] */
  skipped(packetId: number): OutgoingEffect[] {
    const entry = this.inflight.get(packetId)
    if (entry === undefined) return []
    // A client that got it on an earlier connection holds its packet id until PUBREL.
    const held = entry.delivery.qos === 2 && entry.sentBefore
    return held ? this.release(packetId, entry) : this.done(packetId, entry)
  }

  /**
   * The bounded moment is over: whatever waited for it is stored, and only that. A session that ends with its
   * connection loses nothing more with the process than with the connection, so what it waits for stays in memory
   * (the wake keeps the actor there), unless its client has stalled.
   */
  ackWaitOver(now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    this.wakeAt = 0
    const due: Entry[] = []
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.open()) {
      const waitsUntil = entry.arrivedAt + ACK_WAIT_MS
      if (waitsUntil > now) {
        next = Math.min(next, waitsUntil)
      } else if (this.persistent || isShared(entry) || entry.arrivedAt + STALL_MS <= now) {
        due.push(entry)
      } else {
        entry.settle?.(Reason.Success)
        entry.settle = null
      }
    }
    if (!this.persistent) {
      for (const entry of this.waiting) {
        if (entry.stored || entry.settle !== null) continue
        if (entry.arrivedAt + STALL_MS <= now) due.push(entry)
        else next = Math.min(next, entry.arrivedAt + STALL_MS)
      }
    }
    if (due.length > 0)
      this.store(
        due.sort((a, b) => a.position - b.position),
        effects,
      )
    if (next < Number.POSITIVE_INFINITY) this.wake(next, effects)
    return effects
  }

  /** What `refill` asked for. Fewer rows than asked mean that nothing lies behind them. */
  refill(rows: readonly StoredDelivery[], limit: number, now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const expired: StoredDelivery[] = []
    for (const row of rows) {
      if (row.position <= this.loadedUpTo) continue // asked for twice: an acknowledgement came before the reading
      this.loadedUpTo = row.position
      const { expiresAt } = row.delivery.message
      // Delivery that was begun is not given up: the client may hold its packet id. [MQTT-4.4.0-1] [MQTT-4.3.3-7]
      if (expiresAt > 0 && expiresAt <= now && row.position > this.sentUpTo) {
        expired.push(row)
        this.uncount(row.delivery)
      } else {
        this.waiting.push(entryOf(row, now))
      }
    }
    this.storedBehind = rows.length >= limit
    if (expired.length > 0) effects.push(forgetExpired(expired))
    this.pump(effects)
    return effects
  }

  /**
   * The connection is gone. What a persistent session had open is stored; else it ends with the session. What came by a
   * shared subscription goes to another member, unless it has been sent with QoS 2. [MQTT-4.8.2-5]
   */
  closed(): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    this.window = 0
    const open: Entry[] = []
    for (const entry of this.open()) {
      const sent = this.inflight.get(packetIdOf(entry.position)) === entry
      if (isShared(entry) && (entry.delivery.qos === 1 || !sent)) {
        entry.settle?.(CLIENT_AWAY)
        entry.settle = null
      } else {
        open.push(entry)
      }
    }
    if (this.persistent && open.length > 0) this.store(open, effects)
    if (!this.persistent) for (const entry of open) entry.settle?.(Reason.Success)
    this.inflight.clear()
    this.waiting = []
    this.unstoredMessages = 0
    this.unstoredBytes = 0
    this.storedBehind = this.storedMessages > 0
    return effects
  }

  /** Stored deliveries that other members of their group have got meanwhile. */
  givenAway(rows: readonly StoredDelivery[]): OutgoingEffect[] {
    const busy = new Set(this.waiting.map(({ position }) => position))
    for (const { position } of this.inflight.values()) busy.add(position)
    // A client that has come back meanwhile may be getting it too: then it is delivered twice, which QoS 1 allows.
    const gone = rows.filter(({ position }) => !busy.has(position))
    for (const { delivery } of gone) this.uncount(delivery)
    return gone.length === 0 ? [] : [{ do: 'forget', positions: gone.map(({ position }) => position) }]
  }

  private release(packetId: number, entry: Entry): OutgoingEffect[] {
    this.inflight.delete(packetId)
    const position = entry === FORGOTTEN ? packetId : entry.position
    this.released.set(packetId, position)
    if (entry.stored) this.uncount(entry.delivery)
    entry.settle?.(Reason.Success)
    return [
      { do: 'release', position, stored: entry.stored },
      { do: 'pubrel', packetId },
    ]
  }

  private done(packetId: number, entry: Entry): OutgoingEffect[] {
    this.inflight.delete(packetId)
    const effects: OutgoingEffect[] = []
    if (entry.stored) {
      this.uncount(entry.delivery)
      effects.push({ do: 'forget', positions: [entry.position] })
    } else entry.settle?.(Reason.Success)
    this.pump(effects)
    return effects
  }

  private *open(): Generator<Entry> {
    yield* [...this.inflight.values(), ...this.waiting].filter(isOpen)
  }

  get free(): number {
    return this.window - this.inflight.size - this.released.size
  }

  private room(entry: Entry): boolean {
    const packetId = packetIdOf(entry.position)
    return this.free > 0 && !this.inflight.has(packetId) && !this.released.has(packetId)
  }

  private send(entry: Entry, dup: boolean, effects: OutgoingEffect[]): void {
    const packetId = packetIdOf(entry.position)
    // Exactly once: were its id lost with the process, the next message with that id would be taken for this one. With
    // what is in flight before it, which would else come again behind it.
    if (entry.delivery.qos === 2 && this.persistent && !entry.stored)
      this.store([...[...this.inflight.values()].filter(isOpen), entry], effects, false)
    this.inflight.set(packetId, entry)
    entry.sentBefore = dup
    this.sentHere = entry.position
    effects.push({ do: 'send', delivery: entry.delivery, packetId, dup })
    if (entry.stored) {
      if (entry.position > this.sentUpTo) {
        this.sentUpTo = entry.position
        effects.push({ do: 'sent-up-to', position: entry.position })
      }
    } else if (!this.persistent && !isShared(entry)) {
      // Nothing outlives the connection, and on the connection nothing is sent twice: this is done.
      entry.settle?.(Reason.Success)
      entry.settle = null
    }
  }

  private pump(effects: OutgoingEffect[]): void {
    let sent = 0
    for (const entry of this.waiting) {
      if (!this.room(entry)) break
      if (!entry.stored) this.leftWaiting(entry)
      this.send(entry, entry.stored && entry.position <= this.sentUpTo, effects)
      sent++
    }
    if (sent > 0) this.waiting.splice(0, sent)
    const room = this.free
    // Not a row at a time: half a window is read at once.
    if (
      this.online &&
      this.waiting.length === 0 &&
      this.storedBehind &&
      room > 0 &&
      room >= this.window >> 1
    ) {
      effects.push({ do: 'refill', after: this.loadedUpTo, limit: room })
    }
  }

  private store(entries: readonly Entry[], effects: OutgoingEffect[], waited = true): void {
    const settles: Settle[] = []
    let sentUpTo = this.sentUpTo
    for (const entry of entries) {
      entry.stored = true
      this.storedMessages++
      this.storedBytes += deliveryBytes(entry.delivery)
      if (entry.settle !== null) settles.push(entry.settle)
      entry.settle = null
      if (this.inflight.get(packetIdOf(entry.position)) === entry)
        sentUpTo = Math.max(sentUpTo, entry.position)
      else if (waited) this.leftWaiting(entry)
    }
    effects.push({ do: 'store', entries, settles })
    if (sentUpTo > this.sentUpTo) {
      this.sentUpTo = sentUpTo
      effects.push({ do: 'sent-up-to', position: sentUpTo })
    }
  }

  private leftWaiting(entry: Entry): void {
    this.unstoredMessages--
    this.unstoredBytes -= deliveryBytes(entry.delivery)
  }

  private uncount(delivery: Delivery): void {
    this.storedMessages--
    this.storedBytes -= deliveryBytes(delivery)
  }

  private wake(at: number, effects: OutgoingEffect[]): void {
    if (this.wakeAt !== 0 && this.wakeAt <= at) return
    this.wakeAt = at
    effects.push({ do: 'wake', at })
  }
}
