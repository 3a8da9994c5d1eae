// What we encode, mqtt-packet parses to the same fields.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { RUNS } from './oracle.ts'
import { acks, answers, connacks, readBack, type ServerSample, serverPackets } from './server-packets.ts'

describe('what we encode, mqtt-packet parses to the same fields', () => {
  test.each<[string, fc.Arbitrary<ServerSample>]>([
    ['CONNACK', connacks],
    ['acknowledgements', acks],
    ['SUBACK and UNSUBACK', answers],
    ['any of them, PINGRESP and DISCONNECT', serverPackets],
  ])('%s', (_, samples) => {
    fc.assert(fc.property(samples, readBack), RUNS)
  })

  test('and a packet id that is not the same would be found', () => {
    const packet = { type: 'puback', packetId: 0x1_0007, reason: Reason.Success, properties: {} } as const
    expect(() => readBack({ version: 5, packet })).toThrow('65543')
  })
})
