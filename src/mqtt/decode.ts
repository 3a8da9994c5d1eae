// Decodes what a client sends, as a server of MQTT 3.1.1 and 5.0 must. Anything wrong throws a ProtocolViolation
// with the reason code that 5.0 asks for; the session decides how a 3.1.1 client learns of it.
import { BytesReader, malformed, protocolError } from './bytes-reader.ts'
import { decodeConnect } from './decode-connect.ts'
import { decodePublish, readPacketId } from './decode-publish.ts'
import { SUBSCRIPTIONS_PER_PACKET_MAX } from './limits.ts'
import type {
  AckPacket,
  AuthPacket,
  ClientPacket,
  DisconnectPacket,
  PingreqPacket,
  ProtocolVersion,
  QoS,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from './packet.ts'
import { PacketType } from './packet-type.ts'
import { NO_PROPERTIES, readProperties } from './properties.ts'
import { Reason, type ReasonCode } from './reason.ts'

const PINGREQ: PingreqPacket = Object.freeze({ type: 'pingreq' })

const PUBLISH_ANSWERS: ReadonlySet<number> = new Set([
  Reason.Success,
  Reason.NoMatchingSubscribers,
  Reason.UnspecifiedError,
  Reason.ImplementationSpecificError,
  Reason.NotAuthorized,
  Reason.TopicNameInvalid,
  Reason.PacketIdentifierInUse,
  Reason.QuotaExceeded,
  Reason.PayloadFormatInvalid,
])

const RELEASE_ANSWERS: ReadonlySet<number> = new Set([Reason.Success, Reason.PacketIdentifierNotFound])

// Table 3-10 of 5.0, those that a client may send.
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([
  Reason.Success,
  Reason.DisconnectWithWill,
  Reason.UnspecifiedError,
  Reason.MalformedPacket,
  Reason.ProtocolError,
  Reason.ImplementationSpecificError,
  Reason.TopicNameInvalid,
  Reason.ReceiveMaximumExceeded,
  Reason.TopicAliasInvalid,
  Reason.PacketTooLarge,
  Reason.MessageRateTooHigh,
  Reason.QuotaExceeded,
  Reason.AdministrativeAction,
  Reason.PayloadFormatInvalid,
])

const AUTH_REASONS: ReadonlySet<number> = new Set([Reason.ContinueAuthentication, Reason.Reauthenticate])

/**
 * The packet behind a fixed header's first byte and the body that follows its Remaining Length. Views of `body` stay
 * in the packet. `version` is that of the connection, 0 before CONNECT, which names its own; `now` is in milliseconds
 * since the epoch.
 */
export function decodePacket(
  version: ProtocolVersion | 0,
  header: number,
  body: Uint8Array,
  now: number,
): ClientPacket {
  const type = header >> 4
  // The first packet is CONNECT [MQTT-3.1.0-1], and no later one is. [MQTT-3.1.0-2]
  if (version === 0 || type === PacketType.Connect) {
    if (version !== 0) throw protocolError('a second CONNECT')
    if (type !== PacketType.Connect) throw protocolError('the first packet is not CONNECT')
    return decodeConnect(header, body)
  }
  switch (type) {
    case PacketType.Publish:
      return decodePublish(version, header, body, now)
    case PacketType.Puback:
      expectFlags(header, 0)
      return decodeAck('puback', version, type, body, PUBLISH_ANSWERS)
    case PacketType.Pubrec:
      expectFlags(header, 0)
      return decodeAck('pubrec', version, type, body, PUBLISH_ANSWERS)
    case PacketType.Pubrel:
      expectFlags(header, 2) // [MQTT-3.6.1-1]
      return decodeAck('pubrel', version, type, body, RELEASE_ANSWERS)
    case PacketType.Pubcomp:
      expectFlags(header, 0)
      return decodeAck('pubcomp', version, type, body, RELEASE_ANSWERS)
    case PacketType.Subscribe:
      expectFlags(header, 2) // [MQTT-3.8.1-1]
      return decodeSubscribe(version, body)
    case PacketType.Unsubscribe:
      expectFlags(header, 2) // [MQTT-3.10.1-1]
      return decodeUnsubscribe(version, body)
    case PacketType.Pingreq:
      expectFlags(header, 0)
      if (body.length > 0) throw malformed('PINGREQ has no body')
      return PINGREQ
    case PacketType.Disconnect:
      expectFlags(header, 0) // [MQTT-3.14.1-1]
      return decodeDisconnect(version, body)
    case PacketType.Auth:
      expectFlags(header, 0) // [MQTT-3.15.1-1]
      if (version === 4) throw malformed('packet type 15 is reserved in 3.1.1')
      return decodeAuth(body)
    case 0:
      throw malformed('packet type 0 is reserved')
    default:
      throw protocolError(`packet type ${type} is for servers only`)
  }
}

// [MQTT-2.1.3-1]
function expectFlags(header: number, flags: number): void {
  if ((header & 0x0f) !== flags) throw malformed('reserved flags of the fixed header are set wrongly')
}

function decodeAck(
  type: AckPacket['type'],
  version: ProtocolVersion,
  packetType: PacketType,
  body: Uint8Array,
  allowed: ReadonlySet<number>,
): AckPacket {
  const reader = new BytesReader(body)
  const packetId = readPacketId(reader)
  if (version === 4) {
    reader.finish()
    return { type, packetId, reason: Reason.Success, properties: NO_PROPERTIES }
  }
  const reason = readReason(reader, allowed)
  return { type, packetId, reason, properties: readTrailingProperties(reader, packetType) }
}

/** A reason code that may be left out where it says Success. */
function readReason(reader: BytesReader, allowed: ReadonlySet<number>): ReasonCode {
  const reason = reader.at === reader.end ? Reason.Success : reader.u8()
  if (!allowed.has(reason)) throw protocolError(`reason code 0x${reason.toString(16)} does not belong here`)
  return reason as ReasonCode
}

/** Properties that may be left out, with their length, at the end of a packet. */
function readTrailingProperties(reader: BytesReader, type: PacketType) {
  const properties = reader.at === reader.end ? NO_PROPERTIES : readProperties(reader, type)
  reader.finish()
  return properties
}

function decodeSubscribe(version: ProtocolVersion, body: Uint8Array): SubscribePacket {
  const reader = new BytesReader(body)
  const packetId = readPacketId(reader)
  const properties = version === 5 ? readProperties(reader, PacketType.Subscribe) : NO_PROPERTIES
  const subscriptions: SubscriptionRequest[] = []
  let excess = 0
  // [MQTT-3.8.3-2]
  if (reader.at === reader.end) throw protocolError('SUBSCRIBE names no topic filter')
  while (reader.at < reader.end) {
    const request = readSubscription(version, reader)
    if (subscriptions.length < SUBSCRIPTIONS_PER_PACKET_MAX) subscriptions.push(request)
    else excess++
  }
  return { type: 'subscribe', packetId, subscriptions, ...(excess > 0 && { excess }), properties }
}

function readSubscription(version: ProtocolVersion, reader: BytesReader): SubscriptionRequest {
  const filter = reader.string()
  const options = reader.u8()
  // [MQTT-3.8.3-5]; 3.1.1 reserves all but the QoS. [MQTT-3.8.3-4, 3.1.1]
  if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0)
    throw malformed('reserved subscription options are set')
  const qos = options & 3
  if (qos === 3) throw protocolError('QoS 3 is asked for')
  const noLocal = (options & 4) !== 0
  const retainHandling = options >> 4
  if (retainHandling === 3) throw protocolError('Retain Handling is 3')
  // [MQTT-3.8.3-4]
  if (noLocal && filter.startsWith('$share/')) throw protocolError('No Local on a shared subscription')
  return {
    filter,
    qos: qos as QoS,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

function decodeUnsubscribe(version: ProtocolVersion, body: Uint8Array): UnsubscribePacket {
  const reader = new BytesReader(body)
  const packetId = readPacketId(reader)
  const properties = version === 5 ? readProperties(reader, PacketType.Unsubscribe) : NO_PROPERTIES
  const filters: string[] = []
  // [MQTT-3.10.3-2]
  if (reader.at === reader.end) throw protocolError('UNSUBSCRIBE names no topic filter')
  while (reader.at < reader.end) filters.push(reader.string())
  return { type: 'unsubscribe', packetId, filters, properties }
}

function decodeDisconnect(version: ProtocolVersion, body: Uint8Array): DisconnectPacket {
  const reader = new BytesReader(body)
  if (version === 4) reader.finish()
  const reason = readReason(reader, DISCONNECT_REASONS)
  const properties = readTrailingProperties(reader, PacketType.Disconnect)
  // Section 3.14.2.2.5 gives it to servers alone.
  if (properties.serverReference !== undefined) throw protocolError('a client sends a Server Reference')
  return { type: 'disconnect', reason, properties }
}

function decodeAuth(body: Uint8Array): AuthPacket {
  const reader = new BytesReader(body)
  const reason = readReason(reader, AUTH_REASONS) // [MQTT-3.15.2-1]
  const properties = readTrailingProperties(reader, PacketType.Auth)
  // Section 3.15.2.2.2.
  if (properties.authenticationMethod === undefined)
    throw protocolError('AUTH names no Authentication Method')
  return { type: 'auth', reason, properties }
}
