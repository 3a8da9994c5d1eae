// The bytes of what no client may send, for both versions of the protocol.
import type { Malformed, Version } from './script.ts'

const UNKNOWN_ID = 0x7f01

export function malformedBytes(what: Malformed, version: Version, connect: Uint8Array): Uint8Array {
  // The length of the properties, which 3.1.1 does not have.
  const none = version === 5 ? [0] : []
  const text = (value: string) => [0, value.length, ...Buffer.from(value)]
  const packet = (header: number, ...body: number[]) => Uint8Array.of(header, body.length, ...body)
  switch (what) {
    case 'wildcard in a topic name':
      return packet(0x32, ...text('rooms/a/#'), 0, 77, ...none, 0x61)
    case 'empty topic name':
      return packet(0x32, ...text(''), 0, 77, ...none, 0x61)
    case 'packet id 0 in PUBLISH':
      return packet(0x32, ...text('rooms/a/x'), 0, 0, ...none, 0x61)
    case 'packet id 0 in SUBSCRIBE':
      return packet(0x82, 0, 0, ...none, ...text('rooms/a/x'), 1)
    case 'second CONNECT':
      return connect
    case 'unknown packet id in PUBACK':
      return packet(0x40, UNKNOWN_ID >> 8, UNKNOWN_ID & 0xff)
    case 'unknown packet id in PUBREL':
      return packet(0x62, UNKNOWN_ID >> 8, UNKNOWN_ID & 0xff)
    case 'invalid filter':
      return packet(0x82, 0, 78, ...none, ...text('a/#/b'), 1)
    case 'no filter in SUBSCRIBE':
      return packet(0x82, 0, 79, ...none)
    case 'QoS 3 in SUBSCRIBE':
      return packet(0x82, 0, 80, ...none, ...text('rooms/a/x'), 3)
    case 'QoS 3 in PUBLISH':
      return packet(0x36, ...text('rooms/a/x'), 0, 81, ...none, 0x61)
    case 'reserved bits in PINGREQ':
      return packet(0xc1)
    default:
      return what satisfies never
  }
}
