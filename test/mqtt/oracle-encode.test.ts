// What we encode, mqtt-packet parses to the same fields.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePacket } from '../../src/mqtt/encode.ts'
import type { ServerPacket } from '../../src/mqtt/packet.ts'
import { connackReturnCode, isFailure, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import {
  bytes,
  optional,
  pairs,
  parsed,
  parsedProperties,
  RUNS,
  text,
  u16,
  u32,
  userProperties,
  versions,
} from './oracle.ts'

describe('what we encode, mqtt-packet parses to the same fields', () => {
  const userPairs = userProperties.map(pairs)
  const said = fc.record({ reasonString: text, userProperties: userPairs }, optional)

  test('CONNACK', () => {
    const reasons = fc.constantFrom<ReasonCode>(
      Reason.Success,
      Reason.NotAuthorized,
      Reason.ServerBusy,
      Reason.ClientIdentifierNotValid,
    )
    const properties = fc.record(
      {
        sessionExpiryInterval: u32,
        receiveMaximum: u16,
        maximumQoS: fc.constantFrom<0 | 1>(0, 1),
        retainAvailable: fc.boolean(),
        maximumPacketSize: u32,
        assignedClientIdentifier: text,
        topicAliasMaximum: u16,
        reasonString: text,
        userProperties: userPairs,
        wildcardSubscriptionAvailable: fc.boolean(),
        subscriptionIdentifiersAvailable: fc.boolean(),
        sharedSubscriptionAvailable: fc.boolean(),
        serverKeepAlive: u16,
        responseInformation: text,
        serverReference: text,
        authenticationMethod: text,
        authenticationData: bytes,
      },
      optional,
    )
    fc.assert(
      fc.property(versions, fc.boolean(), reasons, properties, (version, present, reason, props) => {
        const sessionPresent = present && reason === Reason.Success
        const packet: ServerPacket = { type: 'connack', sessionPresent: present, reason, properties: props }
        const back = parsed(version, encodePacket(version, packet))
        expect(back).toMatchObject(
          version === 5
            ? { cmd: 'connack', sessionPresent, reasonCode: reason }
            : { cmd: 'connack', sessionPresent, returnCode: connackReturnCode(reason) },
        )
        expect(parsedProperties(back)).toEqual(version === 5 ? props : {})
      }),
      RUNS,
    )
  })

  test('acknowledgements', () => {
    const types = fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp')
    const released = fc.constantFrom<ReasonCode>(Reason.Success, Reason.PacketIdentifierNotFound)
    const answered = fc.constantFrom<ReasonCode>(Reason.Success, Reason.QuotaExceeded)
    fc.assert(
      fc.property(versions, types, u16, released, answered, said, (version, type, packetId, a, b, props) => {
        const reason = type === 'pubrel' || type === 'pubcomp' ? a : b
        const back = parsed(version, encodePacket(version, { type, packetId, reason, properties: props }))
        expect(back).toMatchObject({ cmd: type, messageId: packetId })
        expect(back.reasonCode ?? 0).toBe(version === 5 ? reason : 0)
        expect(parsedProperties(back)).toEqual(version === 5 ? props : {})
      }),
      RUNS,
    )
  })

  test('SUBACK, UNSUBACK, PINGRESP and DISCONNECT', () => {
    const granted = fc.array(
      fc.constantFrom<ReasonCode>(0, 1, 2, Reason.NotAuthorized, Reason.TopicFilterInvalid),
      { minLength: 1, maxLength: 5 },
    )
    const removed = fc.array(fc.constantFrom<ReasonCode>(0, 0x11, 0x87), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(versions, u16, granted, removed, said, (version, packetId, reasons, gone, props) => {
        const five = version === 5
        const suback = parsed(
          version,
          encodePacket(version, { type: 'suback', packetId, reasons, properties: props }),
        )
        const codes = five ? reasons : reasons.map((r) => (isFailure(r) ? 0x80 : r))
        expect(suback).toMatchObject({ cmd: 'suback', messageId: packetId, granted: codes })
        expect(parsedProperties(suback)).toEqual(five ? props : {})

        const unsuback = parsed(
          version,
          encodePacket(version, { type: 'unsuback', packetId, reasons: gone, properties: props }),
        )
        expect(unsuback).toMatchObject({
          cmd: 'unsuback',
          messageId: packetId,
          ...(five && { granted: gone }),
        })
        expect(parsedProperties(unsuback)).toEqual(five ? props : {})

        expect(parsed(version, encodePacket(version, { type: 'pingresp' }))).toMatchObject({
          cmd: 'pingresp',
        })
        const reason = Reason.ServerMoved
        const bye = parsed(5, encodePacket(5, { type: 'disconnect', reason, properties: props }))
        expect(bye).toMatchObject({ cmd: 'disconnect', reasonCode: reason })
        expect(parsedProperties(bye)).toEqual(props)
      }),
      RUNS,
    )
  })
})
