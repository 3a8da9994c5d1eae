// The size of a string is counted before it is written, so both must agree on every string there is.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeUtf8, utf8Bytes, writeUtf8 } from '../../src/mqtt/utf8.ts'

const encoder = new TextEncoder()

// Units rather than characters, so that lone surrogates come too.
const units = fc
  .array(fc.oneof(fc.constantFrom(0x61, 0xe9, 0x20ac, 0xd83d, 0xde00, 0xd800), fc.nat(0xffff)), {
    maxLength: 70,
  })
  .map((codes) => String.fromCharCode(...codes))

test('a string is counted and written as the platform encodes it', () => {
  fc.assert(
    fc.property(units, (text) => {
      const expected = encoder.encode(text)
      expect(utf8Bytes(text)).toBe(expected.length)
      const target = new Uint8Array(expected.length + 4)
      writeUtf8(text, expected.length, target, 2)
      expect(target.subarray(2, -2)).toEqual(expected)
      expect([target[0], target[1], target.at(-2), target.at(-1)]).toEqual([0, 0, 0, 0])
    }),
    { numRuns: 5000 },
  )
})

test('bytes are text just where a strict decoder says so and no U+0000 is in them [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.3-1, 3.1.1] [MQTT-1.5.3-2, 3.1.1]', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const almost = fc.tuple(units, fc.nat(80), fc.nat(255)).map(([text, at, value]) => {
    const bytes = encoder.encode(text)
    if (at < bytes.length) bytes[at] = value
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(almost, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      let expected: string | null = null
      try {
        if (!bytes.includes(0)) expected = strict.decode(bytes)
      } catch {}
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe(expected)
    }),
    { numRuns: 5000 },
  )
})
