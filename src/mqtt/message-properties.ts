// The 5.0 properties of a message, in PUBLISH and in the will: checked where they come in, then carried as bytes.
import { BytesReader, malformed, NO_BYTES, protocolError } from './bytes-reader.ts'
import { readBit } from './properties.ts'
import { ProtocolViolation, Reason } from './reason.ts'
import { hasWildcard } from './topic.ts'

const PAYLOAD_FORMAT_INDICATOR = 0x01
export const MESSAGE_EXPIRY_INTERVAL = 0x02
const CONTENT_TYPE = 0x03
const RESPONSE_TOPIC = 0x08
const CORRELATION_DATA = 0x09
export const SUBSCRIPTION_IDENTIFIER = 0x0b
const WILL_DELAY_INTERVAL = 0x18
export const TOPIC_ALIAS = 0x23
const USER_PROPERTY = 0x26

export interface MessageProperties {
  /** The properties that travel on with the message: a view if they lie in one piece, else a copy. */
  properties: Uint8Array
  /** Null if the packet has none. */
  expirySeconds: number | null
  /** PUBLISH only; 0 if the packet has none. */
  topicAlias: number
  /** Will only. */
  delaySeconds: number
}

const NONE: Readonly<MessageProperties> = Object.freeze({
  properties: NO_BYTES,
  expirySeconds: null,
  topicAlias: 0,
  delaySeconds: 0,
})

/** Reads a block of properties with its length in front, and takes out those that belong to this hop only. */
export function readMessageProperties(
  reader: BytesReader,
  carrier: 'publish' | 'will',
): Readonly<MessageProperties> {
  const packetEnd = reader.end
  const blockEnd = reader.blockEnd()
  const blockStart = reader.at
  if (blockEnd === blockStart) return NONE
  reader.end = blockEnd

  const found: MessageProperties = {
    properties: NO_BYTES,
    expirySeconds: null,
    topicAlias: 0,
    delaySeconds: 0,
  }
  // At most two properties are taken out, so the rest lies in at most three pieces.
  let firstCut = blockEnd
  let firstResume = blockEnd
  let secondCut = blockEnd
  let secondResume = blockEnd
  let seen = 0

  while (reader.at < blockEnd) {
    const start = reader.at
    const id = reader.u8()
    const belongsToHop = readMessageProperty(reader, carrier, id, found)
    if (id !== USER_PROPERTY) {
      // The Topic Alias is the only identifier past 31 that came this far.
      const bit = 1 << (id === TOPIC_ALIAS ? 31 : id)
      if ((seen & bit) !== 0) throw protocolError(`property 0x${id.toString(16)} stands twice`)
      seen |= bit
    }
    if (!belongsToHop) continue
    if (firstCut === blockEnd) {
      firstCut = start
      firstResume = reader.at
    } else {
      secondCut = start
      secondResume = reader.at
    }
  }
  reader.end = packetEnd
  found.properties = join(
    reader.view(blockStart, firstCut),
    reader.view(firstResume, secondCut),
    reader.view(secondResume, blockEnd),
  )
  return found
}

/** Whether the property is to be taken out. */
function readMessageProperty(
  reader: BytesReader,
  carrier: 'publish' | 'will',
  id: number,
  found: MessageProperties,
): boolean {
  switch (id) {
    case PAYLOAD_FORMAT_INDICATOR:
      readBit(reader, 'Payload Format Indicator')
      return false
    case MESSAGE_EXPIRY_INTERVAL:
      found.expirySeconds = reader.u32()
      return true
    case CONTENT_TYPE:
      reader.string()
      return false
    case RESPONSE_TOPIC: {
      const topic = reader.string()
      // [MQTT-3.3.2-14]; a topic name is never empty. [MQTT-4.7.3-1]
      if (topic === '' || hasWildcard(topic)) throw protocolError('the Response Topic is not a topic name')
      return false
    }
    case CORRELATION_DATA:
      reader.binary()
      return false
    case USER_PROPERTY:
      reader.string()
      reader.string()
      return false
    case TOPIC_ALIAS:
      if (carrier === 'will') break
      found.topicAlias = reader.u16()
      // [MQTT-3.3.2-8]
      if (found.topicAlias === 0) throw new ProtocolViolation(Reason.TopicAliasInvalid, 'topic alias 0')
      return true
    case WILL_DELAY_INTERVAL:
      if (carrier === 'publish') break
      found.delaySeconds = reader.u32()
      return true
    case SUBSCRIPTION_IDENTIFIER:
      if (carrier === 'will') break
      // [MQTT-3.3.4-6]
      throw protocolError('a client may not send a Subscription Identifier in PUBLISH')
  }
  // Section 2.2.2.2.
  throw malformed(`property 0x${id.toString(16)} does not belong to a message`)
}

function join(a: Uint8Array, b: Uint8Array, c: Uint8Array): Uint8Array {
  const bytes = a.length + b.length + c.length
  if (bytes === a.length) return a
  if (bytes === b.length) return b
  if (bytes === c.length) return c
  const joined = new Uint8Array(bytes)
  joined.set(a, 0)
  joined.set(b, a.length)
  joined.set(c, a.length + b.length)
  return joined
}

/**
 * The first User Property of that name among a message's properties, or null.
 * @param properties of a `Message`: checked when the packet was decoded, without properties of one hop
 */
export function userProperty(properties: Uint8Array, name: string): string | null {
  // Every message is asked, and most have no properties.
  if (properties.indexOf(USER_PROPERTY) < 0) return null
  const reader = new BytesReader(properties)
  const left: MessageProperties = { properties, expirySeconds: null, topicAlias: 0, delaySeconds: 0 }
  while (reader.at < properties.length) {
    const id = reader.u8()
    if (id !== USER_PROPERTY) readMessageProperty(reader, 'publish', id, left)
    else {
      const key = reader.string()
      const value = reader.string()
      if (key === name) return value
    }
  }
  return null
}
