// A message on its way to one subscriber, and its form as bytes: in the call that carries it, in the queue that keeps it.
import { decodeMessage, encodeMessage, type Message } from '../mqtt/message.ts'
import type { QoS } from '../mqtt/packet.ts'

export interface Delivery {
  /** The lesser of the message's QoS and the subscription's. [MQTT-3.8.4-8] */
  readonly qos: QoS
  /** The RETAIN flag as the subscriber shall see it. */
  readonly retain: boolean
  readonly identifiers: readonly number[]
  readonly message: Message
}

/** What a delivery counts against the bounds of a queue, bytes. */
export function deliveryBytes(delivery: Delivery): number {
  return (
    delivery.message.payload.length + delivery.message.properties.length + delivery.message.topic.length + 16
  )
}

const QOS = 0b011
const RETAIN = 0b100

/** @param record the message's record, where the caller has it: one message is encoded once for all subscribers */
export function encodeDelivery(delivery: Delivery, record = encodeMessage(delivery.message)): Uint8Array {
  const bytes = new Uint8Array(3 + delivery.identifiers.length * 4 + record.length)
  bytes[0] = delivery.qos | (delivery.retain ? RETAIN : 0)
  const view = new DataView(bytes.buffer)
  view.setUint16(1, delivery.identifiers.length)
  let at = 3
  for (const identifier of delivery.identifiers) {
    view.setUint32(at, identifier)
    at += 4
  }
  bytes.set(record, at)
  return bytes
}

export function decodeDelivery(bytes: Uint8Array): Delivery {
  const flags = bytes[0] ?? 0
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = view.getUint16(1)
  const identifiers: number[] = []
  for (let i = 0; i < count; i++) identifiers.push(view.getUint32(3 + i * 4))
  return {
    qos: (flags & QOS) as QoS,
    retain: (flags & RETAIN) !== 0,
    identifiers,
    message: decodeMessage(bytes.subarray(3 + count * 4)),
  }
}
