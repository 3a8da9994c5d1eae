// mqtt-packet as the codec's oracle: random fields, and the two spellings of the same packet.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { generate, type Packet, parser, type UserProperties } from 'mqtt-packet'
import type { Properties, ProtocolVersion, QoS } from '../../src/mqtt/packet.ts'

export const RUNS = { numRuns: 1000 }
export const NOW = 1_700_000_000_000

export const versions = fc.constantFrom<ProtocolVersion>(4, 5)
export const text = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((s) => !s.includes('\0'))
export const topics = text.map((s) => s.replace(/[+#/]/g, 'x'))
export const bytes = fc.uint8Array({ minLength: 1, maxLength: 60 })
export const u16 = fc.integer({ min: 1, max: 0xffff })
export const u32 = fc.integer({ min: 1, max: 0xffffffff })
export const qos = fc.constantFrom<QoS>(0, 1, 2)
export const identifiers = fc.integer({ min: 1, max: 268_435_455 })
export const userProperties = fc.dictionary(
  fc.constantFrom('a', 'b', 'ключ'),
  fc.array(text, { minLength: 1, maxLength: 3 }),
  { minKeys: 1, noNullPrototype: true },
)
export const optional = { requiredKeys: [], noNullPrototype: true }

/** Both spellings of some properties: mqtt-packet's object and our fields, which differ in user properties only. */
export function ours(properties: object): Properties {
  const entries = Object.entries(properties).map(([name, value]) => [
    name,
    name === 'userProperties'
      ? pairs(value as Record<string, string[]>)
      : value instanceof Uint8Array
        ? plain(value)
        : value,
  ])
  return Object.fromEntries(entries)
}

export function pairs(users: Record<string, string[]>): [string, string][] {
  return Object.entries(users).flatMap(([name, values]) => values.map((v): [string, string] => [name, v]))
}

/** What mqtt-packet wants: Buffers for bytes. */
export function theirs(properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([k, v]) => [k, v instanceof Uint8Array ? Buffer.from(v) : v]),
  )
}

export function plain(view: Uint8Array): Uint8Array {
  return new Uint8Array(view)
}

export function generated(packet: object, version: ProtocolVersion): Uint8Array {
  return plain(generate(packet as Packet, { protocolVersion: version }))
}

export function parsed(version: ProtocolVersion, encoded: Uint8Array): Record<string, unknown> {
  const packets: Packet[] = []
  const p = parser({ protocolVersion: version })
  p.on('packet', (packet) => packets.push(packet))
  p.on('error', (error: unknown) => {
    throw error
  })
  assert.equal(p.parse(Buffer.from(encoded)), 0, 'bytes are left over')
  assert.equal(packets.length, 1)
  return packets[0] as unknown as Record<string, unknown>
}

/** mqtt-packet's properties as ours: one value of a user property is not in an array there. */
export function parsedProperties(packet: Record<string, unknown>): Properties {
  const { userProperties: users, ...rest } = (packet.properties ?? {}) as Record<string, unknown>
  const lists = Object.entries((users ?? {}) as UserProperties).map(([k, v]) => [k, [v].flat()])
  return ours({ ...rest, ...(users === undefined ? {} : { userProperties: Object.fromEntries(lists) }) })
}
