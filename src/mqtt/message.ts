// The application message as slices of the publisher's own bytes, and the record in which a message travels between actors and is
// stored.
import { BytesReader } from './bytes-reader.ts'
import { BytesWriter, stringBytes, varintBytes } from './bytes-writer.ts'
import type { QoS } from './packet.ts'

export interface Message {
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
  /**
   * The 5.0 properties as the publisher sent them, without their length and without the properties of one hop: Topic Alias,
   * Subscription Identifier, and Message Expiry Interval, which `expiresAt` replaces.
   */
  readonly properties: Uint8Array
  readonly payload: Uint8Array
  /** Expiry, milliseconds since the epoch; 0 for never. */
  readonly expiresAt: number
  /** `durability: global`: acknowledge only when the core's store has the message. Absent in the usual case. */
  readonly global?: true
  /** Names a QoS 2 message: a session recognises the copy that a repeated call between actors brings. */
  readonly origin?: string
  /** Its place in the home's order, where the home keeps it in the history: a replay tells by it what it has given. */
  readonly kept?: Kept
  /** Of a retained message: the epoch of the home that accepted it, by which a later home tells which of two is newer. */
  readonly retainedAt?: number
  /**
   * The publisher has its acknowledgement already, since an outbox or a backlog stored the message. A receiver accepts it even
   * beyond its bounds. `again`: sent a second time, since a receiver had no room or an actor failed.
   */
  readonly acknowledged?: 'new' | 'again'
}

/** Names a message of a root for good. */
export interface Kept {
  /** The home's. */
  readonly epoch: number
  /** Grows with each message that this home keeps. */
  readonly number: number
}

const RETAIN = 0x04
const EXPIRES = 0x08
const GLOBAL = 0x10
const ORIGIN = 0x20
const KEPT = 0x40
/** A second byte of flags follows. */
const MORE = 0x80
const RETAINED_AT = 0x01
const ACKNOWLEDGED = 0x02
const ACKNOWLEDGED_AGAIN = 0x04
const QOS = 0x03

/**
 * u8 flags (QoS, retain, expires, global, origin, kept, more), f64 `expiresAt` if it expires, u8 more flags (`retainedAt`,
 * acknowledged, again) if there are any, the origin if it has one, u32 epoch and f64 number if it is kept, u32 `retainedAt` if it has
 * that, topic, properties, payload. One allocation.
 */
export function encodeMessage(message: Message): Uint8Array {
  const { topic, properties, payload, expiresAt, origin, kept, retainedAt, acknowledged } = message
  const expires = expiresAt !== 0
  const named = origin === undefined ? 0 : stringBytes(origin)
  const more =
    (retainedAt === undefined ? 0 : RETAINED_AT) |
    (acknowledged === undefined
      ? 0
      : acknowledged === 'new'
        ? ACKNOWLEDGED
        : ACKNOWLEDGED | ACKNOWLEDGED_AGAIN)
  const place = (kept === undefined ? 0 : 12) + (more > 0 ? 1 : 0) + (retainedAt === undefined ? 0 : 4)
  const head = 1 + (expires ? 8 : 0) + named + place + stringBytes(topic) + varintBytes(properties.length)
  const writer = new BytesWriter(head + properties.length + payload.length)
  writer.u8(
    message.qos |
      (message.retain ? RETAIN : 0) |
      (expires ? EXPIRES : 0) |
      (message.global ? GLOBAL : 0) |
      (named > 0 ? ORIGIN : 0) |
      (kept === undefined ? 0 : KEPT) |
      (more > 0 ? MORE : 0),
  )
  if (expires) {
    new DataView(writer.bytes.buffer).setFloat64(1, expiresAt)
    writer.at += 8
  }
  if (more > 0) writer.u8(more)
  if (origin !== undefined) writer.string(origin)
  if (kept !== undefined) {
    writer.u32(kept.epoch)
    new DataView(writer.bytes.buffer).setFloat64(writer.at, kept.number)
    writer.at += 8
  }
  if (retainedAt !== undefined) writer.u32(retainedAt)
  writer.string(topic)
  writer.varint(properties.length)
  writer.raw(properties)
  writer.raw(payload)
  return writer.finish()
}

/** Whether a record's message expires. */
export function hasExpiry(record: Uint8Array): boolean {
  return ((record[0] ?? 0) & EXPIRES) !== 0
}

/** Moves the expiry of a record's message by the difference of two clocks, in place. False if the message never expires. */
export function moveExpiry(record: Uint8Array, byMs: number): boolean {
  if (!hasExpiry(record)) return false
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  view.setFloat64(1, view.getFloat64(1) + byMs)
  return true
}

/** The message of a record, as views of the record's bytes. Throws an Error on a record that `encodeMessage` cannot have made. */
export function decodeMessage(record: Uint8Array): Message {
  try {
    return readMessage(record)
  } catch (cause) {
    // Not the client's fault: a ProtocolViolation from here would close the wrong connection.
    throw new Error('not a message record', { cause })
  }
}

function readMessage(record: Uint8Array): Message {
  const reader = new BytesReader(record)
  const flags = reader.u8()
  const qos = flags & QOS
  if (qos === 3) throw new Error(`flags ${flags}`)
  let expiresAt = 0
  if ((flags & EXPIRES) !== 0) {
    if (record.length < 9) throw new Error('the record ends too early')
    expiresAt = new DataView(record.buffer, record.byteOffset + 1, 8).getFloat64(0)
    if (!Number.isFinite(expiresAt) || expiresAt === 0) throw new Error(`expires at ${expiresAt}`)
    reader.at += 8
  }
  const more = (flags & MORE) !== 0 ? reader.u8() : 0
  if (((flags & MORE) !== 0 && more === 0) || more > (RETAINED_AT | ACKNOWLEDGED | ACKNOWLEDGED_AGAIN))
    throw new Error(`more flags ${more}`)
  if ((more & (ACKNOWLEDGED | ACKNOWLEDGED_AGAIN)) === ACKNOWLEDGED_AGAIN)
    throw new Error(`more flags ${more}`)
  const origin = (flags & ORIGIN) !== 0 ? reader.string() : null
  const kept = (flags & KEPT) !== 0 ? readKept(reader) : null
  const retainedAt = (more & RETAINED_AT) !== 0 ? reader.u32() : null
  const topic = reader.string()
  const propertiesEnd = reader.blockEnd()
  const properties = reader.view(reader.at, propertiesEnd)
  reader.at = propertiesEnd
  const message = {
    topic,
    qos: qos as QoS,
    retain: (flags & RETAIN) !== 0,
    properties,
    payload: reader.rest(),
    expiresAt,
    ...(origin !== null && { origin }),
    ...(kept !== null && { kept }),
    ...(retainedAt !== null && { retainedAt }),
    ...((more & ACKNOWLEDGED) !== 0 && {
      acknowledged: (more & ACKNOWLEDGED_AGAIN) !== 0 ? ('again' as const) : ('new' as const),
    }),
  }
  return (flags & GLOBAL) === 0 ? message : { ...message, global: true }
}

function readKept(reader: BytesReader): Kept {
  const epoch = reader.u32()
  const { bytes, at } = reader
  if (at + 8 > reader.end) throw new Error('the record ends too early')
  const number = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0)
  if (!Number.isSafeInteger(number)) throw new Error(`kept at ${number}`)
  reader.at += 8
  return { epoch, number }
}
