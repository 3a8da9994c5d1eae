// Fuzz: the codec against mqtt-packet, packet by packet, in both directions and versions.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PublishPacket } from '../../src/mqtt/packet.ts'
import { type ClientSample, connect, later } from '../mqtt/client-packets.ts'
import { NOW } from '../mqtt/oracle.ts'
import { publishedBack, publishesOut, readBack, serverPackets } from '../mqtt/server-packets.ts'
import { decodeOne } from '../mqtt/wire.ts'
import { fuzz } from './fuzz.ts'

const clientPackets: fc.Arbitrary<ClientSample> = fc.oneof(
  { arbitrary: connect(4), weight: 1 },
  { arbitrary: connect(5), weight: 2 },
  { arbitrary: later(4), weight: 4 },
  { arbitrary: later(5), weight: 6 },
)

export const CODEC = [
  fuzz('decode', 14, clientPackets, ({ version, bytes, packet }) => {
    assert.deepStrictEqual(decodeOne(packet.type === 'connect' ? 0 : version, bytes, NOW), packet)
  }),
  fuzz('encode', 8, serverPackets, readBack),
  fuzz('encode-publish', 8, publishesOut, (out) => {
    const { version, bytes } = out.from
    publishedBack(out, decodeOne(version, bytes, NOW) as PublishPacket)
  }),
]
