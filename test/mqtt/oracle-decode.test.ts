// What mqtt-packet generates, we decode to the same fields; PUBLISH goes back to it, too.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePublish } from '../../src/mqtt/encode.ts'
import type { Message } from '../../src/mqtt/message.ts'
import type { PublishPacket } from '../../src/mqtt/packet.ts'
import { auth, type ClientSample, connect, LATER } from './client-packets.ts'
import { NOW, RUNS } from './oracle.ts'
import { publishedBack, publishesOut } from './server-packets.ts'
import { decodeOne } from './wire.ts'

function decodes(...samples: fc.Arbitrary<ClientSample>[]): void {
  fc.assert(
    fc.property(fc.oneof(...samples), ({ version, bytes, packet }) => {
      expect(decodeOne(packet.type === 'connect' ? 0 : version, bytes, NOW)).toEqual(packet)
    }),
    RUNS,
  )
}

describe('what mqtt-packet generates, we decode to the same fields', () => {
  test('CONNECT', () => {
    decodes(connect(4), connect(5))
  })

  test.each(Object.entries(LATER))('%s', (_, kind) => {
    decodes(kind(4), kind(5))
  })

  test('AUTH', () => {
    decodes(auth())
  })
})

test('mqtt-packet parses what we make of a PUBLISH that we decoded', () => {
  fc.assert(
    fc.property(publishesOut, (out) => {
      const { version, bytes } = out.from
      publishedBack(out, decodeOne(version, bytes, NOW) as PublishPacket)
    }),
    RUNS,
  )
})

test('a message that crosses from 5.0 to 3.1.1 loses its properties and nothing else', () => {
  const message: Message = {
    topic: 't',
    qos: 1,
    retain: false,
    properties: new Uint8Array([1, 1]),
    payload: new Uint8Array([7]),
    expiresAt: NOW + 5000,
  }
  const delivery = {
    qos: 1,
    retain: true,
    dup: false,
    packetId: 9,
    subscriptionIdentifiers: [3],
    now: NOW,
  } as const
  const back = decodeOne(4, encodePublish(4, message, delivery)) as PublishPacket
  expect(back.message).toEqual({ ...message, retain: true, properties: new Uint8Array(0), expiresAt: 0 })
})
