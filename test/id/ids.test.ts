// The names: what is one, and what is not.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CLIENT_ID_BYTES_MAX,
  DEFAULT_FLEET,
  parseClientId,
  parseFleetId,
  parseRegionId,
} from '../../src/id/ids.ts'
import { isTopicName } from '../../src/mqtt/topic.ts'

test.each(['a', 'acme-1', '7', 'a'.repeat(63), DEFAULT_FLEET])('%j is a fleet', (text) => {
  expect(parseFleetId(text)).toBe(text)
})

test.each(['', 'A', '-a', 'a/b', 'a.b', 'a_b', 'a b', 'a\n', 'é', 'a'.repeat(64)])(
  '%j is no fleet',
  (text) => {
    expect(parseFleetId(text)).toBeNull()
  },
)

test.each(['eu', 'us-east-1', 'a'.repeat(32)])('%j is a region', (text) => {
  expect(parseRegionId(text)).toBe(text)
})

test.each(['', '1eu', '-eu', 'EU', 'eu/', 'eu\n', 'e:u', 'a'.repeat(33)])('%j is no region', (text) => {
  expect(parseRegionId(text)).toBeNull()
})

describe('a client id', () => {
  test.each([
    'lamp',
    'A1',
    '0123456789abcdefghijklmn',
    'a$b',
    'a b',
    'lamp.7@home',
    'lämpchen',
    '电灯',
    '💡',
  ])('may be %j', (text) => {
    expect(parseClientId(text)).toBe(text)
  })

  test.each(['', '$SYS', 'a/b', '/', 'a+', '#', 'a\0', 'a\n', '\u007f', '\u0085', '\u009f'])(
    'may not be %j',
    (text) => {
      expect(parseClientId(text)).toBeNull()
    },
  )

  test('may not hold half a character, which no UTF-8 can say', () => {
    for (const text of ['\ud83d', 'a\udca1', '\udca1\ud83d']) expect(parseClientId(text)).toBeNull()
  })

  test('has at most so many bytes, not characters', () => {
    expect(parseClientId('a'.repeat(CLIENT_ID_BYTES_MAX))).not.toBeNull()
    expect(parseClientId('a'.repeat(CLIENT_ID_BYTES_MAX + 1))).toBeNull()
    expect(parseClientId('é'.repeat(CLIENT_ID_BYTES_MAX / 2))).not.toBeNull()
    expect(parseClientId('é'.repeat(CLIENT_ID_BYTES_MAX / 2 + 1))).toBeNull()
  })

  test('of 1 to 23 letters and digits is always taken [MQTT-3.1.3-5]', () => {
    expect(parseClientId('0123456789ABCDEFGHIJKLM')).not.toBeNull()
    expect(parseClientId('NOPQRSTUVWXYZabcdefghij')).not.toBeNull()
    expect(parseClientId('klmnopqrstuvwxyz')).not.toBeNull()
  })

  test('is one level of a topic', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        if (parseClientId(text) === null) return
        expect(isTopicName(`devices/${text}`)).toBe(true)
        expect(`devices/${text}`.split('/')).toHaveLength(2)
      }),
      { seed: 1883, numRuns: 1000 },
    )
  })
})
