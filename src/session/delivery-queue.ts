// The deliveries of a session that wait for room in the inflight window, in memory and in storage, and the queue's bounds.
import { type Delivery, deliveryBytes } from './delivery.ts'
import { QUEUE_BYTES_MAX } from './limits.ts'
import type { QueueEntry } from './queue-entry.ts'
import type { OutgoingSnapshot } from './stored-delivery.ts'

export class DeliveryQueue {
  /** In memory, by position. */
  private entries: QueueEntry[] = []
  private readonly messagesMax: number
  /** Rows in storage, those in flight included. */
  private storedMessages: number
  private storedBytes: number
  /** Entries that are in memory only. */
  private unstoredMessages = 0
  private unstoredBytes = 0
  /** The last stored position that is in memory, or was. */
  private loadedUpTo = 0
  /** Storage has rows after `loadedUpTo`: a new delivery must be stored after these, or it would overtake them. */
  private moreStored: boolean

  constructor({ storedMessages, storedBytes }: OutgoingSnapshot, messagesMax: number) {
    this.storedMessages = storedMessages
    this.storedBytes = storedBytes
    this.messagesMax = messagesMax
    this.moreStored = storedMessages > 0
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

  get stored(): { readonly storedMessages: number; readonly storedBytes: number } {
    return { storedMessages: this.storedMessages, storedBytes: this.storedBytes }
  }

  hasRoomFor(delivery: Delivery): boolean {
    const messages = this.storedMessages + this.unstoredMessages
    const bytes = this.storedBytes + this.unstoredBytes + deliveryBytes(delivery)
    return messages < this.messagesMax && bytes <= QUEUE_BYTES_MAX
  }

  /** A new delivery waits in memory. */
  add(entry: QueueEntry): void {
    this.entries.push(entry)
    this.unstoredMessages++
    this.unstoredBytes += deliveryBytes(entry.delivery)
  }

  /** A stored delivery was read into memory. */
  load(entry: QueueEntry): void {
    this.entries.push(entry)
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
    if (count > 0) this.entries.splice(0, count)
  }

  /** An entry is stored, or in flight: it no longer counts as waiting in memory only. */
  leaveMemory({ delivery }: QueueEntry): void {
    this.unstoredMessages--
    this.unstoredBytes -= deliveryBytes(delivery)
  }

  addStored(delivery: Delivery): void {
    this.storedMessages++
    this.storedBytes += deliveryBytes(delivery)
  }

  removeStored(delivery: Delivery): void {
    this.storedMessages--
    this.storedBytes -= deliveryBytes(delivery)
  }

  /** A stored delivery is not in memory. */
  leftInStorage(): void {
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
    this.unstoredMessages = 0
    this.unstoredBytes = 0
    this.moreStored = this.storedMessages > 0
  }
}
