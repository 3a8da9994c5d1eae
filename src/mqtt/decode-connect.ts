// Decodes CONNECT, which names its own protocol version.
import { BytesReader, malformed, NO_BYTES, protocolError } from './bytes-reader.ts'
import { checkTopicName } from './decode-publish.ts'
import { readMessageProperties } from './message-properties.ts'
import type { ConnectPacket, ProtocolVersion, QoS, Will } from './packet.ts'
import { PacketType } from './packet-type.ts'
import { NO_PROPERTIES, readProperties } from './properties.ts'
import { ProtocolViolation, Reason, type ReasonCode } from './reason.ts'

/** Of a protocol level: mosquitto's bridges set it. */
const BRIDGE_BIT = 0x80

const Flag = {
  Reserved: 0x01,
  CleanStart: 0x02,
  Will: 0x04,
  WillQoSAndRetain: 0x38,
  WillRetain: 0x20,
  Password: 0x40,
  Username: 0x80,
} as const

/** A CONNECT that cannot be taken. */
export class ConnectViolation extends ProtocolViolation {
  /** The version whose CONNACK says why; null if the client gets none. */
  readonly answerIn: ProtocolVersion | null

  constructor(reason: ReasonCode, message: string, answerIn: ProtocolVersion | null) {
    super(reason, message)
    this.name = 'ConnectViolation'
    this.answerIn = answerIn
  }
}

/** @param header the first byte of the packet. Throws a ConnectViolation. */
export function decodeConnect(header: number, body: Uint8Array): ConnectPacket {
  const reader = new BytesReader(body)
  let protocolVersion: ProtocolVersion | null = null
  try {
    protocolVersion = readProtocolVersion(reader)
    if ((header & 0x0f) !== 0) throw malformed('reserved flags of the fixed header are set wrongly') // [MQTT-2.1.3-1]
    return readConnect(reader, protocolVersion)
  } catch (violation) {
    if (!(violation instanceof ProtocolViolation) || violation instanceof ConnectViolation) throw violation
    // A 3.1.1 client gets no CONNACK for a malformed packet. [MQTT-3.1.4-1, 3.1.1] [MQTT-3.1.4-2]
    throw new ConnectViolation(violation.reason, violation.message, protocolVersion === 5 ? 5 : null)
  }
}

/**
 * The refusal of a CONNECT that is too large to be read.
 * @param begun its first bytes, after the fixed header: the version is read from them, if they have arrived
 */
export function tooLargeConnect(size: number, begun: Uint8Array): ConnectViolation {
  const message = `a CONNECT of ${size} bytes`
  try {
    return new ConnectViolation(
      Reason.PacketTooLarge,
      message,
      readProtocolVersion(new BytesReader(begun)) === 5 ? 5 : null,
    )
  } catch (violation) {
    if (!(violation instanceof ProtocolViolation)) throw violation
    return violation instanceof ConnectViolation
      ? violation
      : new ConnectViolation(Reason.PacketTooLarge, message, null)
  }
}

function readConnect(reader: BytesReader, protocolVersion: ProtocolVersion): ConnectPacket {
  const flags = reader.u8()
  if ((flags & Flag.Reserved) !== 0) throw malformed('the reserved connect flag is set') // [MQTT-3.1.2-3]
  const hasWill = (flags & Flag.Will) !== 0
  if (!hasWill && (flags & Flag.WillQoSAndRetain) !== 0) {
    throw malformed('will flags without a will') // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
  }
  const willQoS = (flags >> 3) & 3
  if (willQoS === 3) throw malformed('a will with QoS 3') // [MQTT-3.1.2-12]
  const hasUsername = (flags & Flag.Username) !== 0
  const hasPassword = (flags & Flag.Password) !== 0
  if (protocolVersion === 4 && hasPassword && !hasUsername) {
    throw malformed('a password without a user name') // [MQTT-3.1.2-22, 3.1.1]
  }
  const keepAlive = reader.u16()
  const properties = protocolVersion === 5 ? readProperties(reader, PacketType.Connect) : NO_PROPERTIES
  // Section 3.1.2.11.10.
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('Authentication Data without a method')
  }
  // The order of the payload. [MQTT-3.1.3-1]
  const clientId = reader.string()
  const will = hasWill
    ? readWill(reader, protocolVersion, willQoS as QoS, (flags & Flag.WillRetain) !== 0)
    : null
  const username = hasUsername ? reader.string() : null
  const password = hasPassword ? reader.binary() : null
  reader.finish()
  return {
    type: 'connect',
    protocolVersion,
    clientId,
    cleanStart: (flags & Flag.CleanStart) !== 0,
    keepAlive,
    username,
    password,
    will,
    properties,
  }
}

// [MQTT-3.1.2-1], [MQTT-3.1.2-2]
function readProtocolVersion(reader: BytesReader): ProtocolVersion {
  const name = reader.string()
  const level = reader.u8()
  if (name === 'MQTT' && (level === 4 || level === 5)) return level
  const found =
    name === 'MQIsdp' ? 'MQTT 3.1 (MQIsdp)' : `protocol ${JSON.stringify(name.slice(0, 16))} level ${level}`
  throw new ConnectViolation(
    Reason.UnsupportedProtocolVersion,
    `${found} is not spoken here: set the client to MQTT 3.1.1 or 5.0`,
    // A later version has the CONNACK of 5.0, any other understands that of 3.1.1. [MQTT-3.1.2-2] [MQTT-3.1.2-2, 3.1.1]
    name === 'MQTT' && level > 5 && level < BRIDGE_BIT ? 5 : 4,
  )
}

function readWill(reader: BytesReader, version: ProtocolVersion, qos: QoS, retain: boolean): Will {
  const found = version === 5 ? readMessageProperties(reader, 'will') : null
  const topic = reader.string()
  if (topic.length === 0) throw new ProtocolViolation(Reason.TopicNameInvalid, 'a will without a topic')
  checkTopicName(topic, version)
  return {
    message: {
      topic,
      qos,
      retain,
      properties: found?.properties ?? NO_BYTES,
      payload: reader.binary(),
      expiresAt: 0,
    },
    delaySeconds: found?.delaySeconds ?? 0,
    expirySeconds: found?.expirySeconds ?? null,
  }
}
