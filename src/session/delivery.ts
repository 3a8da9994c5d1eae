// A message on its way to one subscriber, and its form as bytes: in the call that carries it, in the queue that keeps it.
import { decodeMessage, encodeMessage, type Message } from '../mqtt/message.ts'
import type { QoS } from '../mqtt/packet.ts'

export interface Delivery {
  /** The lesser of the message's QoS and the subscription's. [MQTT-3.8.4-8] */
  readonly qos: QoS
  /** The RETAIN flag as the subscriber shall see it. */
  readonly retain: boolean
  readonly identifiers: readonly number[]
  /** The shared subscription by which it comes; null for an ordinary one. */
  readonly share: DeliveryShare | null
  readonly message: Message
}

/** Of the group's members this session was chosen, and may pass the message back while its client has not got it. */
export interface DeliveryShare {
  /** `$share/group/filter`. */
  readonly filter: string
  /** No other member can take it now: it is to be kept although the client is away. */
  readonly waits: boolean
}

/** The outcome of a shared delivery that another member is to have, since this client is away. Not an MQTT code. */
export const CLIENT_AWAY = 0xfe

/** What a delivery counts against the bounds of a queue, bytes. */
export function deliveryBytes(delivery: Delivery): number {
  return (
    delivery.message.payload.length + delivery.message.properties.length + delivery.message.topic.length + 16
  )
}

const QOS = 0b0011
const RETAIN = 0b0100
const SHARED = 0b1000
const WAITS = 0b1_0000

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * u8 flags, u16 and so many u32 identifiers, u16 and the share's filter if there is one, the message's record.
 * @param record the message's record, where the caller has it: one message is encoded once for all subscribers
 */
export function encodeDelivery(delivery: Delivery, record = encodeMessage(delivery.message)): Uint8Array {
  const { identifiers, share } = delivery
  const filter = share === null ? null : encoder.encode(share.filter)
  const head = 3 + identifiers.length * 4 + (filter === null ? 0 : 2 + filter.length)
  const bytes = new Uint8Array(head + record.length)
  const shared = share === null ? 0 : SHARED | (share.waits ? WAITS : 0)
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
  bytes.set(record, head)
  return bytes
}

export function decodeDelivery(bytes: Uint8Array): Delivery {
  const flags = bytes[0] ?? 0
  const waitsAlone = (flags & (SHARED | WAITS)) === WAITS
  if ((flags & QOS) === 3 || waitsAlone || flags >= WAITS << 1)
    throw new Error(`not a delivery: flags ${flags}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  const identifiers: number[] = []
  let at = 3
  for (let i = 0; i < count; i++, at += 4) identifiers.push(view.getUint32(at))
  let share: DeliveryShare | null = null
  if ((flags & SHARED) !== 0) {
    const end = at + 2 + view.getUint16(at)
    share = { filter: decoder.decode(bytes.subarray(at + 2, end)), waits: (flags & WAITS) !== 0 }
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

/** The message's record in a delivery; a view of it. */
export function recordIn(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 3 + view.getUint16(1) * 4
  if (((bytes[0] ?? 0) & SHARED) !== 0) at += 2 + view.getUint16(at)
  return bytes.subarray(at)
}
