// The 5.0 properties that describe a message's payload and its response, for messages that the server itself writes or reads.
import { BytesReader } from './bytes-reader.ts'
import { BytesWriter, stringBytes } from './bytes-writer.ts'

const PAYLOAD_FORMAT_INDICATOR = 0x01
const CONTENT_TYPE = 0x03
const RESPONSE_TOPIC = 0x08
const CORRELATION_DATA = 0x09
const USER_PROPERTY = 0x26

export interface Description {
  /** The payload is UTF-8. */
  readonly text?: boolean
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlation?: Uint8Array
  readonly userProperties?: readonly (readonly [string, string])[]
}

/** Properties as a `Message` has them. Throws a RangeError where a string is longer than MQTT takes. */
export function describe(said: Description): Uint8Array {
  const { text, contentType, responseTopic, correlation, userProperties = [] } = said
  let bytes = text === true ? 2 : 0
  if (contentType !== undefined) bytes += 1 + stringBytes(contentType)
  if (responseTopic !== undefined) bytes += 1 + stringBytes(responseTopic)
  if (correlation !== undefined) bytes += 3 + correlation.length
  for (const [name, value] of userProperties) bytes += 1 + stringBytes(name) + stringBytes(value)
  const writer = new BytesWriter(bytes)
  if (text === true) {
    writer.u8(PAYLOAD_FORMAT_INDICATOR)
    writer.u8(1)
  }
  if (contentType !== undefined) {
    writer.u8(CONTENT_TYPE)
    writer.string(contentType)
  }
  if (responseTopic !== undefined) {
    writer.u8(RESPONSE_TOPIC)
    writer.string(responseTopic)
  }
  if (correlation !== undefined) {
    writer.u8(CORRELATION_DATA)
    writer.binary(correlation)
  }
  for (const [name, value] of userProperties) {
    writer.u8(USER_PROPERTY)
    writer.string(name)
    writer.string(value)
  }
  return writer.finish()
}

/** @param properties of a `Message`: they were checked when it came in */
export function described(properties: Uint8Array): Description {
  const reader = new BytesReader(properties)
  const userProperties: [string, string][] = []
  const said: { -readonly [K in keyof Description]: Description[K] } = {}
  while (reader.at < reader.end) {
    const id = reader.u8()
    if (id === PAYLOAD_FORMAT_INDICATOR) said.text = reader.u8() === 1
    else if (id === CONTENT_TYPE) said.contentType = reader.string()
    else if (id === RESPONSE_TOPIC) said.responseTopic = reader.string()
    else if (id === CORRELATION_DATA) said.correlation = reader.binary()
    else if (id === USER_PROPERTY) userProperties.push([reader.string(), reader.string()])
    else throw new Error(`property 0x${id.toString(16)} was kept with a message`)
  }
  return userProperties.length === 0 ? said : { ...said, userProperties }
}
