// A message on its way to one subscriber, and its form as bytes, in calls between actors and in the session's queue.
import { decodeMessage, encodeMessage, type Message } from '../mqtt/message.ts'
import type { QoS } from '../mqtt/packet.ts'

export interface Delivery {
  /** The lesser of the message's QoS and the subscription's. [MQTT-3.8.4-8] */
  readonly qos: QoS
  /** The RETAIN flag that the subscriber gets. */
  readonly retain: boolean
  readonly identifiers: readonly number[]
  /** The shared subscription that matched; null for an ordinary one. */
  readonly share: DeliveryShare | null
  readonly message: Message
}

/** The group's choice fell on this session, which may return the message until its client has it. */
export interface DeliveryShare {
  /** `$share/group/filter`. */
  readonly filter: string
  /** No other member can take the message now: store it even if the client is away. */
  readonly waits: boolean
  /** No member has room either: this one drops its oldest, unless it refuses. */
  readonly drops?: true
}

/**
 * What became of a delivery, for its sender. `accepted`: the client has it, or nothing of it would outlive the connection.
 * `stored`: it is in the session's queue. `client-away`: another member of the group must take it. `queue-full`: refused.
 * `dropped`: newer ones took its place in the queue before it was acknowledged or stored.
 */
export type DeliveryOutcome = 'accepted' | 'stored' | 'client-away' | 'queue-full' | 'dropped'

/** The size of a delivery against the bound of a queue, bytes. */
export function deliveryBytes(delivery: Delivery): number {
  return (
    delivery.message.payload.length + delivery.message.properties.length + delivery.message.topic.length + 16
  )
}

const QOS = 0b0011
const RETAIN = 0b0100
const SHARED = 0b1000
const WAITS = 0b1_0000
const DROPS = 0b10_0000

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * u8 flags; u16 count and u32 for each identifier; u16 length and the share's filter, if shared; the message's record.
 * @param record the message's record, so that one message is encoded once for all subscribers
 */
export function encodeDelivery(delivery: Delivery, record = encodeMessage(delivery.message)): Uint8Array {
  const head = deliveryHead(delivery)
  const bytes = new Uint8Array(head.length + record.length)
  bytes.set(head)
  bytes.set(record, head.length)
  return bytes
}

/** What stands before the record in the bytes of `encodeDelivery`. */
export function deliveryHead(delivery: Delivery): Uint8Array {
  const { identifiers, share } = delivery
  const filter = share === null ? null : encoder.encode(share.filter)
  const bytes = new Uint8Array(3 + identifiers.length * 4 + (filter === null ? 0 : 2 + filter.length))
  const shared = share === null ? 0 : SHARED | (share.waits ? WAITS : 0) | (share.drops === true ? DROPS : 0)
  bytes[0] = delivery.qos | (delivery.retain ? RETAIN : 0) | shared
  const view = new DataView(bytes.buffer)
  view.setUint16(1, identifiers.length)
  let at = 3
  for (const identifier of identifiers) {
    view.setUint32(at, identifier)
    at += 4
  }
  if (filter !== null) {
    view.setUint16(at, filter.length)
    bytes.set(filter, at + 2)
  }
  return bytes
}

/** Throws an Error for bytes that `encodeDelivery` cannot have made. */
export function decodeDelivery(bytes: Uint8Array): Delivery {
  const flags = bytes[0] ?? 0
  const unshared = (flags & SHARED) === 0 && (flags & (WAITS | DROPS)) !== 0
  if ((flags & QOS) === 3 || unshared || flags >= DROPS << 1)
    throw new Error(`not a delivery: flags ${flags}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  const identifiers: number[] = []
  let at = 3
  for (let i = 0; i < count; i++, at += 4) identifiers.push(view.getUint32(at))
  let share: DeliveryShare | null = null
  if ((flags & SHARED) !== 0) {
    const end = at + 2 + view.getUint16(at)
    share = {
      filter: decoder.decode(bytes.subarray(at + 2, end)),
      waits: (flags & WAITS) !== 0,
      ...((flags & DROPS) !== 0 && { drops: true }),
    }
    at = end
  }
  return {
    qos: (flags & QOS) as QoS,
    retain: (flags & RETAIN) !== 0,
    identifiers,
    share,
    message: decodeMessage(bytes.subarray(at)),
  }
}

/** A view of the message's record in a delivery. */
export function recordIn(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 3 + view.getUint16(1) * 4
  if (((bytes[0] ?? 0) & SHARED) !== 0) at += 2 + view.getUint16(at)
  return bytes.subarray(at)
}

/** What is stored must not drop others where it is given to another member. */
export function withoutDrops(delivery: Delivery): Delivery {
  const { share } = delivery
  if (share?.drops !== true) return delivery
  return { ...delivery, share: { filter: share.filter, waits: share.waits } }
}
