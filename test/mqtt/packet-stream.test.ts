// Frames into packets: split, joined, kept across a hibernation, and refused early.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClientPacket, ProtocolVersion, PublishPacket } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation } from '../../src/mqtt/reason.ts'
import { decodeAll, framed, refusal, wire } from './wire.ts'

const CONNECT = framed(0x10, "0004 'MQTT' 05 02 0000 00 0001 'a'")
const PUBLISH = framed(0x30, `0001 't' 00 '${'x'.repeat(200)}'`)
const PINGREQ = wire('c000')
const CONVERSATION = join(CONNECT, PUBLISH, PINGREQ, PUBLISH, wire('e000'))

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]))
}

test('a frame may hold many packets [MQTT-6.0.0-2] [MQTT-6.0.0-2, 3.1.1]', () => {
  expect(decodeAll(0, CONVERSATION).map((p) => p.type)).toEqual([
    'connect',
    'publish',
    'pingreq',
    'publish',
    'disconnect',
  ])
})

test('any split of the bytes into frames gives the same packets [MQTT-6.0.0-2] [MQTT-6.0.0-2, 3.1.1]', () => {
  const whole = decodeAll(0, CONVERSATION)
  fc.assert(
    fc.property(fc.array(fc.nat(CONVERSATION.length), { maxLength: 12 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), CONVERSATION.length]
      const stream = new PacketStream(1000)
      const packets: ClientPacket[] = []
      for (let i = 1; i < edges.length; i++) {
        packets.push(...stream.read(CONVERSATION.subarray(edges[i - 1], edges[i]), 0))
      }
      expect(packets).toEqual(whole)
      expect(stream.pending).toHaveLength(0)
    }),
  )
})

test('byte by byte, with a new stream from what was pending after each, gives the same packets', () => {
  let version: ProtocolVersion | 0 = 0
  let pending: Uint8Array = new Uint8Array(0)
  const packets: ClientPacket[] = []
  for (const byte of CONVERSATION) {
    const stream: PacketStream = new PacketStream(1000, version, pending)
    packets.push(...stream.read(new Uint8Array([byte]), 0))
    version = stream.version
    pending = stream.pending
  }
  expect(packets).toEqual(decodeAll(0, CONVERSATION))
  expect(version).toBe(5)
})

test('whole packets in a frame are not copied', () => {
  const frame = join(PINGREQ, PUBLISH)
  const publish = decodeAll(5, frame)[1] as PublishPacket
  expect(publish.message.payload.buffer).toBe(frame.buffer)
})

test('packets after a completed one are not copied', () => {
  const stream = new PacketStream(1000, 5)
  expect([...stream.read(PUBLISH.subarray(0, 10), 0)]).toEqual([])
  const frame = join(PUBLISH.subarray(10), PUBLISH)
  const [first, second] = [...stream.read(frame, 0)] as PublishPacket[]
  expect(first).toEqual(second)
  expect(first?.message.payload.buffer).not.toBe(frame.buffer)
  expect(second?.message.payload.buffer).toBe(frame.buffer)
})

test('what is pending holds no more memory than its bytes and is safe from later frames', () => {
  const stream = new PacketStream(1000, 5)
  const frame = new Uint8Array(join(PINGREQ, PUBLISH.subarray(0, 3)))
  expect([...stream.read(frame, 0)]).toHaveLength(1)
  frame.fill(0)
  const { pending } = stream
  expect(pending).toEqual(PUBLISH.slice(0, 3))
  expect(pending.buffer.byteLength).toBe(3)
  expect([...stream.read(PUBLISH.subarray(3), 0)]).toHaveLength(1)
  expect(pending).toEqual(PUBLISH.slice(0, 3))
})

test('a Node Buffer is copied too where bytes are kept', () => {
  const stream = new PacketStream(1000, 5)
  const frame = Buffer.from(PUBLISH.subarray(0, 3))
  expect([...stream.read(frame, 0)]).toEqual([])
  frame.fill(0)
  expect(stream.pending).toEqual(PUBLISH.slice(0, 3))
})

test('an empty frame changes nothing', () => {
  const stream = new PacketStream(1000, 5)
  expect([...stream.read(new Uint8Array(0), 0)]).toEqual([])
  expect([...stream.read(PUBLISH.subarray(0, 1), 0)]).toEqual([])
  expect([...stream.read(new Uint8Array(0), 0)]).toEqual([])
  expect(stream.pending).toHaveLength(1)
})

test('packets before a bad one are yielded', () => {
  const seen: string[] = []
  const read = () => {
    for (const packet of new PacketStream(1000, 5).read(join(PINGREQ, PUBLISH, wire('c100')), 0)) {
      seen.push(packet.type)
    }
  }
  expect(refusal(read)).toBe('MalformedPacket')
  expect(seen).toEqual(['pingreq', 'publish'])
})

describe('refused at the fixed header', () => {
  test.each([
    ['five bytes of Remaining Length', 5, '30 80808080', 'MalformedPacket'],
    ['a Remaining Length that is longer than it need be', 5, '30 8000', 'MalformedPacket'],
    ['a packet above the maximum', 5, '30 e707', 'PacketTooLarge'],
    ['the largest packet there is', 4, '30 ffffff7f', 'PacketTooLarge'],
    ['anything but CONNECT first', 0, '30', 'ProtocolError'],
  ] as const)('%s', (_, version, bytes, reason) => {
    expect(refusal(() => [...new PacketStream(1000, version).read(wire(bytes), 0)])).toBe(reason)
    const stream = new PacketStream(1000, version)
    const byteByByte = () => {
      for (const byte of wire(bytes)) expect([...stream.read(new Uint8Array([byte]), 0)]).toEqual([])
    }
    expect(refusal(byteByByte)).toBe(reason)
  })

  test('a packet of just the maximum passes', () => {
    expect([...new PacketStream(PUBLISH.length, 5).read(PUBLISH, 0)]).toHaveLength(1)
    expect(refusal(() => [...new PacketStream(PUBLISH.length - 1, 5).read(PUBLISH, 0)])).toBe(
      'PacketTooLarge',
    )
  })
})

test('a megabyte in pieces of 16 bytes is put together in linear time', () => {
  const size = 1024 * 1024
  const packet = new Uint8Array(size)
  packet.set(wire("30 8c8040 0001 't' 00"))
  const stream = new PacketStream(size + 16, 5)
  const packets: ClientPacket[] = []
  const start = performance.now()
  for (let at = 0; at < size; at += 16) packets.push(...stream.read(packet.subarray(at, at + 16), 0))
  expect(packets).toHaveLength(0)
  packets.push(...stream.read(new Uint8Array(16), 0))
  expect(packets).toHaveLength(1)
  // Copying all that is kept at each piece would be 34 GB.
  expect(performance.now() - start).toBeLessThan(2000)
})

test('garbage is refused with a ProtocolViolation or read, and nothing else', () => {
  const header = fc.constantFrom(
    0x10,
    0x30,
    0x32,
    0x34,
    0x3b,
    0x40,
    0x50,
    0x62,
    0x70,
    0x82,
    0xa2,
    0xc0,
    0xe0,
    0xf0,
  )
  const anything = fc.uint8Array({ maxLength: 64 })
  const plausible = fc.tuple(header, anything).map(([h, body]) => new Uint8Array([h, body.length, ...body]))
  const connect = anything.map((body) => {
    const head = wire("0004 'MQTT' 05")
    return new Uint8Array([0x10, head.length + body.length, ...head, ...body])
  })
  const frames = fc.oneof(anything, plausible, connect, mutated())
  fc.assert(
    fc.property(fc.constantFrom(0, 4, 5), fc.array(frames, { maxLength: 4 }), (version, parts) => {
      const stream = new PacketStream(500, version as 0 | 4 | 5)
      try {
        for (const part of parts)
          for (const packet of stream.read(part, 0)) expect(packet.type).toBeTypeOf('string')
      } catch (error) {
        if (!(error instanceof ProtocolViolation)) throw error
      }
      expect(stream.pending.length).toBeLessThanOrEqual(500)
    }),
    { numRuns: 20_000 },
  )
})

/** A sound conversation with a few bytes changed. */
function mutated(): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 255 }))
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const bytes = CONVERSATION.slice()
    for (const [at, value] of changes) bytes[at] = value
    return bytes
  })
}
