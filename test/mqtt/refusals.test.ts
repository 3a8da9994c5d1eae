// Everything that a server must refuse, with the reason code that 5.0 gives it.
import { describe, expect, test } from 'vitest'
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import { decodeAll, framed, refusal, wire } from './wire.ts'

type Case = [what: string, header: number, body: string, reason: string]

function refuses(version: ProtocolVersion | 0, cases: Case[]): void {
  test.each(cases)('%s', (_, header, body, reason) => {
    expect(refusal(() => decodeAll(version, framed(header, body)))).toBe(reason)
  })
}

const V4 = "0004 'MQTT' 04"
const V5 = "0004 'MQTT' 05"
const ID = "0001 'a'"

describe('before CONNECT', () => {
  refuses(0, [
    ['a PUBLISH', 0x30, "0001 't'", 'ProtocolError'],
    ['a PINGREQ', 0xc0, '', 'ProtocolError'],
    ['packet type 0', 0x00, '', 'ProtocolError'],
    ['an HTTP request', 0x47, "'ET / HTTP/1.1'", 'ProtocolError'],
  ])
})

describe('CONNECT', () => {
  refuses(0, [
    ['flags in the fixed header', 0x11, `${V4} 02 0000 ${ID}`, 'MalformedPacket'],
    ['the name of 3.1', 0x10, `0006 'MQIsdp' 03 02 0000 ${ID}`, 'UnsupportedProtocolVersion'],
    ['another name', 0x10, `0004 'MQTX' 04 02 0000 ${ID}`, 'UnsupportedProtocolVersion'],
    ['level 3', 0x10, `0004 'MQTT' 03 02 0000 ${ID}`, 'UnsupportedProtocolVersion'],
    ['level 6', 0x10, `0004 'MQTT' 06 02 0000 ${ID}`, 'UnsupportedProtocolVersion'],
    ['a bridge', 0x10, `0004 'MQTT' 84 02 0000 ${ID}`, 'UnsupportedProtocolVersion'],
    ['the reserved connect flag', 0x10, `${V4} 03 0000 ${ID}`, 'MalformedPacket'],
    ['a will QoS without a will', 0x10, `${V4} 0a 0000 ${ID}`, 'MalformedPacket'],
    ['a will retain without a will', 0x10, `${V4} 22 0000 ${ID}`, 'MalformedPacket'],
    ['a will with QoS 3', 0x10, `${V4} 1e 0000 ${ID} 0001 't' 0000`, 'MalformedPacket'],
    ['a password without a user name in 3.1.1', 0x10, `${V4} 42 0000 ${ID} 0000`, 'MalformedPacket'],
    ['a will topic with a wildcard', 0x10, `${V4} 06 0000 ${ID} 0001 '#' 0000`, 'TopicNameInvalid'],
    ['an empty will topic', 0x10, `${V4} 06 0000 ${ID} 0000 0000`, 'TopicNameInvalid'],
    ['an empty will topic in 5.0', 0x10, `${V5} 06 0000 00 ${ID} 00 0000 0000`, 'TopicNameInvalid'],
    ['bytes after the end', 0x10, `${V4} 02 0000 ${ID} 00`, 'MalformedPacket'],
    ['no client id', 0x10, `${V4} 02 0000`, 'MalformedPacket'],
    ['a body that stops in the client id', 0x10, `${V4} 02 0000 0002 'a'`, 'MalformedPacket'],
    ['a missing user name', 0x10, `${V4} 82 0000 ${ID}`, 'MalformedPacket'],
    ['an empty body', 0x10, '', 'MalformedPacket'],
    ['U+0000 in the client id', 0x10, `${V4} 02 0000 0001 00`, 'MalformedPacket'],
    ['an overlong character', 0x10, `${V4} 02 0000 0002 c0af`, 'MalformedPacket'],
    ['an overlong U+0000', 0x10, `${V4} 02 0000 0002 c080`, 'MalformedPacket'],
    ['a surrogate', 0x10, `${V4} 02 0000 0003 eda080`, 'MalformedPacket'],
    ['a character past U+10FFFF', 0x10, `${V4} 02 0000 0004 f4908080`, 'MalformedPacket'],
    ['half a character', 0x10, `${V4} 02 0000 0002 'a' c3`, 'MalformedPacket'],
    ['a malformed user name', 0x10, `${V4} 82 0000 ${ID} 0001 ff`, 'MalformedPacket'],
    ['Receive Maximum 0', 0x10, `${V5} 02 0000 03 21 0000 ${ID}`, 'ProtocolError'],
    ['Maximum Packet Size 0', 0x10, `${V5} 02 0000 05 27 00000000 ${ID}`, 'ProtocolError'],
    ['Request Problem Information 2', 0x10, `${V5} 02 0000 02 17 02 ${ID}`, 'ProtocolError'],
    ['Request Response Information 2', 0x10, `${V5} 02 0000 02 19 02 ${ID}`, 'ProtocolError'],
    ['a property twice', 0x10, `${V5} 02 0000 06 22 0001 22 0001 ${ID}`, 'ProtocolError'],
    ['Authentication Data alone', 0x10, `${V5} 02 0000 04 16 0001 ff ${ID}`, 'ProtocolError'],
    ['a property of CONNACK', 0x10, `${V5} 02 0000 03 13 0001 ${ID}`, 'MalformedPacket'],
    ['a property of the will', 0x10, `${V5} 02 0000 05 18 00000001 ${ID}`, 'MalformedPacket'],
    ['an unknown property', 0x10, `${V5} 02 0000 02 7f 01 ${ID}`, 'MalformedPacket'],
    ['a property identifier of two bytes', 0x10, `${V5} 02 0000 03 91 01 00 ${ID}`, 'MalformedPacket'],
    ['a property past the end of its block', 0x10, `${V5} 02 0000 03 11 00000001 ${ID}`, 'MalformedPacket'],
    ['a block past the end of the packet', 0x10, `${V5} 02 0000 7f ${ID}`, 'MalformedPacket'],
    ['a block length of five bytes', 0x10, `${V5} 02 0000 8080808001 ${ID}`, 'MalformedPacket'],
    ['a block length longer than need be', 0x10, `${V5} 02 0000 8000 ${ID}`, 'MalformedPacket'],
    ['a Topic Alias in the will', 0x10, `${V5} 06 0000 00 ${ID} 03 23 0001 0001 't' 0000`, 'MalformedPacket'],
    [
      'a will delay twice',
      0x10,
      `${V5} 06 0000 00 ${ID} 0a 1800000001 1800000001 0001 't' 0000`,
      'ProtocolError',
    ],
  ])
})

describe('PUBLISH of 3.1.1', () => {
  refuses(4, [
    ['QoS 3', 0x36, "0001 't' 0001", 'MalformedPacket'],
    ['DUP with QoS 0', 0x38, "0001 't'", 'ProtocolError'],
    ['packet identifier 0', 0x32, "0001 't' 0000", 'ProtocolError'],
    ['no packet identifier', 0x32, "0001 't'", 'MalformedPacket'],
    ['a + in the topic', 0x30, "0003 'a/+'", 'TopicNameInvalid'],
    ['a # in the topic', 0x30, "0001 '#'", 'TopicNameInvalid'],
    ['an empty topic', 0x30, '0000', 'TopicNameInvalid'],
    ['a topic past the end', 0x30, "0009 't'", 'MalformedPacket'],
    ['half a length', 0x30, '00', 'MalformedPacket'],
    ['U+0000 in a long topic', 0x30, `0042 '${'x'.repeat(65)}' 00`, 'MalformedPacket'],
    ['bad UTF-8 in a long topic', 0x30, `0042 '${'x'.repeat(65)}' 80`, 'MalformedPacket'],
  ])
})

describe('PUBLISH of 5.0', () => {
  refuses(5, [
    ['an empty topic without an alias', 0x30, '0000 00', 'ProtocolError'],
    ['a wildcard beside an alias', 0x30, "0001 '#' 03 23 0001", 'TopicNameInvalid'],
    ['Topic Alias 0', 0x30, "0001 't' 03 23 0000", 'TopicAliasInvalid'],
    ['Topic Alias twice', 0x30, "0001 't' 06 23 0001 23 0001", 'ProtocolError'],
    ['Message Expiry twice', 0x30, "0001 't' 0a 02 00000001 02 00000001", 'ProtocolError'],
    ['Content Type twice', 0x30, "0001 't' 06 03 0000 03 0000", 'ProtocolError'],
    ['a Subscription Identifier', 0x30, "0001 't' 02 0b 01", 'ProtocolError'],
    ['a Payload Format Indicator of 2', 0x30, "0001 't' 02 01 02", 'ProtocolError'],
    ['a Response Topic with a wildcard', 0x30, "0001 't' 06 08 0003 'a/#'", 'ProtocolError'],
    ['an empty Response Topic', 0x30, "0001 't' 03 08 0000", 'ProtocolError'],
    ['a Content Type of bad UTF-8', 0x30, "0001 't' 04 03 0001 ff", 'MalformedPacket'],
    ['a user property without a value', 0x30, "0001 't' 04 26 0001 'a'", 'MalformedPacket'],
    ['a Will Delay', 0x30, "0001 't' 05 18 00000001", 'MalformedPacket'],
    [
      'an unknown property that shares bits with a known one',
      0x30,
      "0001 't' 06 01 01 41 0000 00",
      'MalformedPacket',
    ],
    ['no properties', 0x30, "0001 't'", 'MalformedPacket'],
    ['a property past the end of its block', 0x30, "0001 't' 02 02 00000001", 'MalformedPacket'],
  ])

  test('Content Type and Topic Alias are not confused', () => {
    expect(refusal(() => decodeAll(5, framed(0x30, "0001 't' 07 03 0001 'c' 23 0001")))).toBeNull()
  })
})

describe('acknowledgements', () => {
  for (const [name, header] of Object.entries({ PUBACK: 0x40, PUBREC: 0x50, PUBREL: 0x62, PUBCOMP: 0x70 })) {
    describe(name, () => {
      refuses(5, [
        ['wrong flags', header ^ 0x02, '0001', 'MalformedPacket'],
        ['packet identifier 0', header, '0000', 'ProtocolError'],
        ['no packet identifier', header, '00', 'MalformedPacket'],
        ['a reason code of another packet', header, '0001 04', 'ProtocolError'],
        ['a property of another packet', header, '0001 00 05 11 00000001', 'MalformedPacket'],
        ['two reason strings', header, '0001 00 06 1f 0000 1f 0000', 'ProtocolError'],
        ['bytes after the properties', header, '0001 00 00 00', 'MalformedPacket'],
      ])
      test('a reason code in 3.1.1', () => {
        expect(refusal(() => decodeAll(4, framed(header, '0001 00')))).toBe('MalformedPacket')
      })
    })
  }
})

describe('SUBSCRIBE and UNSUBSCRIBE of 3.1.1', () => {
  refuses(4, [
    ['wrong flags of SUBSCRIBE', 0x80, "0001 0001 'a' 00", 'MalformedPacket'],
    ['wrong flags of UNSUBSCRIBE', 0xa0, "0001 0001 'a'", 'MalformedPacket'],
    ['SUBSCRIBE with packet identifier 0', 0x82, "0000 0001 'a' 00", 'ProtocolError'],
    ['UNSUBSCRIBE with packet identifier 0', 0xa2, "0000 0001 'a'", 'ProtocolError'],
    ['SUBSCRIBE without a filter', 0x82, '0001', 'ProtocolError'],
    ['UNSUBSCRIBE without a filter', 0xa2, '0001', 'ProtocolError'],
    ['QoS 3', 0x82, "0001 0001 'a' 03", 'ProtocolError'],
    ['options of 5.0', 0x82, "0001 0001 'a' 04", 'MalformedPacket'],
    ['a filter without options', 0x82, "0001 0001 'a'", 'MalformedPacket'],
    ['a malformed filter', 0x82, '0001 0001 ff 00', 'MalformedPacket'],
    ['a malformed filter to unsubscribe', 0xa2, '0001 0001 00', 'MalformedPacket'],
  ])
})

describe('SUBSCRIBE and UNSUBSCRIBE of 5.0', () => {
  refuses(5, [
    ['Subscription Identifier 0', 0x82, "0001 02 0b 00 0001 'a' 00", 'ProtocolError'],
    ['Subscription Identifier twice', 0x82, "0001 04 0b 01 0b 01 0001 'a' 00", 'ProtocolError'],
    ['a Reason String', 0x82, "0001 03 1f 0000 0001 'a' 00", 'MalformedPacket'],
    ['reserved options', 0x82, "0001 00 0001 'a' 40", 'MalformedPacket'],
    ['Retain Handling 3', 0x82, "0001 00 0001 'a' 30", 'ProtocolError'],
    ['No Local on a shared subscription', 0x82, "0001 00 000a '$share/g/a' 04", 'ProtocolError'],
    ['UNSUBSCRIBE with an identifier', 0xa2, "0001 02 0b 01 0001 'a'", 'MalformedPacket'],
    ['SUBSCRIBE without a filter', 0x82, '0001 00', 'ProtocolError'],
  ])
})

describe('the other packets of 3.1.1', () => {
  refuses(4, [
    ['a second CONNECT', 0x10, `${V4} 02 0000 ${ID}`, 'ProtocolError'],
    ['packet type 0', 0x00, '', 'MalformedPacket'],
    ['CONNACK', 0x20, '0000', 'ProtocolError'],
    ['SUBACK', 0x90, '0001 00', 'ProtocolError'],
    ['UNSUBACK', 0xb0, '0001', 'ProtocolError'],
    ['PINGRESP', 0xd0, '', 'ProtocolError'],
    ['PINGREQ with a body', 0xc0, '00', 'MalformedPacket'],
    ['PINGREQ with flags', 0xc1, '', 'MalformedPacket'],
    ['DISCONNECT with a body', 0xe0, '00', 'MalformedPacket'],
    ['DISCONNECT with flags', 0xe1, '', 'MalformedPacket'],
    ['AUTH', 0xf0, '', 'MalformedPacket'],
  ])
})

describe('DISCONNECT and AUTH of 5.0', () => {
  refuses(5, [
    ['a reason code of servers', 0xe0, '8e', 'ProtocolError'],
    ['a Server Reference', 0xe0, "00 04 1c 0001 'x'", 'ProtocolError'],
    ['a Receive Maximum', 0xe0, '00 03 21 0001', 'MalformedPacket'],
    ['bytes after DISCONNECT', 0xe0, '00 00 00', 'MalformedPacket'],
    ['AUTH with flags', 0xf1, '', 'MalformedPacket'],
    ['AUTH that says Success', 0xf0, "00 04 15 0001 'm'", 'ProtocolError'],
    ['AUTH without a method', 0xf0, '18 00', 'ProtocolError'],
    ['AUTH with nothing', 0xf0, '', 'ProtocolError'],
  ])
})

test('a CONNECT after the first is refused in the same frame', () => {
  const connect = framed(0x10, `${V5} 02 0000 00 ${ID}`)
  expect(refusal(() => decodeAll(0, new Uint8Array([...connect, ...connect])))).toBe('ProtocolError')
})

test('the fixture language writes what it says', () => {
  expect([...wire("10 02 'aé'")]).toEqual([0x10, 0x02, 0x61, 0xc3, 0xa9])
})
