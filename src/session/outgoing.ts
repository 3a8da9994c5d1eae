// What a session sends to its client: the window of messages in flight, what waits behind it, what is stored.
// No I/O: every call returns the effects that the actor performs.
import { Reason } from '../mqtt/reason.ts'
import { type Delivery, deliveryBytes } from './delivery.ts'
import { ACK_WAIT_MS, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, STALL_MS } from './limits.ts'

/** Called once with the outcome: Success when acknowledged or durable, else why not. */
export type Settle = (reason: number) => void

export interface StoredDelivery {
  readonly position: number
  readonly delivery: Delivery
}

export type OutgoingEffect =
  | { readonly do: 'send'; readonly delivery: Delivery; readonly packetId: number; readonly dup: boolean }
  /** Store in one transaction, with the watermark; then settle. */
  | { readonly do: 'store'; readonly entries: readonly StoredDelivery[]; readonly settles: readonly Settle[] }
  /** These positions were acknowledged (or expired) and need not be kept. */
  | { readonly do: 'forget'; readonly positions: readonly number[] }
  /** Everything stored up to this position has been sent at least once. */
  | { readonly do: 'sent-up-to'; readonly position: number }
  /** Read stored deliveries after this position, at most so many, and hand them to `refill`. */
  | { readonly do: 'refill'; readonly after: number; readonly limit: number }
  /** Call `ackWaitOver` at this time, ms. */
  | { readonly do: 'wake'; readonly at: number }

interface Entry {
  readonly position: number
  readonly delivery: Delivery
  readonly arrivedAt: number
  stored: boolean
  settle: Settle | null
}

export interface OutgoingSnapshot {
  /** The highest position ever given out. */
  readonly lastPosition: number
  /** Positions up to here have been sent at least once. */
  readonly sentUpTo: number
  readonly storedMessages: number
  readonly storedBytes: number
}

export const EMPTY_OUTGOING: OutgoingSnapshot = {
  lastPosition: 0,
  sentUpTo: 0,
  storedMessages: 0,
  storedBytes: 0,
}

const PACKET_IDS = 65_535

/**
 * The packet id follows from the position, so that a message stored and sent again after a crash carries its
 * original id without that id having been written. [MQTT-4.4.0-1]
 */
export function packetIdOf(position: number): number {
  return ((position - 1) % PACKET_IDS) + 1
}

export class Outgoing {
  /** Whether what is not acknowledged outlives the connection. */
  readonly persistent: boolean
  private window = 0
  private readonly inflight = new Map<number, Entry>()
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
  private storedBehind: boolean
  private wakeAt = 0

  constructor(persistent: boolean, snapshot: OutgoingSnapshot) {
    this.persistent = persistent
    this.lastPosition = snapshot.lastPosition
    this.sentUpTo = snapshot.sentUpTo
    this.storedMessages = snapshot.storedMessages
    this.storedBytes = snapshot.storedBytes
    this.storedBehind = snapshot.storedMessages > 0
  }

  get online(): boolean {
    return this.window > 0
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
    }
  }

  /**
   * A connection is there. Stored deliveries go first; those sent before go again, marked DUP. [MQTT-4.4.0-1]
   * @param window the client's Receive Maximum or our bound, whichever is less; at least 1
   */
  resume(window: number): OutgoingEffect[] {
    this.window = window
    this.loadedUpTo = 0
    this.storedBehind = this.storedMessages > 0
    const effects: OutgoingEffect[] = []
    this.pump(effects)
    return effects
  }

  /**
   * The connection outlived the actor's memory (hibernation).
   * @param unstored packet ids in flight that were never stored (a session that ends with its connection)
   * @param stored the stored deliveries up to `sentUpTo`: in flight, their acknowledgements still to come
   */
  awaken(window: number, unstored: readonly number[], stored: readonly StoredDelivery[], now: number): void {
    this.window = window
    for (const packetId of unstored) this.inflight.set(packetId, FORGOTTEN)
    for (const row of stored) this.inflight.set(packetIdOf(row.position), entryOf(row, now))
    this.loadedUpTo = stored.at(-1)?.position ?? this.sentUpTo
    this.storedBehind = this.storedMessages > stored.length
  }

  deliver(delivery: Delivery, settle: Settle, now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    if (delivery.qos === 0) {
      if (this.online) effects.push({ do: 'send', delivery, packetId: 0, dup: false })
      settle(Reason.Success)
      return effects
    }
    if (
      this.storedMessages + this.unstoredMessages >= QUEUE_MESSAGES_MAX ||
      this.storedBytes + this.unstoredBytes + deliveryBytes(delivery) > QUEUE_BYTES_MAX
    ) {
      settle(Reason.QuotaExceeded)
      return effects
    }
    const entry: Entry = { position: ++this.lastPosition, delivery, arrivedAt: now, stored: false, settle }
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

  /** PUBACK or PUBCOMP. False where no such packet id is in flight. */
  acknowledged(packetId: number): OutgoingEffect[] | null {
    const entry = this.inflight.get(packetId)
    if (entry === undefined) return null
    this.inflight.delete(packetId)
    const effects: OutgoingEffect[] = []
    if (entry.stored) this.forget(entry.position, entry.delivery, effects)
    else entry.settle?.(Reason.Success)
    this.pump(effects)
    return effects
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
      } else if (this.persistent || entry.arrivedAt + STALL_MS <= now) {
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
    const expired: number[] = []
    for (const row of rows) {
      // Asked for twice, since an acknowledgement came between asking and reading.
      if (row.position <= this.loadedUpTo) continue
      this.loadedUpTo = row.position
      if (row.delivery.message.expiresAt > 0 && row.delivery.message.expiresAt <= now) {
        expired.push(row.position)
        this.uncount(row.delivery)
      } else {
        this.waiting.push(entryOf(row, now))
      }
    }
    this.storedBehind = rows.length >= limit
    if (expired.length > 0) effects.push({ do: 'forget', positions: expired })
    this.pump(effects)
    return effects
  }

  /** The connection is gone. What a persistent session had open is stored; else it ends with the session. */
  closed(): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    this.window = 0
    const open = [...this.open()]
    if (this.persistent && open.length > 0) this.store(open, effects)
    if (!this.persistent) for (const entry of open) entry.settle?.(Reason.Success)
    this.inflight.clear()
    this.waiting = []
    this.unstoredMessages = 0
    this.unstoredBytes = 0
    this.storedBehind = this.storedMessages > 0
    return effects
  }

  private *open(): Generator<Entry> {
    for (const entry of this.inflight.values()) if (entry.settle !== null) yield entry
    for (const entry of this.waiting) if (entry.settle !== null) yield entry
  }

  private room(entry: Entry): boolean {
    return this.inflight.size < this.window && !this.inflight.has(packetIdOf(entry.position))
  }

  private send(entry: Entry, dup: boolean, effects: OutgoingEffect[]): void {
    const packetId = packetIdOf(entry.position)
    this.inflight.set(packetId, entry)
    effects.push({ do: 'send', delivery: entry.delivery, packetId, dup })
    if (entry.stored) {
      if (entry.position > this.sentUpTo) {
        this.sentUpTo = entry.position
        effects.push({ do: 'sent-up-to', position: entry.position })
      }
    } else if (!this.persistent) {
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
    const room = this.window - this.inflight.size
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

  private forget(position: number, delivery: Delivery, effects: OutgoingEffect[]): void {
    this.uncount(delivery)
    effects.push({ do: 'forget', positions: [position] })
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

function entryOf(row: StoredDelivery, now: number): Entry {
  return { position: row.position, delivery: row.delivery, arrivedAt: now, stored: true, settle: null }
}

const NO_BYTES = new Uint8Array(0)
/** Stands for a message that a session which ends with its connection sent before the actor's memory was lost. */
const FORGOTTEN: Entry = {
  position: 0,
  arrivedAt: 0,
  stored: false,
  settle: null,
  delivery: {
    qos: 1,
    retain: false,
    identifiers: [],
    message: { topic: '', qos: 1, retain: false, properties: NO_BYTES, payload: NO_BYTES, expiresAt: 0 },
  },
}
