// The packet ids in use on one connection: deliveries that wait for PUBACK or PUBREC, and exchanges that wait for PUBCOMP.
// Together they are at most the client's Receive Maximum. [MQTT-3.3.4-9]
import { deliveryBytes } from './delivery.ts'
import { OUTGOING_INFLIGHT_BYTES_MAX } from './limits.ts'
import type { QueueEntry } from './queue-entry.ts'
import { packetIdOf } from './stored-delivery.ts'

export class InflightWindow {
  private size = 0
  private bytes = 0
  private readonly sent = new Map<number, QueueEntry>()
  /** QoS 2 deliveries with PUBREC and without PUBCOMP: packet id to position. They outlive the connection. */
  private readonly released = new Map<number, number>()

  /** @param released positions */
  constructor(released: readonly number[]) {
    for (const position of released) this.released.set(packetIdOf(position), position)
  }

  get isOpen(): boolean {
    return this.size > 0
  }

  get isHalfFree(): boolean {
    return this.free >= this.size >> 1
  }

  /** How many more deliveries may be sent. */
  get free(): number {
    return this.size - this.sent.size - this.released.size
  }

  /** Whether the bytes in flight leave room for a message of any size. */
  get hasBytes(): boolean {
    return this.bytes < OUTGOING_INFLIGHT_BYTES_MAX
  }

  /** @param size at least 1 */
  open(size: number): void {
    this.size = size
  }

  close(): void {
    this.size = 0
    this.bytes = 0
    this.sent.clear()
  }

  hasRoomFor(position: number): boolean {
    const packetId = packetIdOf(position)
    if (!this.hasBytes) return false
    return this.free > 0 && !this.sent.has(packetId) && !this.released.has(packetId)
  }

  add(packetId: number, entry: QueueEntry): void {
    this.sent.set(packetId, entry)
    this.bytes += deliveryBytes(entry.delivery)
  }

  get(packetId: number): QueueEntry | undefined {
    return this.sent.get(packetId)
  }

  /** Another entry may have the same packet id in flight, 65,535 positions away. */
  has(entry: QueueEntry): boolean {
    return this.sent.get(packetIdOf(entry.position)) === entry
  }

  entries(): IterableIterator<QueueEntry> {
    return this.sent.values()
  }

  get packetIds(): number[] {
    return [...this.sent.keys()]
  }

  remove(packetId: number): void {
    const entry = this.sent.get(packetId)
    if (entry !== undefined) this.bytes -= deliveryBytes(entry.delivery)
    this.sent.delete(packetId)
  }

  /** PUBREC came: the delivery's packet id stays in use until PUBCOMP. */
  release(packetId: number, position: number): void {
    this.remove(packetId)
    this.released.set(packetId, position)
  }

  isReleased(packetId: number): boolean {
    return this.released.has(packetId)
  }

  get releasedPacketIds(): IterableIterator<number> {
    return this.released.keys()
  }

  get releasedPositions(): number[] {
    return [...this.released.values()]
  }

  /** PUBCOMP came. @returns the exchange's position; null for an unknown packet id */
  complete(packetId: number): number | null {
    const position = this.released.get(packetId)
    if (position === undefined) return null
    this.released.delete(packetId)
    return position
  }
}
