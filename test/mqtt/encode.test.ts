// The bytes of every packet that a server sends, in both versions.
import { describe, expect, test } from 'vitest'
import { type Delivery, encodePacket, encodePublish, PINGRESP, publishSize } from '../../src/mqtt/encode.ts'
import type { Message } from '../../src/mqtt/message.ts'
import type { ProtocolVersion, ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { framed, wire } from './wire.ts'

function encodes(version: ProtocolVersion, packet: ServerPacket, header: number, body: string): void {
  expect(encodePacket(version, packet)).toEqual(framed(header, body))
}

describe('CONNACK', () => {
  test('3.1.1 says the nearest return code and no properties', () => {
    const properties = { serverKeepAlive: 600 }
    encodes(4, { type: 'connack', sessionPresent: true, reason: Reason.Success, properties }, 0x20, '01 00')
    encodes(
      4,
      { type: 'connack', sessionPresent: true, reason: Reason.NotAuthorized, properties },
      0x20,
      '00 05',
    )
    encodes(
      4,
      { type: 'connack', sessionPresent: false, reason: Reason.ServerBusy, properties },
      0x20,
      '00 03',
    )
  })

  test('5.0 with every property', () => {
    const packet: ServerPacket = {
      type: 'connack',
      sessionPresent: true,
      reason: Reason.Success,
      properties: {
        sessionExpiryInterval: 0xffffffff,
        receiveMaximum: 20,
        maximumQoS: 1,
        retainAvailable: false,
        maximumPacketSize: 65536,
        assignedClientIdentifier: 'é',
        topicAliasMaximum: 3,
        reasonString: 'r',
        userProperties: [['a', 'b']],
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifiersAvailable: true,
        sharedSubscriptionAvailable: false,
        serverKeepAlive: 600,
        responseInformation: 'i',
        serverReference: 's',
        authenticationMethod: 'm',
        authenticationData: wire('ff'),
      },
    }
    const properties =
      "11 ffffffff 21 0014 24 01 25 00 27 00010000 12 0002 'é' 22 0003 1f 0001 'r' 26 0001 'a' 0001 'b' " +
      "28 01 29 01 2a 00 13 0258 1a 0001 'i' 1c 0001 's' 15 0001 'm' 16 0001 ff"
    encodes(5, packet, 0x20, `01 00 ${wire(properties).length.toString(16)} ${properties}`)
  })

  test('a refusal never says that a session is present [MQTT-3.2.2-6] [MQTT-3.2.2-4, 3.1.1]', () => {
    const packet = { type: 'connack', sessionPresent: true, reason: Reason.Banned, properties: {} } as const
    encodes(5, packet, 0x20, '00 8a 00')
  })
})

describe('acknowledgements', () => {
  test.each([
    ['puback', 0x40],
    ['pubrec', 0x50],
    ['pubrel', 0x62],
    ['pubcomp', 0x70],
  ] as const)('%s is as short as it may be', (type, header) => {
    const plain = { type, packetId: 0x102, reason: Reason.Success, properties: {} }
    const reason = Reason.PacketIdentifierNotFound
    encodes(4, { ...plain, reason, properties: { reasonString: 'x' } }, header, '0102')
    encodes(5, plain, header, '0102')
    encodes(5, { ...plain, reason }, header, '0102 92')
    encodes(5, { ...plain, properties: { reasonString: 'x' } }, header, "0102 00 04 1f 0001 'x'")
  })
})

describe('SUBACK and UNSUBACK', () => {
  const reasons = [Reason.Success, Reason.GrantedQoS1, Reason.GrantedQoS2, Reason.NotAuthorized]

  test('SUBACK of 3.1.1 knows one failure', () => {
    encodes(4, { type: 'suback', packetId: 1, reasons, properties: {} }, 0x90, '0001 00 01 02 80')
  })

  test('SUBACK of 5.0', () => {
    encodes(5, { type: 'suback', packetId: 1, reasons, properties: {} }, 0x90, '0001 00 00 01 02 87')
  })

  test('UNSUBACK of 3.1.1 has no payload', () => {
    encodes(4, { type: 'unsuback', packetId: 1, reasons, properties: {} }, 0xb0, '0001')
  })

  test('UNSUBACK of 5.0', () => {
    const properties = { userProperties: [['a', 'b']] } as const
    const packet = {
      type: 'unsuback',
      packetId: 1,
      reasons: [Reason.NoSubscriptionExisted],
      properties,
    } as const
    encodes(5, packet, 0xb0, "0001 07 26 0001 'a' 0001 'b' 11")
  })
})

describe('PINGRESP and DISCONNECT', () => {
  test('PINGRESP is one constant', () => {
    expect(encodePacket(4, { type: 'pingresp' })).toBe(PINGRESP)
    expect([...encodePacket(5, { type: 'pingresp' })]).toEqual([0xd0, 0])
  })

  test('DISCONNECT says nothing, or a reason with the length of its properties', () => {
    encodes(5, { type: 'disconnect', reason: Reason.Success, properties: {} }, 0xe0, '')
    encodes(5, { type: 'disconnect', reason: Reason.SessionTakenOver, properties: {} }, 0xe0, '8e 00')
    const properties = { serverReference: 'x' }
    encodes(5, { type: 'disconnect', reason: Reason.ServerMoved, properties }, 0xe0, "9d 04 1c 0001 'x'")
  })

  test('3.1.1 has no DISCONNECT from a server', () => {
    expect(() => encodePacket(4, { type: 'disconnect', reason: Reason.Success, properties: {} })).toThrow()
  })
})

test('a property in the wrong packet is a bug and throws', () => {
  const properties = { serverKeepAlive: 1 }
  expect(() => encodePacket(5, { type: 'disconnect', reason: Reason.Success, properties })).toThrow()
})

test('a string past 65,535 bytes throws', () => {
  const properties = { reasonString: 'é'.repeat(32_768) }
  expect(() => encodePacket(5, { type: 'disconnect', reason: Reason.Success, properties })).toThrow(
    RangeError,
  )
})

describe('PUBLISH', () => {
  const message: Message = {
    topic: 't/é',
    qos: 1,
    retain: false,
    properties: wire("03 0001 'c'"),
    payload: wire("'hi'"),
    expiresAt: 0,
  }
  const delivery: Delivery = {
    qos: 1,
    retain: false,
    dup: false,
    packetId: 7,
    subscriptionIdentifiers: [],
    now: 1000,
  }

  function publishes(version: ProtocolVersion, m: Message, d: Delivery, header: number, body: string): void {
    const bytes = encodePublish(version, m, d)
    expect(bytes).toEqual(framed(header, body))
    expect(publishSize(version, m, d)).toBe(bytes.length)
  }

  test('3.1.1 leaves the properties out', () => {
    const d = { ...delivery, subscriptionIdentifiers: [1] }
    publishes(4, { ...message, expiresAt: 5000 }, d, 0x32, "0004 't/é' 0007 'hi'")
  })

  test('QoS 0 has no packet identifier [MQTT-2.2.1-2] [MQTT-2.3.1-5, 3.1.1]', () => {
    publishes(4, message, { ...delivery, qos: 0, retain: true }, 0x31, "0004 't/é' 'hi'")
  })

  test('5.0 copies the properties', () => {
    publishes(5, message, { ...delivery, qos: 2, dup: true }, 0x3c, "0004 't/é' 0007 04 03 0001 'c' 'hi'")
  })

  test('5.0 adds the seconds left and the subscription identifiers', () => {
    const d = { ...delivery, subscriptionIdentifiers: [1, 128] }
    publishes(
      5,
      { ...message, expiresAt: 3001 },
      d,
      0x32,
      "0004 't/é' 0007 0e 03 0001 'c' 02 00000003 0b 01 0b 8001 'hi'",
    )
  })

  test('what is left of an expiry is never 0', () => {
    publishes(
      5,
      { ...message, expiresAt: 1000, properties: wire('') },
      delivery,
      0x32,
      "0004 't/é' 0007 05 02 00000001 'hi'",
    )
  })

  test.each([0, 120, 16_383, 16_384, 2_097_151, 2_097_152])(
    'the size of a payload of %i bytes is right',
    (bytes) => {
      const large = { ...message, payload: new Uint8Array(bytes) }
      expect(publishSize(5, large, delivery)).toBe(encodePublish(5, large, delivery).length)
      expect(publishSize(4, large, delivery)).toBe(encodePublish(4, large, delivery).length)
    },
  )
})
