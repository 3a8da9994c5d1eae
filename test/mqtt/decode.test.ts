// What well-formed packets decode to, byte by byte, in both versions.
import { describe, expect, test } from 'vitest'
import type { PublishPacket, SubscribePacket, UnsubscribePacket } from '../../src/mqtt/packet.ts'
import { decodeOne, framed, wire } from './wire.ts'

const NONE = new Uint8Array(0)

describe('CONNECT', () => {
  test('a 3.1.1 CONNECT with nothing but a client id', () => {
    expect(decodeOne(0, framed(0x10, "0004 'MQTT' 04 02 003c 0001 'a'"))).toEqual({
      type: 'connect',
      protocolVersion: 4,
      clientId: 'a',
      cleanStart: true,
      keepAlive: 60,
      username: null,
      password: null,
      will: null,
      properties: {},
    })
  })

  test('a 3.1.1 CONNECT with will, user name and password', () => {
    const body = "0004 'MQTT' 04 ec 0000 0000 0003 'w/t' 0002 'hi' 0001 'u' 0002 00ff"
    expect(decodeOne(0, framed(0x10, body))).toEqual({
      type: 'connect',
      protocolVersion: 4,
      clientId: '',
      cleanStart: false,
      keepAlive: 0,
      username: 'u',
      password: wire('00ff'),
      will: {
        message: {
          topic: 'w/t',
          qos: 1,
          retain: true,
          properties: NONE,
          payload: wire("'hi'"),
          expiresAt: 0,
        },
        delaySeconds: 0,
        expirySeconds: null,
      },
      properties: {},
    })
  })

  test('a 5.0 CONNECT with every property and a will with every property', () => {
    const properties =
      "11 00000e10 21 0014 27 00010000 22 000a 19 01 17 00 26 0001 'k' 0001 'v' 26 0001 'k' 0001 'w' 15 0001 'm' 16 0002 0102"
    const kept = "01 01 03 0001 'c' 08 0001 'r' 09 0001 ff 26 0001 'a' 0001 'b'"
    const will = `18 00000005 ${kept} 02 0000000a`
    const body =
      `0004 'MQTT' 05 d6 000a ${length(properties)} ${properties} 0001 'a' ` +
      `${length(will)} ${will} 0001 't' 0001 'p' 0001 'u' 0001 'x'`
    expect(decodeOne(0, framed(0x10, body))).toEqual({
      type: 'connect',
      protocolVersion: 5,
      clientId: 'a',
      cleanStart: true,
      keepAlive: 10,
      username: 'u',
      password: wire("'x'"),
      will: {
        message: {
          topic: 't',
          qos: 2,
          retain: false,
          properties: wire(kept),
          payload: wire("'p'"),
          expiresAt: 0,
        },
        delaySeconds: 5,
        expirySeconds: 10,
      },
      properties: {
        sessionExpiryInterval: 3600,
        receiveMaximum: 20,
        maximumPacketSize: 65536,
        topicAliasMaximum: 10,
        requestResponseInformation: true,
        requestProblemInformation: false,
        userProperties: [
          ['k', 'v'],
          ['k', 'w'],
        ],
        authenticationMethod: 'm',
        authenticationData: wire('0102'),
      },
    })
  })

  test('5.0 allows a password without a user name', () => {
    expect(decodeOne(0, framed(0x10, "0004 'MQTT' 05 40 0000 00 0001 'a' 0001 'p'"))).toMatchObject({
      username: null,
      password: wire("'p'"),
    })
  })
})

describe('PUBLISH', () => {
  test('QoS 0 of 3.1.1 with an empty payload', () => {
    expect(decodeOne(4, framed(0x31, "0001 't'"))).toEqual({
      type: 'publish',
      dup: false,
      packetId: 0,
      topicAlias: 0,
      message: { topic: 't', qos: 0, retain: true, properties: NONE, payload: NONE, expiresAt: 0 },
    })
  })

  test('QoS 1 of 3.1.1, sent again', () => {
    expect(decodeOne(4, framed(0x3a, "0001 't' 0102 'xy'"))).toMatchObject({
      dup: true,
      packetId: 0x102,
      message: { qos: 1, payload: wire("'xy'") },
    })
  })

  test('properties that stay are a view of the frame', () => {
    const kept = "01 01 03 0001 'c' 08 0001 'r' 09 0001 ff 26 0001 'a' 0001 'b'"
    const bytes = framed(0x34, `0001 't' 0001 ${length(kept)} ${kept} 'p'`)
    const { message } = decodeOne(5, bytes) as PublishPacket
    expect(message).toMatchObject({ qos: 2, properties: wire(kept), payload: wire("'p'"), expiresAt: 0 })
    expect(message.properties.buffer).toBe(bytes.buffer)
    expect(message.payload.buffer).toBe(bytes.buffer)
  })

  test.each([
    ['23 0007 02 0000000a', ''],
    ["23 0007 02 0000000a 03 0001 'c'", "03 0001 'c'"],
    ["03 0001 'c' 02 0000000a 23 0007", "03 0001 'c'"],
    ["02 0000000a 03 0001 'c' 23 0007", "03 0001 'c'"],
    ["01 01 02 0000000a 03 0001 'c' 23 0007 09 0001 ff", "01 01 03 0001 'c' 09 0001 ff"],
  ])('Topic Alias and Message Expiry are taken out of %s', (properties, kept) => {
    const packet = decodeOne(5, framed(0x30, `0001 't' ${length(properties)} ${properties} 'p'`), 5000)
    expect(packet).toMatchObject({
      topicAlias: 7,
      message: { properties: wire(kept), payload: wire("'p'"), expiresAt: 15_000 },
    })
  })

  test('an empty topic stands with an alias', () => {
    expect(decodeOne(5, framed(0x30, '0000 03 23 0001'))).toMatchObject({
      topicAlias: 1,
      message: { topic: '' },
    })
  })

  test('an expiry of 0 seconds expires at once', () => {
    expect(decodeOne(5, framed(0x30, "0001 't' 05 02 00000000"), 5000)).toMatchObject({
      message: { expiresAt: 5000 },
    })
  })

  test('the longest expiry does not overflow', () => {
    expect(decodeOne(5, framed(0x30, "0001 't' 05 02 ffffffff"), 0)).toMatchObject({
      message: { expiresAt: 4_294_967_295_000 },
    })
  })

  test('a byte order mark and characters of every length are kept', () => {
    const topic = '\ufeffaé€😀\uffff'
    const bytes = new TextEncoder().encode(topic).length.toString(16).padStart(4, '0')
    expect(decodeOne(4, framed(0x30, `${bytes} '${topic}'`))).toMatchObject({ message: { topic } })
  })

  test('a topic longer than the short path is read whole', () => {
    const topic = 'devices/'.repeat(20).slice(0, -1)
    expect(decodeOne(4, framed(0x30, `009f '${topic}'`))).toMatchObject({ message: { topic } })
  })
})

describe('acknowledgements', () => {
  test.each([
    ['puback', 0x40, 0x10],
    ['pubrec', 0x50, 0x97],
    ['pubrel', 0x62, 0x92],
    ['pubcomp', 0x70, 0x92],
  ])('%s in all its lengths', (type, header, reason) => {
    const code = reason.toString(16)
    const plain = { type, packetId: 7, reason: 0, properties: {} }
    expect(decodeOne(4, framed(header, '0007'))).toEqual(plain)
    expect(decodeOne(5, framed(header, '0007'))).toEqual(plain)
    expect(decodeOne(5, framed(header, `0007 ${code}`))).toEqual({ ...plain, reason })
    expect(decodeOne(5, framed(header, `0007 ${code} 00`))).toEqual({ ...plain, reason })
    expect(decodeOne(5, framed(header, `0007 ${code} 0d 1f 0003 'why' 26 0001 'a' 0001 'b'`))).toEqual({
      ...plain,
      reason,
      properties: { reasonString: 'why', userProperties: [['a', 'b']] },
    })
  })
})

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  test('SUBSCRIBE of 3.1.1', () => {
    expect(decodeOne(4, framed(0x82, "0001 0003 'a/+' 01 0001 '#' 02"))).toEqual({
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { filter: 'a/+', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
        { filter: '#', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      ],
      properties: {},
    })
  })

  test('SUBSCRIBE of 5.0 with options and an identifier', () => {
    expect(decodeOne(5, framed(0x82, "0001 05 0b ffffff7f 0001 'a' 2d"))).toEqual({
      type: 'subscribe',
      packetId: 1,
      subscriptions: [{ filter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
      properties: { subscriptionIdentifier: 268_435_455 },
    })
  })

  test.each(["0004 'a/#b' 00", '0000 00', "0008 '$share/a' 00"])(
    'the invalid filter %s is left to SUBACK',
    (f) => {
      expect(decodeOne(4, framed(0x82, `0001 ${f}`))).toMatchObject({ type: 'subscribe' })
    },
  )

  test('SUBSCRIBE beyond 1,000 filters: the further ones are counted, and refused by SUBACK', () => {
    const packet = decodeOne(4, framed(0x82, `0001 ${"0001 'a' 00".repeat(1_003)}`))
    expect(packet).toMatchObject({ type: 'subscribe', excess: 3 })
    expect((packet as SubscribePacket).subscriptions).toHaveLength(1_000)
  })

  test('a filter beyond the first 1,000 that cannot be read is refused as any other', () => {
    const packet = framed(0x82, `0001 ${"0001 'a' 00".repeat(1_003)} 0001 'a' 03`)
    expect(() => decodeOne(4, packet)).toThrow('QoS 3')
  })

  test('UNSUBSCRIBE has as many filters as its packet', () => {
    const packet = decodeOne(4, framed(0xa2, `0001 ${"0001 'a'".repeat(5_000)}`))
    expect((packet as UnsubscribePacket).filters).toHaveLength(5_000)
  })

  test('UNSUBSCRIBE in both versions', () => {
    const plain = { type: 'unsubscribe', packetId: 1, filters: ['a', 'b/#'], properties: {} }
    expect(decodeOne(4, framed(0xa2, "0001 0001 'a' 0003 'b/#'"))).toEqual(plain)
    expect(decodeOne(5, framed(0xa2, "0001 00 0001 'a' 0003 'b/#'"))).toEqual(plain)
    expect(decodeOne(5, framed(0xa2, "0001 07 26 0001 'a' 0001 'b' 0001 'a'"))).toMatchObject({
      properties: { userProperties: [['a', 'b']] },
    })
  })
})

describe('PINGREQ, DISCONNECT and AUTH', () => {
  test('PINGREQ', () => {
    expect(decodeOne(4, wire('c000'))).toEqual({ type: 'pingreq' })
    expect(decodeOne(5, wire('c000'))).toEqual({ type: 'pingreq' })
  })

  test('DISCONNECT', () => {
    const plain = { type: 'disconnect', reason: 0, properties: {} }
    expect(decodeOne(4, wire('e000'))).toEqual(plain)
    expect(decodeOne(5, wire('e000'))).toEqual(plain)
    expect(decodeOne(5, framed(0xe0, '04'))).toEqual({ ...plain, reason: 4 })
    expect(decodeOne(5, framed(0xe0, '04 05 11 0000000a'))).toEqual({
      ...plain,
      reason: 4,
      properties: { sessionExpiryInterval: 10 },
    })
  })

  test('AUTH', () => {
    expect(decodeOne(5, framed(0xf0, "18 08 15 0001 'm' 16 0001 ff"))).toEqual({
      type: 'auth',
      reason: 0x18,
      properties: { authenticationMethod: 'm', authenticationData: wire('ff') },
    })
  })
})

function length(text: string): string {
  return wire(text).length.toString(16).padStart(2, '0')
}
