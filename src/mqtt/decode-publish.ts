// Decodes PUBLISH, the packet of the hot path: topic, properties and payload stay views of the client's own bytes.
import { BytesReader, malformed, NO_BYTES, protocolError } from './bytes-reader.ts'
import { readMessageProperties } from './message-properties.ts'
import type { ProtocolVersion, PublishPacket, QoS } from './packet.ts'
import { ProtocolViolation, Reason } from './reason.ts'
import { hasWildcard } from './topic.ts'

export function decodePublish(
  version: ProtocolVersion,
  header: number,
  body: Uint8Array,
  now: number,
): PublishPacket {
  const qos = (header >> 1) & 3
  const dup = (header & 8) !== 0
  if (qos === 3) throw malformed('PUBLISH with QoS 3') // [MQTT-3.3.1-4]
  if (dup && qos === 0) throw protocolError('DUP with QoS 0') // [MQTT-3.3.1-2]

  const reader = new BytesReader(body)
  const topic = reader.string()
  const packetId = qos === 0 ? 0 : readPacketId(reader) // [MQTT-2.2.1-2]
  let properties = NO_BYTES
  let expiresAt = 0
  let topicAlias = 0
  if (version === 5) {
    const found = readMessageProperties(reader, 'publish')
    properties = found.properties
    topicAlias = found.topicAlias
    if (found.expirySeconds !== null) expiresAt = now + found.expirySeconds * 1000
  }
  // Section 3.3.2.1 of 5.0: with an alias the name may be empty.
  if (topic.length > 0 || topicAlias === 0) checkTopicName(topic, version)
  return {
    type: 'publish',
    dup,
    packetId,
    topicAlias,
    message: {
      topic,
      qos: qos as QoS,
      retain: (header & 1) !== 0,
      properties,
      payload: reader.rest(),
      expiresAt,
    },
  }
}

/** Refuses a name that no message can be published to; its UTF-8 was checked when it was read. */
export function checkTopicName(topic: string, version: ProtocolVersion): void {
  if (topic.length === 0) {
    throw version === 5
      ? protocolError('neither a topic nor an alias')
      : new ProtocolViolation(Reason.TopicNameInvalid, 'an empty topic') // [MQTT-4.7.3-1]
  }
  // [MQTT-3.3.2-2]
  if (hasWildcard(topic)) throw new ProtocolViolation(Reason.TopicNameInvalid, 'a wildcard in a topic name')
}

// [MQTT-2.2.1-3]
export function readPacketId(reader: BytesReader): number {
  const packetId = reader.u16()
  if (packetId === 0) throw protocolError('packet identifier 0')
  return packetId
}
