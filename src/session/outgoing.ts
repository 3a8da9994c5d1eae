// The deliveries of a session on their way to its client: in flight, waiting, stored. Decides which is sent, stored, or given
// its outcome. No I/O: each call returns the effects that the actor performs.
import { type Delivery, withoutDrops } from './delivery.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import type { DropEffect, OutgoingEffect } from './effect.ts'
import { InflightWindow } from './inflight-window.ts'
import type { AwakenedInput } from './input.ts'
import { ACK_WAIT_MS, STALL_MS } from './limits.ts'
import { dropEffects, entryOf, FORGOTTEN, isOpen, isShared, type QueueEntry, settle } from './queue-entry.ts'
import type { QueueBound, WhenFull } from './queue-room.ts'
import { type OutgoingSnapshot, packetIdOf, type StoredDelivery } from './stored-delivery.ts'

/** What others may ask of a session's deliveries. */
export interface OutgoingState {
  /** Whether deliveries that are not acknowledged outlive the connection. */
  readonly persistent: boolean
  readonly online: boolean
  /** How many more deliveries the client takes now. */
  readonly free: number
  readonly inflightPacketIds: number[]
  /** Nothing waits, and the bytes in flight have room. */
  readonly sendsAtOnce: boolean
  /** The last position that this connection was sent. */
  readonly sentOnConnection: number
  snapshot(): OutgoingSnapshot
}

export class OutgoingDeliveries implements OutgoingState {
  readonly persistent: boolean
  private readonly whenFull: WhenFull
  private readonly window: InflightWindow
  private readonly queue: DeliveryQueue
  private lastPosition: number
  private sentUpTo: number
  private sentHere = 0
  private wakeAt = 0

  constructor(persistent: boolean, snapshot: OutgoingSnapshot, bound: QueueBound) {
    this.persistent = persistent
    this.whenFull = bound.whenFull
    this.window = new InflightWindow(snapshot.released)
    this.queue = new DeliveryQueue(snapshot, bound)
    this.lastPosition = snapshot.lastPosition
    this.sentUpTo = snapshot.sentUpTo
  }

  get online(): boolean {
    return this.window.isOpen
  }

  get free(): number {
    return this.window.free
  }

  get inflightPacketIds(): number[] {
    return this.window.packetIds
  }

  get sendsAtOnce(): boolean {
    return this.queue.isEmpty && this.window.hasBytes
  }

  get sentOnConnection(): number {
    return this.sentHere
  }

  snapshot(): OutgoingSnapshot {
    const { lastPosition, sentUpTo } = this
    return { lastPosition, sentUpTo, ...this.queue.stored, released: this.window.releasedPositions }
  }

  /**
   * A connection starts. Stored deliveries go first; those sent before go again, marked DUP. [MQTT-4.4.0-1]
   * @param windowSize the client's Receive Maximum or our bound, whichever is less; at least 1
   */
  connected(windowSize: number): OutgoingEffect[] {
    this.window.open(windowSize)
    this.queue.rewind()
    this.sentHere = 0
    const effects: OutgoingEffect[] = []
    for (const packetId of this.window.releasedPacketIds) effects.push({ do: 'pubrel', packetId })
    this.pump(effects)
    return effects
  }

  /** The connection outlived the actor's memory (hibernation): nothing is sent again. */
  awaken({ terms, unstored, stored, sentOnConnection, now }: Omit<AwakenedInput, 'type' | 'aliases'>): void {
    this.window.open(terms.outgoingWindow)
    this.sentHere = sentOnConnection
    for (const packetId of unstored) this.window.add(packetId, FORGOTTEN)
    for (const row of stored) this.window.add(packetIdOf(row.position), entryOf(row, now))
    this.queue.resumeAfter(sentOnConnection, stored.length)
  }

  deliver(delivery: Delivery, number: number, now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const { qos, share } = delivery
    if (share !== null && !share.waits && !this.online) {
      effects.push({ do: 'outcome', number, outcome: 'client-away' })
      return effects
    }
    if (qos === 0) {
      if (this.online) effects.push({ do: 'send', delivery, packetId: 0, dup: false })
      effects.push({ do: 'outcome', number, outcome: 'accepted' })
      return effects
    }
    if (this.refuses(delivery)) {
      effects.push({ do: 'outcome', number, outcome: 'queue-full' })
      return effects
    }
    const position = ++this.lastPosition
    const entry: QueueEntry = {
      position,
      delivery: withoutDrops(delivery),
      arrivedAt: now,
      stored: false,
      sentBefore: false,
      number,
    }
    if (this.online && this.queue.isEmpty && this.window.hasRoomFor(position)) {
      this.send(entry, false, effects)
    } else if (!this.online || this.queue.hasMoreStored || !this.queue.hasMemoryFor(delivery)) {
      // The open ones before it: a publisher sends these again after a crash, and they would come after it.
      const open = this.openEntries()
      if (open.length > 0) this.store(open, effects)
      this.store([entry], effects, false)
      this.queue.leftInStorage(position)
      this.makeRoom(isShared(entry), effects)
      return effects
    } else {
      this.queue.add(entry)
      this.makeRoom(isShared(entry), effects)
    }
    if (isOpen(entry)) this.wake(now + ACK_WAIT_MS, effects)
    return effects
  }

  /** The rows that the effect `drop-oldest` asked for: those that were not sent meanwhile are dropped. */
  dropped(asked: DropEffect, rows: readonly StoredDelivery[]): OutgoingEffect[] {
    const inFlight = new Set([...this.window.entries()].map(({ position }) => position))
    const gone = this.queue.droppedStored(asked, rows, inFlight)
    return gone.length === 0 ? [] : dropEffects(gone, gone)
  }

  /** Drops all that waits, but for what was sent and is not acknowledged. */
  purge(): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    for (const shared of [false, true]) this.drop(shared, 'all', effects)
    return effects
  }

  /** PUBACK. `unknown`: nothing with this id is in flight; `misused`: it is in flight with QoS 2. */
  acknowledged(packetId: number): OutgoingEffect[] | 'unknown' | 'misused' {
    const entry = this.window.get(packetId)
    if (entry === undefined) return this.window.isReleased(packetId) ? 'misused' : 'unknown'
    return entry.delivery.qos === 2 ? 'misused' : this.finish(packetId, entry)
  }

  /**
   * PUBREC: the client has the message and will not take it twice until PUBREL. [MQTT-4.3.3-4]
   * @param refused with a reason of 0x80 or more, which ends the exchange: no PUBREL
   */
  received(packetId: number, refused: boolean): OutgoingEffect[] | 'unknown' | 'misused' {
    const entry = this.window.get(packetId)
    if (entry === undefined) {
      if (!this.window.isReleased(packetId)) return 'unknown'
      return refused ? this.completed(packetId) : [{ do: 'pubrel', packetId }]
    }
    if (entry.delivery.qos !== 2 && entry !== FORGOTTEN) return 'misused'
    return refused ? this.finish(packetId, entry) : this.release(packetId, entry)
  }

  /** PUBCOMP. A repeated one has no effect. */
  completed(packetId: number): OutgoingEffect[] {
    const position = this.window.complete(packetId)
    if (position === null) return []
    const effects: OutgoingEffect[] = [{ do: 'complete', position }]
    this.pump(effects)
    return effects
  }

  /** A packet too large for the client, or an expired message, counts as sent and acknowledged. [MQTT-3.1.2-25] */
  skipped(packetId: number): OutgoingEffect[] {
    const entry = this.window.get(packetId)
    if (entry === undefined) return []
    // A client that has it from an earlier connection holds its packet id until PUBREL.
    const held = entry.delivery.qos === 2 && entry.sentBefore
    return held ? this.release(packetId, entry) : this.finish(packetId, entry)
  }

  /**
   * The bounded wait for acknowledgements is over: store each delivery that has waited that long. A session that ends with its
   * connection stores only those of a stalled client: the loss of the process costs it no more than the loss of its connection.
   */
  ackWaitOver(now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    this.wakeAt = 0
    const due: QueueEntry[] = []
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.openEntries()) {
      const waitsUntil = entry.arrivedAt + ACK_WAIT_MS
      if (waitsUntil > now) {
        next = Math.min(next, waitsUntil)
      } else if (this.persistent || isShared(entry) || entry.arrivedAt + STALL_MS <= now) {
        due.push(entry)
      } else {
        settle(entry, 'accepted', effects)
      }
    }
    if (!this.persistent) {
      for (const entry of this.queue.waiting) {
        if (entry.stored || isOpen(entry)) continue
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

  /** The rows that the effect `refill` asked for. Fewer rows than its limit are the last. */
  refill(rows: readonly StoredDelivery[], limit: number, now: number): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const expired: StoredDelivery[] = []
    for (const row of rows) {
      if (this.queue.wasLoaded(row.position)) continue
      const { expiresAt } = row.delivery.message
      // Send an expired message again if an earlier connection has sent it: the client may hold its packet id.
      // [MQTT-4.4.0-1] [MQTT-4.3.3-7]
      if (expiresAt > 0 && expiresAt <= now && row.position > this.sentUpTo) {
        expired.push(row)
        this.queue.removeStored(row.delivery)
      } else {
        this.queue.load(entryOf(row, now))
      }
    }
    this.queue.loaded(rows.length >= limit)
    if (expired.length > 0)
      effects.push({ do: 'forget', positions: expired.map(({ position }) => position), expired })
    this.pump(effects)
    return effects
  }

  /**
   * The connection has ended. A persistent session stores its open deliveries. Those of a shared subscription go to another
   * member of the group instead, unless sent with QoS 2. [MQTT-4.8.2-5]
   */
  disconnected(): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const open: QueueEntry[] = []
    for (const entry of this.openEntries()) {
      // Nobody else was there for one that waits: it is stored here, and offered to others from there.
      const waits = this.persistent && entry.delivery.share?.waits === true
      const goesToOthers = isShared(entry) && !waits && (entry.delivery.qos === 1 || !this.window.has(entry))
      if (goesToOthers) settle(entry, 'client-away', effects)
      else open.push(entry)
    }
    if (this.persistent && open.length > 0) this.store(open, effects)
    if (!this.persistent) for (const entry of open) settle(entry, 'accepted', effects)
    this.window.close()
    this.queue.clearMemory()
    return effects
  }

  /** Other members of the group have these stored deliveries: delete those that are not on their way to this client. */
  redistributed(rows: readonly StoredDelivery[]): OutgoingEffect[] {
    const busy = new Set(this.queue.waiting.map(({ position }) => position))
    for (const { position } of this.window.entries()) busy.add(position)
    // The client may be back and may get a delivery that another member has too: QoS 1 allows both.
    const gone = rows.filter(({ position }) => !busy.has(position))
    for (const { delivery } of gone) this.queue.removeStored(delivery)
    return gone.length === 0 ? [] : [{ do: 'forget', positions: gone.map(({ position }) => position) }]
  }

  private refuses(delivery: Delivery): boolean {
    const { share, message } = delivery
    // A message that an outbox or another queue has acknowledged has no other place.
    if (message.acknowledged !== undefined || this.queue.hasRoomFor(delivery)) return false
    // Another member of the group may have room.
    return this.whenFull === 'refuse' || (share !== null && share.drops !== true)
  }

  /** Drops the oldest that are not in flight while the queue is over its bounds. A session that refuses drops none. */
  private makeRoom(shared: boolean, effects: OutgoingEffect[]): void {
    if (this.whenFull !== 'refuse') this.drop(shared, 'excess', effects)
  }

  private drop(shared: boolean, which: 'excess' | 'all', effects: OutgoingEffect[]): void {
    const dropped = this.queue.dropWaiting(shared, this.sentUpTo, which)
    for (const entry of dropped) settle(entry, 'dropped', effects)
    const rows = dropped.filter(({ stored }) => stored)
    if (dropped.length > 0) effects.push(...dropEffects(dropped, rows))
    const stored = this.queue.toDrop(shared, this.sentUpTo, which)
    if (stored !== null) effects.push(stored)
  }

  private release(packetId: number, entry: QueueEntry): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    const position = entry === FORGOTTEN ? packetId : entry.position
    this.window.release(packetId, position)
    if (entry.stored) this.queue.removeStored(entry.delivery)
    settle(entry, 'accepted', effects)
    effects.push({ do: 'release', position, stored: entry.stored }, { do: 'pubrel', packetId })
    return effects
  }

  /** The client has the delivery. */
  private finish(packetId: number, entry: QueueEntry): OutgoingEffect[] {
    const effects: OutgoingEffect[] = []
    this.window.remove(packetId)
    if (entry.stored) {
      this.queue.removeStored(entry.delivery)
      effects.push({ do: 'forget', positions: [entry.position] })
    } else settle(entry, 'accepted', effects)
    this.pump(effects)
    return effects
  }

  private openEntries(): QueueEntry[] {
    return [...this.window.entries(), ...this.queue.waiting].filter(isOpen)
  }

  private send(entry: QueueEntry, dup: boolean, effects: OutgoingEffect[]): void {
    const packetId = packetIdOf(entry.position)
    // Store a QoS 2 delivery before it is sent. Otherwise a crash frees its packet id, and the client takes the next message
    // with that id for this one. Store the open ones before it too, or they would be sent again after it.
    if (entry.delivery.qos === 2 && this.persistent && !entry.stored)
      this.store([...[...this.window.entries()].filter(isOpen), entry], effects, false)
    this.window.add(packetId, entry)
    entry.sentBefore = dup
    this.sentHere = entry.position
    effects.push({ do: 'send', delivery: entry.delivery, packetId, dup })
    if (entry.stored) this.noteSentUpTo(entry.position, effects)
    // A session that ends with its connection sends nothing twice: once sent, there is nothing left to keep.
    else if (!this.persistent && !isShared(entry)) settle(entry, 'accepted', effects)
  }

  /** Sends waiting deliveries while the window has room, then asks storage for more. */
  private pump(effects: OutgoingEffect[]): void {
    let sent = 0
    for (const entry of this.queue.waiting) {
      if (!this.window.hasRoomFor(entry.position)) break
      if (!entry.stored) this.queue.leaveMemory(entry)
      this.send(entry, entry.stored && entry.position <= this.sentUpTo, effects)
      sent++
    }
    this.queue.removeFirst(sent)
    const { queue, window } = this
    // Half a window at once: a read for each row would be dear.
    if (
      window.isOpen &&
      queue.waiting.length === 0 &&
      queue.hasMoreStored &&
      window.free > 0 &&
      window.isHalfFree
    )
      effects.push({ do: 'refill', after: queue.loadedPosition, limit: window.free })
  }

  /** @param counted the entries that are not in flight count as waiting in memory */
  private store(entries: readonly QueueEntry[], effects: OutgoingEffect[], counted = true): void {
    const numbers: number[] = []
    let sentUpTo = 0
    for (const entry of entries) {
      entry.stored = true
      this.queue.addStored(entry.delivery)
      if (isOpen(entry)) numbers.push(entry.number)
      entry.number = 0
      if (this.window.has(entry)) sentUpTo = Math.max(sentUpTo, entry.position)
      else if (counted) this.queue.leaveMemory(entry)
    }
    const rows = entries.map(({ position, delivery }) => ({ position, delivery }))
    effects.push({ do: 'store', entries: rows, numbers })
    this.noteSentUpTo(sentUpTo, effects)
  }

  private noteSentUpTo(position: number, effects: OutgoingEffect[]): void {
    if (position <= this.sentUpTo) return
    this.sentUpTo = position
    effects.push({ do: 'sent-up-to', position })
  }

  private wake(at: number, effects: OutgoingEffect[]): void {
    if (this.wakeAt !== 0 && this.wakeAt <= at) return
    this.wakeAt = at
    effects.push({ do: 'wake', at })
  }
}
