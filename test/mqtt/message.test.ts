// The record in which a message travels between actors.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import { wire } from './wire.ts'

const messages: fc.Arbitrary<Message> = fc.record({
  topic: fc.string({ unit: 'binary', maxLength: 80 }).filter((t) => !t.includes('\0')),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  properties: fc.uint8Array({ maxLength: 200 }),
  payload: fc.uint8Array({ maxLength: 300 }),
  expiresAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 50 })),
})

const globals: fc.Arbitrary<Message> = messages.map((message) => ({ ...message, global: true }))
const more: fc.Arbitrary<Message> = fc
  .tuple(
    messages,
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom('new' as const, 'again' as const),
  )
  .map(([message, retainedAt, acknowledged]) => ({
    ...message,
    ...(retainedAt % 2 === 1 && { retainedAt }),
    acknowledged,
  }))

test('a record has the bytes that it is said to have', () => {
  const message: Message = {
    topic: 'é',
    qos: 1,
    retain: true,
    properties: wire('0101'),
    payload: wire("'p'"),
    expiresAt: 1,
  }
  expect(encodeMessage(message)).toEqual(wire("0d 3ff0000000000000 0002 'é' 02 0101 'p'"))
  expect(encodeMessage({ ...message, expiresAt: 0 })).toEqual(wire("05 0002 'é' 02 0101 'p'"))
  expect(encodeMessage({ ...message, expiresAt: 0, global: true })).toEqual(wire("15 0002 'é' 02 0101 'p'"))
  expect(encodeMessage({ ...message, expiresAt: 0, retainedAt: 7 })).toEqual(
    wire("85 01 00000007 0002 'é' 02 0101 'p'"),
  )
  expect(encodeMessage({ ...message, acknowledged: 'again' })).toEqual(
    wire("8d 3ff0000000000000 06 0002 'é' 02 0101 'p'"),
  )
})

test('a message comes back as it went, out of the middle of a larger buffer too', () => {
  fc.assert(
    fc.property(fc.oneof(messages, globals, more), (message) => {
      const record = encodeMessage(message)
      const room = new Uint8Array(record.length + 20).fill(0xff)
      room.set(record, 7)
      const back = decodeMessage(room.subarray(7, 7 + record.length))
      expect(back).toEqual(message)
      if (message.payload.length > 0) expect(back.payload.buffer).toBe(room.buffer)
    }),
    { numRuns: 2000 },
  )
})

test('what decodes is what encoding makes; all else throws an Error that closes no connection', () => {
  const mutated = fc
    .tuple(messages, fc.nat(12), fc.integer({ min: 0, max: 255 }))
    .map(([message, at, value]) => {
      const record = encodeMessage(message)
      if (at < record.length) record[at] = value
      return record
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (record) => {
      let message: Message
      try {
        message = decodeMessage(record)
      } catch (error) {
        expect((error as Error).name).toBe('Error')
        return
      }
      expect(encodeMessage(message)).toEqual(record)
    }),
    { numRuns: 5000 },
  )
})

test.each(['', '03 0001 61 00', '20 0001 61 00', '00', '00 0002 61', '00 0001 61', '00 0001 61 05 00'])(
  'the record %j is refused',
  (record) => {
    expect(() => decodeMessage(wire(record))).toThrow('not a message record')
  },
)

test.each(['0000000000000000', '7ff0000000000000', '7ff8000000000000', '00'])(
  'the expiry %s is refused',
  (expiry) => {
    expect(() => decodeMessage(wire(`08 ${expiry} 0001 61 00`))).toThrow('not a message record')
  },
)
