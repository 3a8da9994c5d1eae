// The Reason String of what is refused: what it says, and where none may be.
import { type Parser, parser } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import type { ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { encodeWithReason, type ReasonTerms } from '../../src/session/reason-string.ts'

const TERMS: ReasonTerms = { protocolVersion: 5, maximumPacketSize: 0xffff_ffff }

function said(packet: ServerPacket, terms: ReasonTerms = TERMS): string | undefined {
  const packets: { properties?: { reasonString?: string } }[] = []
  const reading: Parser = parser({ protocolVersion: terms.protocolVersion })
  reading.on('packet', (one) => packets.push(one as (typeof packets)[number]))
  reading.parse(Buffer.from(encodeWithReason(terms, packet)))
  expect(packets).toHaveLength(1)
  return packets[0]?.properties?.reasonString
}

const connack = (reason: ReasonCode): ServerPacket => ({
  type: 'connack',
  sessionPresent: false,
  reason,
  properties: {},
})
const ack = (type: 'puback' | 'pubrec' | 'pubcomp', reason: ReasonCode): ServerPacket => ({
  type,
  packetId: 1,
  reason,
  properties: {},
})
const suback = (...reasons: ReasonCode[]): ServerPacket => ({
  type: 'suback',
  packetId: 1,
  reasons,
  properties: {},
})
const unsuback = (...reasons: ReasonCode[]): ServerPacket =>
  ({ ...suback(...reasons), type: 'unsuback' }) as ServerPacket
const disconnect = (reason: ReasonCode): ServerPacket => ({ type: 'disconnect', reason, properties: {} })

describe('a refusal', () => {
  test.each([
    ['CONNACK', connack(Reason.ServerUnavailable), 'connect again later'],
    ['PUBACK', ack('puback', Reason.NotAuthorized), 'only the server publishes'],
    ['PUBREC', ack('pubrec', Reason.TopicNameInvalid), '900 bytes'],
    ['PUBCOMP', ack('pubcomp', Reason.PacketIdentifierNotFound), 'in flight'],
    ['SUBACK', suback(Reason.GrantedQoS1, Reason.TopicFilterInvalid), 'not a topic filter'],
    ['UNSUBACK', unsuback(Reason.Success, Reason.TopicFilterInvalid), 'not a topic filter'],
    ['DISCONNECT', disconnect(Reason.SessionTakenOver), 'taken the session over'],
  ])('by %s says what to mend', (_, packet, text) => {
    expect(said(packet)).toContain(text)
  })

  test('says the cause instead, where who refused knows it', () => {
    const packet: ServerPacket = {
      ...connack(Reason.NotAuthorized),
      properties: { reasonString: 'the cause' },
    } as ServerPacket
    expect(said(packet)).toBe('the cause')
  })

  test('to a client with Request Problem Information 0 says it in CONNACK and DISCONNECT only [MQTT-3.1.2-29]', () => {
    const terms: ReasonTerms = { ...TERMS, problemInformation: false }
    const cause = { reasonString: 'the cause' }
    expect(said(connack(Reason.NotAuthorized), terms)).toBeDefined()
    expect(said(disconnect(Reason.NotAuthorized), terms)).toBeDefined()
    expect(said(ack('puback', Reason.NotAuthorized), terms)).toBeUndefined()
    expect(said(suback(Reason.TopicFilterInvalid), terms)).toBeUndefined()
    expect(
      said({ ...suback(Reason.TopicFilterInvalid), properties: cause } as ServerPacket, terms),
    ).toBeUndefined()
  })

  test('says nothing that would make its packet larger than the client takes [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.9.2-1]', () => {
    for (const packet of [
      connack(Reason.ServerUnavailable),
      ack('puback', Reason.NotAuthorized),
      suback(0x8f),
      disconnect(0x8e),
    ]) {
      const whole = encodeWithReason(TERMS, packet).length
      expect(said(packet, { ...TERMS, maximumPacketSize: whole })).toBeDefined()
      expect(said(packet, { ...TERMS, maximumPacketSize: whole - 1 })).toBeUndefined()
    }
  })

  test('to a client of 3.1.1 has no Reason String', () => {
    const packet: ServerPacket = {
      ...connack(Reason.NotAuthorized),
      properties: { reasonString: 'the cause' },
    } as ServerPacket
    expect(encodeWithReason({ ...TERMS, protocolVersion: 4 }, packet)).toEqual(Uint8Array.of(0x20, 2, 0, 5))
  })
})

test('what succeeds has no Reason String', () => {
  const packets = [
    connack(0),
    ack('puback', 0),
    ack('puback', Reason.NoMatchingSubscribers),
    suback(1),
    unsuback(0x11),
    disconnect(0),
  ]
  expect(packets.map((packet) => said(packet))).toEqual(packets.map(() => undefined))
})
