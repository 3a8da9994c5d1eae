// The deliveries of a session that wait for room in the inflight window, in memory and in storage.
import { type Delivery, deliveryBytes } from './delivery.ts'
import type { DropEffect } from './effect.ts'
import { QUEUE_MEMORY_BYTES_MAX } from './limits.ts'
import { isShared, type QueueEntry } from './queue-entry.ts'
import { type Excess, type QueueBound, QueueRoom } from './queue-room.ts'
import type { OutgoingSnapshot, StoredDelivery } from './stored-delivery.ts'

export class DeliveryQueue {
  /** In memory, by position. */
  private entries: QueueEntry[] = []
  /** Of the deliveries in memory. */
  private entryBytes = 0
  private readonly memoryBytesMax: number
  private readonly room: QueueRoom
  /** The last stored position that is in memory, or was. */
  private loadedUpTo = 0
  /** Storage has rows after `loadedUpTo`: a new delivery must be stored after these, or it would overtake them. */
  private moreStored: boolean
  /** Rows of a kind up to here were dropped, or are in flight. */
  private ownDroppedUpTo = 0
  private sharedDroppedUpTo = 0

  constructor(
    stored: OutgoingSnapshot,
    { messagesMax, memoryBytesMax = QUEUE_MEMORY_BYTES_MAX }: Omit<QueueBound, 'whenFull'>,
  ) {
    this.room = new QueueRoom(stored, messagesMax)
    this.memoryBytesMax = memoryBytesMax
    this.moreStored = this.storedMessages > 0
  }

  get waiting(): readonly QueueEntry[] {
    return this.entries
  }

  get hasMoreStored(): boolean {
    return this.moreStored
  }

  /** Neither memory nor storage has a delivery that waits. */
  get isEmpty(): boolean {
    return this.entries.length === 0 && !this.moreStored
  }

  get loadedPosition(): number {
    return this.loadedUpTo
  }

  get stored() {
    return this.room.stored
  }

  hasRoomFor(delivery: Delivery): boolean {
    return this.room.hasRoomFor(delivery)
  }

  /**
   * The oldest that wait in memory leave while their kind is over its bounds, or all of them.
   * @param sentUpTo what an earlier connection has sent is in flight, and stays
   */
  dropWaiting(shared: boolean, sentUpTo: number, which: 'excess' | 'all'): QueueEntry[] {
    const dropped: QueueEntry[] = []
    for (const entry of this.entries) {
      if (which === 'excess' && !isOver(this.room.excess(shared))) break
      if (isShared(entry) !== shared || (entry.stored && entry.position <= sentUpTo)) continue
      dropped.push(entry)
      if (entry.stored) this.removeStored(entry.delivery)
      else this.leaveMemory(entry)
    }
    this.remove(dropped)
    return dropped
  }

  /** What storage must drop of a kind; null if it is within its bounds. */
  toDrop(shared: boolean, sentUpTo: number, which: 'excess' | 'all'): DropEffect | null {
    const excess = which === 'all' ? this.room.all(shared) : this.room.excess(shared)
    if (!this.moreStored || !isOver(excess)) return null
    const [messages, bytes] = [Math.max(0, excess.messages), Math.max(0, excess.bytes)]
    this.room.dropping(shared, { messages, bytes }, 1)
    const droppedUpTo = shared ? this.sharedDroppedUpTo : this.ownDroppedUpTo
    return {
      do: 'drop-oldest',
      shared,
      after: Math.max(this.loadedUpTo, sentUpTo, droppedUpTo),
      messages,
      bytes,
    }
  }

  /** Storage has read the oldest. @param inFlight positions that were sent meanwhile @returns those that are dropped */
  droppedStored(
    asked: DropEffect,
    rows: readonly StoredDelivery[],
    inFlight: ReadonlySet<number>,
  ): StoredDelivery[] {
    this.room.dropping(asked.shared, asked, -1)
    const dropped = rows.filter(({ position }) => !inFlight.has(position))
    for (const { delivery } of dropped) this.removeStored(delivery)
    const positions = new Set(dropped.map(({ position }) => position))
    this.remove(this.entries.filter(({ position }) => positions.has(position)))
    const last = rows.at(-1)?.position ?? 0
    if (asked.shared) this.sharedDroppedUpTo = Math.max(this.sharedDroppedUpTo, last)
    else this.ownDroppedUpTo = Math.max(this.ownDroppedUpTo, last)
    return dropped
  }

  /** Whether a new delivery may wait in memory; one always may. */
  hasMemoryFor(delivery: Delivery): boolean {
    return this.entries.length === 0 || this.entryBytes + deliveryBytes(delivery) <= this.memoryBytesMax
  }

  /** A new delivery waits in memory. */
  add(entry: QueueEntry): void {
    this.push(entry)
    this.room.wait(entry.delivery, 1)
  }

  /** A stored delivery was read into memory. */
  load(entry: QueueEntry): void {
    this.push(entry)
  }

  /** True if this row was read before: an acknowledgement may ask for a second refill before the first is performed. */
  wasLoaded(position: number): boolean {
    if (position <= this.loadedUpTo) return true
    this.loadedUpTo = position
    return false
  }

  /** @param more storage has rows after those that were read */
  loaded(more: boolean): void {
    this.moreStored = more
  }

  /** The first so many were sent. */
  removeFirst(count: number): void {
    if (count === 0) return
    for (const { delivery } of this.entries.splice(0, count)) this.entryBytes -= deliveryBytes(delivery)
  }

  /** An entry is stored, or in flight: it no longer counts as waiting in memory only. */
  leaveMemory({ delivery }: QueueEntry): void {
    this.room.wait(delivery, -1)
  }

  addStored(delivery: Delivery): void {
    this.room.store(delivery, 1)
  }

  removeStored(delivery: Delivery): void {
    this.room.store(delivery, -1)
  }

  /** The delivery with this position is stored, and not in memory. Those before it are in memory, in flight, or in storage too. */
  leftInStorage(position: number): void {
    // The rows of those in memory must not be read again.
    if (!this.moreStored) this.loadedUpTo = Math.max(this.loadedUpTo, position - 1)
    this.moreStored = true
  }

  /** A new connection reads the stored deliveries from the first. */
  rewind(): void {
    this.loadedUpTo = 0
    this.moreStored = this.storedMessages > 0
  }

  /** After a hibernation: the rows up to this position, so many, are in flight. */
  resumeAfter(position: number, rows: number): void {
    this.loadedUpTo = position
    this.moreStored = this.storedMessages > rows
  }

  /** The connection has ended: only storage keeps deliveries. */
  clearMemory(): void {
    this.entries = []
    this.entryBytes = 0
    this.room.clearMemory()
    this.loadedUpTo = 0
    this.moreStored = this.storedMessages > 0
  }

  private get storedMessages(): number {
    return this.room.stored.storedMessages
  }

  private remove(dropped: readonly QueueEntry[]): void {
    if (dropped.length === 0) return
    const gone = new Set(dropped)
    for (const entry of this.entries) if (gone.has(entry)) this.entryBytes -= deliveryBytes(entry.delivery)
    this.entries = this.entries.filter((entry) => !gone.has(entry))
  }

  private push(entry: QueueEntry): void {
    this.entries.push(entry)
    this.entryBytes += deliveryBytes(entry.delivery)
  }
}

function isOver({ messages, bytes }: Excess): boolean {
  return messages > 0 || bytes > 0
}
