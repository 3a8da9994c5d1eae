// A delivery as bytes: what queues keep and calls carry.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeMessage } from '../../src/mqtt/message.ts'
import { type Delivery, decodeDelivery, deliveryBytes, encodeDelivery } from '../../src/session/delivery.ts'
import { delivery } from './actor.ts'

const deliveries: fc.Arbitrary<Delivery> = fc.record({
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  identifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 20 }),
  share: fc.option(
    fc.record({ filter: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), waits: fc.boolean() }),
  ),
  message: fc.record({
    topic: fc.string({ minLength: 1, maxLength: 30 }).filter((t) => !t.includes('\0')),
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    properties: fc.uint8Array({ maxLength: 40 }),
    payload: fc.uint8Array({ maxLength: 100 }),
    expiresAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 50 })),
  }),
})

test('a delivery comes back as it went, out of the middle of a larger buffer too', () => {
  fc.assert(
    fc.property(deliveries, (one) => {
      const bytes = encodeDelivery(one)
      const room = new Uint8Array(bytes.length + 10).fill(0xff)
      room.set(bytes, 3)
      expect(decodeDelivery(room.subarray(3, 3 + bytes.length))).toEqual(one)
    }),
    { seed: 1883, numRuns: 500 },
  )
})

test('the QoS and RETAIN of the delivery and of its message are kept apart', () => {
  const one = delivery('t')
  const back = decodeDelivery(
    encodeDelivery({ ...one, qos: 0, retain: true, message: { ...one.message, qos: 1, retain: false } }),
  )
  expect([back.qos, back.retain, back.message.qos, back.message.retain]).toEqual([0, true, 1, false])
})

test('a message encoded once serves all its receivers', () => {
  const one = { ...delivery('t'), identifiers: [5] }
  const record = encodeMessage(one.message)
  expect(encodeDelivery(one, record)).toEqual(encodeDelivery(one))
})

test('as many identifiers as a session may have subscriptions come back', () => {
  // A client whose filters all overlap gets the identifiers of all of them with one message.
  const identifiers = Array.from({ length: 1000 }, (_, i) => i + 1)
  expect(decodeDelivery(encodeDelivery({ ...delivery('t'), identifiers })).identifiers).toEqual(identifiers)
})

test('what is no delivery throws', () => {
  const bytes = encodeDelivery({ ...delivery('topic'), identifiers: [1, 2] })
  for (let size = 0; size < bytes.length - 'topic'.length; size++) {
    expect(() => decodeDelivery(bytes.subarray(0, size))).toThrow()
  }
})

test('a delivery counts its payload, its properties, its topic and a little for itself', () => {
  const one = delivery('12345', { payloadBytes: 100 })
  expect(deliveryBytes({ ...one, message: { ...one.message, properties: new Uint8Array(7) } })).toBe(128)
})

test.each([0x03, 0x10, 0x20, 0x80])('a delivery with flags %i is refused', (flags) => {
  const bytes = encodeDelivery(delivery('t'))
  bytes[0] = flags
  expect(() => decodeDelivery(bytes)).toThrow('flags')
})
