// Fuzz: a connection's bytes, cut into frames anywhere, decode to the same packets, hibernation between frames included.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ClientPacket, ProtocolVersion } from '../../src/mqtt/packet.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { type ClientSample, connect, later } from '../mqtt/client-packets.ts'
import { NOW } from '../mqtt/oracle.ts'
import { fuzz } from './fuzz.ts'

const PACKET_BYTES_MAX = 1024 * 1024

export interface Cut {
  readonly bytes: number
  /** The stream is made anew from what it had kept, before this frame. */
  readonly anew: boolean
}

export const cuts: fc.Arbitrary<Cut[]> = fc.array(
  fc.record({
    bytes: fc.oneof(fc.constant(1), fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 300 })),
    anew: fc.boolean(),
  }),
  { maxLength: 40, size: 'max' },
)

/** The frames that the cuts make of the bytes; the last has what is left. */
export function framesOf(bytes: Uint8Array, at: readonly Cut[]): { frame: Uint8Array; anew: boolean }[] {
  const frames: { frame: Uint8Array; anew: boolean }[] = []
  let start = 0
  for (const cut of at) {
    frames.push({ frame: bytes.subarray(start, start + cut.bytes), anew: cut.anew })
    start = Math.min(start + cut.bytes, bytes.length)
  }
  frames.push({ frame: bytes.subarray(start), anew: false })
  return frames
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

interface Connection {
  readonly samples: readonly ClientSample[]
  readonly cuts: readonly Cut[]
}

function connections(version: ProtocolVersion): fc.Arbitrary<Connection> {
  return fc.record({
    samples: fc
      .tuple(connect(version), fc.array(later(version), { maxLength: 5 }))
      .map(([first, others]): ClientSample[] => [first, ...others]),
    cuts,
  })
}

function check({ samples, cuts: at }: Connection): void {
  const bytes = joined(samples.map((sample) => sample.bytes))
  let stream = new PacketStream(PACKET_BYTES_MAX)
  const packets: ClientPacket[] = []
  let read = 0
  for (const { frame, anew } of framesOf(bytes, at)) {
    if (anew) stream = new PacketStream(PACKET_BYTES_MAX, stream.version, stream.pending)
    // A frame's memory is its sender's again afterwards: what is kept of it must be a copy.
    const lent = new Uint8Array(frame)
    for (const packet of stream.read(lent, NOW)) packets.push(structuredClone(packet))
    lent.fill(0xee)
    read += frame.length
    assert.ok(stream.pending.length <= read)
  }
  assert.equal(stream.pending.length, 0)
  assert.deepStrictEqual(
    packets,
    samples.map(({ packet }) => packet),
  )
}

export const FRAMES = [fuzz('frames', 12, fc.oneof(connections(4), connections(5)), check)]
