// Fuzz: random bytes and broken packets are refused with a reason code of the specification, and never kept unbounded.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Delivery, encodePublish, publishSize } from '../../src/mqtt/encode.ts'
import { decodeMessage, encodeMessage } from '../../src/mqtt/message.ts'
import type { ClientPacket, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { ProtocolViolation } from '../../src/mqtt/reason.ts'
import { isTopicName } from '../../src/mqtt/topic.ts'
import { connect, later } from '../mqtt/client-packets.ts'
import { NOW } from '../mqtt/oracle.ts'
import { type Cut, cuts, framesOf, joined } from './frames.ts'
import { fuzz } from './fuzz.ts'
import { mutated, mutations } from './mutations.ts'

/** What CONNACK may say of a packet that cannot be read (table 3-1), and DISCONNECT (table 3-10). */
const CONNACK_REASONS: ReadonlySet<number> = new Set([
  0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x90, 0x95, 0x97, 0x99,
])
const DISCONNECT_REASONS: ReadonlySet<number> = new Set([
  ...[0x80, 0x81, 0x82, 0x83, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9e, 0xa1, 0xa2],
])

interface Input {
  readonly version: ProtocolVersion | 0
  readonly bytes: Uint8Array
  readonly cuts: readonly Cut[]
  readonly packetBytesMax: number
}

const packetBytesMax = fc.constantFrom(16, 200, 4096)
const headers = fc.nat(0xff)
const random: fc.Arbitrary<Input> = fc.record({
  version: fc.constantFrom<ProtocolVersion | 0>(0, 4, 5),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 300, size: 'max' }),
    // A fixed header that fits what follows, so that the packet's decoder is reached.
    fc
      .tuple(headers, fc.uint8Array({ maxLength: 127, size: 'max' }))
      .map(([header, body]) => new Uint8Array([header, body.length, ...body])),
    fc
      .uint8Array({ maxLength: 100, size: 'max' })
      .map((body) => joined([new Uint8Array([0x10, body.length + 6, 0, 4]), Buffer.from('MQTT'), body])),
  ),
  cuts,
  packetBytesMax,
})

const broken: fc.Arbitrary<Input> = fc.oneof(
  fc.record({
    version: fc.constant(0 as const),
    bytes: fc
      .tuple(fc.oneof(connect(4), connect(5)), mutations)
      .map(([{ bytes }, changes]) => mutated(bytes, changes)),
    cuts,
    packetBytesMax,
  }),
  ...([4, 5] as const).map((version) =>
    fc.record({
      version: fc.constant(version),
      bytes: fc
        .tuple(fc.array(later(version), { minLength: 1, maxLength: 3 }), mutations)
        .map(([samples, changes]) => mutated(joined(samples.map(({ bytes }) => bytes)), changes)),
      cuts,
      packetBytesMax,
    }),
  ),
)

function check(input: Input): void {
  let stream = new PacketStream(input.packetBytesMax, input.version)
  try {
    for (const { frame, anew } of framesOf(input.bytes, input.cuts)) {
      if (anew) stream = new PacketStream(input.packetBytesMax, stream.version, stream.pending)
      for (const packet of stream.read(frame, NOW)) usable(packet, stream.version)
      assert.ok(stream.pending.length < input.packetBytesMax, `${stream.pending.length} bytes are kept`)
    }
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw error
    const said = stream.version === 0 ? CONNACK_REASONS : DISCONNECT_REASONS
    assert.ok(said.has(error.reason), `reason 0x${error.reason.toString(16)} with version ${stream.version}`)
  }
}

/** What was accepted can be passed on: no later step may fail on what a client said. */
function usable(packet: ClientPacket, version: ProtocolVersion | 0): void {
  assert.notEqual(version, 0)
  const message =
    packet.type === 'publish' ? packet.message : packet.type === 'connect' ? packet.will?.message : undefined
  if (message === undefined) return
  assert.deepStrictEqual(decodeMessage(encodeMessage(message)), message)
  if (message.topic !== '') assert.ok(isTopicName(message.topic))
  for (const to of [4, 5] as const) {
    const delivery: Omit<Delivery, 'subscriptionIdentifiers'> = {
      qos: message.qos,
      retain: false,
      dup: false,
      packetId: 1,
      now: NOW,
    }
    const whole: Delivery = { ...delivery, subscriptionIdentifiers: [1] }
    assert.equal(encodePublish(to, message, whole).length, publishSize(to, message, whole))
  }
}

export const GARBAGE = [fuzz('garbage', 18, random, check), fuzz('broken-packets', 18, broken, check)]
