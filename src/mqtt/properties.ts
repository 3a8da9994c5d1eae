// The 5.0 properties of every packet but PUBLISH and the will: one table, read and written by it.
import { type BytesReader, malformed, protocolError } from './bytes-reader.ts'
import { type BytesWriter, stringBytes, varintBytes } from './bytes-writer.ts'
import type { Properties } from './packet.ts'
import { PacketType } from './packet-type.ts'

type Kind = 'boolean' | 'bit' | 'u16' | 'u32' | 'varint' | 'string' | 'binary' | 'pairs'

interface Property {
  readonly id: number
  readonly name: keyof Properties
  readonly kind: Kind
  /** A bit for each packet type that may carry it. */
  readonly carriers: number
  readonly zeroAllowed: boolean
}

export const NO_PROPERTIES: Properties = Object.freeze({})

const { Connect, Connack, Subscribe, Suback, Unsubscribe, Unsuback, Disconnect, Auth } = PacketType
const ACKS = [PacketType.Puback, PacketType.Pubrec, PacketType.Pubrel, PacketType.Pubcomp]

// Table 2-4 of the specification, without what only messages have.
const TABLE: readonly Property[] = [
  property(0x0b, 'subscriptionIdentifier', 'varint', [Subscribe], false),
  property(0x11, 'sessionExpiryInterval', 'u32', [Connect, Connack, Disconnect]),
  property(0x12, 'assignedClientIdentifier', 'string', [Connack]),
  property(0x13, 'serverKeepAlive', 'u16', [Connack]),
  property(0x15, 'authenticationMethod', 'string', [Connect, Connack, Auth]),
  property(0x16, 'authenticationData', 'binary', [Connect, Connack, Auth]),
  property(0x17, 'requestProblemInformation', 'boolean', [Connect]),
  property(0x19, 'requestResponseInformation', 'boolean', [Connect]),
  property(0x1a, 'responseInformation', 'string', [Connack]),
  property(0x1c, 'serverReference', 'string', [Connack, Disconnect]),
  property(0x1f, 'reasonString', 'string', [Connack, ...ACKS, Suback, Unsuback, Disconnect, Auth]),
  property(0x21, 'receiveMaximum', 'u16', [Connect, Connack], false),
  property(0x22, 'topicAliasMaximum', 'u16', [Connect, Connack]),
  property(0x24, 'maximumQoS', 'bit', [Connack]),
  property(0x25, 'retainAvailable', 'boolean', [Connack]),
  property(0x26, 'userProperties', 'pairs', [
    ...[Connect, Connack, ...ACKS],
    ...[Subscribe, Suback, Unsubscribe, Unsuback, Disconnect, Auth],
  ]),
  property(0x27, 'maximumPacketSize', 'u32', [Connect, Connack], false),
  property(0x28, 'wildcardSubscriptionAvailable', 'boolean', [Connack]),
  property(0x29, 'subscriptionIdentifiersAvailable', 'boolean', [Connack]),
  property(0x2a, 'sharedSubscriptionAvailable', 'boolean', [Connack]),
]

const BY_ID: readonly (Property | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  TABLE.find((p) => p.id === id),
)
const BY_NAME: ReadonlyMap<string, Property> = new Map(TABLE.map((p) => [p.name, p]))

/** Reads a block of properties with its length in front. */
export function readProperties(reader: BytesReader, type: PacketType): Properties {
  const packetEnd = reader.end
  const blockEnd = reader.blockEnd()
  if (blockEnd === reader.at) return NO_PROPERTIES
  reader.end = blockEnd
  const properties: Record<string, unknown> = {}
  const pairs: [string, string][] = []
  while (reader.at < blockEnd) {
    const id = reader.u8()
    const entry = BY_ID[id]
    // Section 2.2.2.2: an identifier that is not valid for the packet type makes the packet malformed.
    if (entry === undefined || (entry.carriers & (1 << type)) === 0) {
      throw malformed(`property 0x${id.toString(16)} does not belong in this packet`)
    }
    if (entry.kind === 'pairs') {
      pairs.push([reader.string(), reader.string()])
      properties.userProperties = pairs
      continue
    }
    if (entry.name in properties) throw protocolError(`${entry.name} stands twice`)
    properties[entry.name] = readValue(reader, entry)
  }
  reader.end = packetEnd
  return properties
}

function readValue(reader: BytesReader, entry: Property): unknown {
  switch (entry.kind) {
    case 'boolean':
      return readBit(reader, entry.name) === 1
    case 'bit':
      return readBit(reader, entry.name)
    case 'string':
      return reader.string()
    case 'binary':
      return reader.binary()
    default: {
      const value =
        entry.kind === 'u16' ? reader.u16() : entry.kind === 'u32' ? reader.u32() : reader.varint()
      if (value === 0 && !entry.zeroAllowed) throw protocolError(`${entry.name} must not be 0`)
      return value
    }
  }
}

export function readBit(reader: BytesReader, name: string): number {
  const value = reader.u8()
  if (value > 1) throw protocolError(`${name} must be 0 or 1`)
  return value
}

/** The block's size without its length. Throws on a property that the packet may not carry: a bug of the caller. */
export function propertiesBytes(properties: Properties, type: PacketType): number {
  let bytes = 0
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    const entry = BY_NAME.get(name)
    if (entry === undefined || (entry.carriers & (1 << type)) === 0) {
      throw new Error(`${name} does not belong in packet type ${type}`)
    }
    bytes += valueBytes(entry.kind, value)
  }
  return bytes
}

function valueBytes(kind: Kind, value: unknown): number {
  switch (kind) {
    case 'boolean':
    case 'bit':
      return 2
    case 'u16':
      return 3
    case 'u32':
      return 5
    case 'varint':
      return 1 + varintBytes(value as number)
    case 'string':
      return 1 + stringBytes(value as string)
    case 'binary':
      return 3 + (value as Uint8Array).length
    case 'pairs': {
      let bytes = 0
      for (const [name, text] of value as readonly (readonly [string, string])[]) {
        bytes += 1 + stringBytes(name) + stringBytes(text)
      }
      return bytes
    }
    default:
      return kind satisfies never
  }
}

/** Writes the block's length and the block; `propertiesBytes` counted its size. */
export function writeProperties(writer: BytesWriter, properties: Properties, bytes: number): void {
  writer.varint(bytes)
  if (bytes === 0) return
  for (const [name, value] of Object.entries(properties)) {
    const entry = value === undefined ? undefined : BY_NAME.get(name)
    if (entry !== undefined) writeValue(writer, entry, value)
  }
}

function writeValue(writer: BytesWriter, entry: Property, value: unknown): void {
  if (entry.kind === 'pairs') {
    for (const [name, text] of value as readonly (readonly [string, string])[]) {
      writer.u8(entry.id)
      writer.string(name)
      writer.string(text)
    }
    return
  }
  writer.u8(entry.id)
  switch (entry.kind) {
    case 'boolean':
    case 'bit':
      writer.u8(Number(value))
      break
    case 'u16':
      writer.u16(value as number)
      break
    case 'u32':
      writer.u32(value as number)
      break
    case 'varint':
      writer.varint(value as number)
      break
    case 'string':
      writer.string(value as string)
      break
    case 'binary':
      writer.binary(value as Uint8Array)
      break
    default:
      entry.kind satisfies never
  }
}

function property(
  id: number,
  name: keyof Properties,
  kind: Kind,
  carriers: readonly PacketType[],
  zeroAllowed = true,
): Property {
  return { id, name, kind, carriers: carriers.reduce((bits, type) => bits | (1 << type), 0), zeroAllowed }
}
