// Packets of a connection that came faster than its publishes are passed on: they wait in memory, in their order, and bounded. The
// platform delivers frames as events, so a socket cannot be read more slowly.
import type { PublishPacket, SubscribePacket, UnsubscribePacket } from '../mqtt/packet.ts'
import { messageBytes } from './incoming-window.ts'
import { INCOMING_HELD_BYTES_MAX, INCOMING_HELD_PACKET_BYTES } from './limits.ts'

/** Those whose order counts: a SUBSCRIBE must not overtake a publish. */
export type HeldPacket = PublishPacket | SubscribePacket | UnsubscribePacket

export class HeldPackets {
  private packets: HeldPacket[] = []
  /** Packets before this index have left. */
  private begin = 0
  private bytes = 0
  private acknowledged = 0
  /** The most that may wait. */
  bytesMax = INCOMING_HELD_BYTES_MAX

  /** What waits, about. */
  get heldBytes(): number {
    return this.bytes
  }

  get isEmpty(): boolean {
    return this.begin === this.packets.length
  }

  /** Publishes of QoS 1 and 2 that wait. */
  get openPublishes(): number {
    return this.acknowledged
  }

  get first(): HeldPacket | null {
    return this.packets[this.begin] ?? null
  }

  /** @returns false if the bound is reached: then the packet does not wait */
  hold(packet: HeldPacket): boolean {
    const bytes = bytesOf(packet)
    if (this.bytes + bytes > this.bytesMax) return false
    this.packets.push(packet)
    this.bytes += bytes
    if (isAcknowledged(packet)) this.acknowledged++
    return true
  }

  removeFirst(): void {
    const { first } = this
    if (first === null) return
    this.begin++
    this.bytes -= bytesOf(first)
    if (isAcknowledged(first)) this.acknowledged--
    // Not with each packet: moving the rest to the front takes a step for each of them.
    if (this.begin * 2 < this.packets.length) return
    this.packets = this.packets.slice(this.begin)
    this.begin = 0
  }

  clear(): void {
    this.packets = []
    this.begin = 0
    this.bytes = 0
    this.acknowledged = 0
  }
}

function isAcknowledged(packet: HeldPacket): boolean {
  return packet.type === 'publish' && packet.message.qos > 0
}

/** What a packet takes in memory, about. */
function bytesOf(packet: HeldPacket): number {
  if (packet.type === 'publish') return INCOMING_HELD_PACKET_BYTES + messageBytes(packet.message)
  const filters =
    packet.type === 'subscribe' ? packet.subscriptions.map(({ filter }) => filter) : packet.filters
  return filters.reduce((sum, { length }) => sum + INCOMING_HELD_PACKET_BYTES + length, 0)
}
