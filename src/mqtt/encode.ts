// Encodes what the server sends. The size is counted first, so that each packet is one allocation.
import { BytesWriter, stringBytes, varintBytes } from './bytes-writer.ts'
import { REMAINING_BYTES_MAX } from './limits.ts'
import type { Message } from './message.ts'
import { MESSAGE_EXPIRY_INTERVAL, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS } from './message-properties.ts'
import type { AckPacket, ConnackPacket, Properties, ProtocolVersion, QoS, ServerPacket } from './packet.ts'
import { PacketType } from './packet-type.ts'
import { propertiesBytes, writeProperties } from './properties.ts'
import { connackReturnCode, isFailure, Reason, type ReasonCode } from './reason.ts'

/** PINGRESP, the same for every version and client. Not to be written to. */
export const PINGRESP: Uint8Array = new Uint8Array([PacketType.Pingresp << 4, 0])

const NO_IDS: readonly number[] = []
const TOPIC_ALIAS_BYTES = 3

/** How a message goes out to one subscriber. */
export interface Delivery {
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** 1 to 65,535; ignored with QoS 0. */
  readonly packetId: number
  /** Subscription Identifiers of this client's subscriptions that match. Left out for 3.1.1. */
  readonly subscriptionIdentifiers: readonly number[]
  /** Topic Alias: sent beside the topic, or instead of it once the client knows the alias. Left out for 3.1.1. */
  readonly topicAlias?: { readonly alias: number; readonly known: boolean } | null
  /** Milliseconds since the epoch: Message Expiry Interval is what is left. */
  readonly now: number
}

/** The packet as bytes. Throws if the version has no such packet: a 3.1.1 server sends no DISCONNECT. */
export function encodePacket(version: ProtocolVersion, packet: ServerPacket): Uint8Array {
  switch (packet.type) {
    case 'connack':
      return encodeConnack(version, packet)
    case 'puback':
      return encodeAck(version, PacketType.Puback, 0, packet)
    case 'pubrec':
      return encodeAck(version, PacketType.Pubrec, 0, packet)
    case 'pubrel':
      return encodeAck(version, PacketType.Pubrel, 2, packet) // [MQTT-3.6.1-1]
    case 'pubcomp':
      return encodeAck(version, PacketType.Pubcomp, 0, packet)
    case 'suback':
      return encodeAnswers(version, PacketType.Suback, packet)
    case 'unsuback':
      return encodeAnswers(version, PacketType.Unsuback, packet)
    case 'pingresp':
      return PINGRESP
    case 'disconnect':
      if (version === 4) throw new Error('a 3.1.1 server sends no DISCONNECT')
      return encodeDisconnect(packet.reason, packet.properties)
    default:
      return packet satisfies never
  }
}

/** PUBLISH with the message's own properties, its expiry as seconds left, and the subscriptions it matched. */
export function encodePublish(version: ProtocolVersion, message: Message, delivery: Delivery): Uint8Array {
  const ids = version === 5 ? delivery.subscriptionIdentifiers : NO_IDS
  const alias = version === 5 ? (delivery.topicAlias ?? null) : null
  const topic = alias?.known === true ? '' : message.topic // [MQTT-3.3.2-8]
  const topicBytes = stringBytes(topic)
  const properties =
    version === 5 ? publishPropertiesBytes(message, ids) + (alias === null ? 0 : TOPIC_ALIAS_BYTES) : 0
  const remaining = publishRemaining(version, message, delivery.qos, topicBytes, properties)
  const flags = (delivery.dup ? 8 : 0) | (delivery.qos << 1) | (delivery.retain ? 1 : 0)
  const writer = begin(PacketType.Publish, flags, remaining)
  writer.string(topic)
  if (delivery.qos > 0) writer.u16(delivery.packetId)
  if (version === 5) {
    writer.varint(properties)
    writer.raw(message.properties)
    if (message.expiresAt > 0) {
      writer.u8(MESSAGE_EXPIRY_INTERVAL)
      writer.u32(secondsLeft(message.expiresAt, delivery.now))
    }
    if (alias !== null) {
      writer.u8(TOPIC_ALIAS)
      writer.u16(alias.alias)
    }
    for (const id of ids) {
      writer.u8(SUBSCRIPTION_IDENTIFIER)
      writer.varint(id)
    }
  }
  writer.raw(message.payload)
  return writer.finish()
}

/** The size of `encodePublish`'s packet, for the client's Maximum Packet Size. [MQTT-3.1.2-24] */
export function publishSize(
  version: ProtocolVersion,
  message: Message,
  delivery: Pick<Delivery, 'qos' | 'subscriptionIdentifiers'>,
): number {
  const properties = version === 5 ? publishPropertiesBytes(message, delivery.subscriptionIdentifiers) : 0
  const remaining = publishRemaining(version, message, delivery.qos, stringBytes(message.topic), properties)
  return 1 + varintBytes(remaining) + remaining
}

function publishPropertiesBytes(message: Message, ids: readonly number[]): number {
  let bytes = message.properties.length
  if (message.expiresAt > 0) bytes += 5
  for (const id of ids) bytes += 1 + varintBytes(id)
  return bytes
}

function publishRemaining(
  version: ProtocolVersion,
  message: Message,
  qos: QoS,
  topicBytes: number,
  properties: number,
): number {
  const head = topicBytes + (qos > 0 ? 2 : 0)
  return head + (version === 5 ? varintBytes(properties) + properties : 0) + message.payload.length
}

/** The interval that the publisher gave, minus the time since. [MQTT-3.3.2-6] At least 1: expired messages are not sent. */
function secondsLeft(expiresAt: number, now: number): number {
  return Math.min(Math.max(Math.ceil((expiresAt - now) / 1000), 1), 0xffffffff)
}

function encodeConnack(version: ProtocolVersion, packet: ConnackPacket): Uint8Array {
  // [MQTT-3.2.2-6] [MQTT-3.2.2-4, 3.1.1]
  const flags = packet.sessionPresent && packet.reason === Reason.Success ? 1 : 0
  if (version === 4) {
    const writer = begin(PacketType.Connack, 0, 2)
    writer.u8(flags)
    writer.u8(connackReturnCode(packet.reason))
    return writer.finish()
  }
  const properties = propertiesBytes(packet.properties, PacketType.Connack)
  const writer = begin(PacketType.Connack, 0, 2 + varintBytes(properties) + properties)
  writer.u8(flags)
  writer.u8(packet.reason)
  writeProperties(writer, packet.properties, properties)
  return writer.finish()
}

function encodeAck(version: ProtocolVersion, type: PacketType, flags: number, packet: AckPacket): Uint8Array {
  const properties = version === 5 ? propertiesBytes(packet.properties, type) : 0
  const tail = version === 5 ? tailBytes(packet.reason, properties) : 0
  const writer = begin(type, flags, 2 + tail)
  writer.u16(packet.packetId)
  writeTail(writer, packet.reason, packet.properties, properties)
  return writer.finish()
}

function encodeDisconnect(reason: ReasonCode, properties: Properties): Uint8Array {
  const bytes = propertiesBytes(properties, PacketType.Disconnect)
  // The property length may be left out, but there are clients that then lose the reason (rumqttc 0.25).
  const tail = reason === Reason.Success && bytes === 0 ? 0 : 1 + varintBytes(bytes) + bytes
  const writer = begin(PacketType.Disconnect, 0, tail)
  writeTail(writer, reason, properties, bytes)
  return writer.finish()
}

/** Reason code and properties. 5.0 allows to leave out a Success without properties. */
function tailBytes(reason: ReasonCode, properties: number): number {
  if (properties > 0) return 1 + varintBytes(properties) + properties
  return reason === Reason.Success ? 0 : 1
}

/** Writes the tail; `tailBytes` counted its size. */
function writeTail(writer: BytesWriter, reason: ReasonCode, properties: Properties, bytes: number): void {
  if (writer.at < writer.bytes.length) writer.u8(reason)
  if (writer.at < writer.bytes.length) writeProperties(writer, properties, bytes)
}

function encodeAnswers(
  version: ProtocolVersion,
  type: typeof PacketType.Suback | typeof PacketType.Unsuback,
  packet: Extract<ServerPacket, { type: 'suback' | 'unsuback' }>,
): Uint8Array {
  if (version === 4) {
    const reasons = type === PacketType.Suback ? packet.reasons : []
    const writer = begin(type, 0, 2 + reasons.length)
    writer.u16(packet.packetId)
    // 3.1.1 knows one failure. [MQTT-3.9.3-2, 3.1.1]
    for (const reason of reasons) writer.u8(isFailure(reason) ? Reason.UnspecifiedError : reason)
    return writer.finish()
  }
  const properties = propertiesBytes(packet.properties, type)
  const writer = begin(type, 0, 2 + varintBytes(properties) + properties + packet.reasons.length)
  writer.u16(packet.packetId)
  writeProperties(writer, packet.properties, properties)
  for (const reason of packet.reasons) writer.u8(reason)
  return writer.finish()
}

function begin(type: PacketType, flags: number, remaining: number): BytesWriter {
  if (remaining > REMAINING_BYTES_MAX) throw new RangeError(`a packet of ${remaining} bytes does not fit`)
  const writer = new BytesWriter(1 + varintBytes(remaining) + remaining)
  writer.u8((type << 4) | flags)
  writer.varint(remaining)
  return writer
}
