// Fuzz: the records that travel between actors come back as they were, and anything else is refused with an Error.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import type { QoS } from '../../src/mqtt/packet.ts'
import { ProtocolViolation } from '../../src/mqtt/reason.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { decodeRouted, encodeRouted, type ShareTurn } from '../../src/relay/routed.ts'
import { type Delivery, decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import { text } from '../mqtt/oracle.ts'
import { joined } from './frames.ts'
import { fuzz } from './fuzz.ts'
import { mutated, mutations } from './mutations.ts'

const bytes = fc.uint8Array({ maxLength: 300 })

const PLAIN = { noNullPrototype: true }

const messages: fc.Arbitrary<Message> = fc.record(
  {
    topic: text,
    qos: fc.constantFrom<QoS>(0, 1, 2),
    retain: fc.boolean(),
    properties: bytes,
    payload: bytes,
    expiresAt: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      // `now` may have fractions of a millisecond.
      fc.double({ min: 1, max: 8.64e15, noNaN: true }),
    ),
    kept: fc.record({ epoch: fc.nat(), number: fc.maxSafeNat() }, PLAIN),
  },
  { ...PLAIN, requiredKeys: ['topic', 'qos', 'retain', 'properties', 'payload', 'expiresAt'] },
)

const deliveries: fc.Arbitrary<Delivery> = fc.record(
  {
    qos: fc.constantFrom<QoS>(0, 1, 2),
    retain: fc.boolean(),
    identifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 4 }),
    share: fc.option(fc.record({ filter: text, waits: fc.boolean() }, PLAIN)),
    message: messages,
  },
  PLAIN,
)

const turns: fc.Arbitrary<ShareTurn> = fc.record(
  {
    share: text,
    mode: fc.constantFrom('offer', 'keep', 'choose'),
    without: fc.array(
      text.map((name) => name as RegionId),
      { maxLength: 3 },
    ),
  },
  PLAIN,
)

const clients = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((name) => Buffer.byteLength(name) <= 128) as fc.Arbitrary<string> as fc.Arbitrary<ClientId>

function roundTrip(
  delivery: Delivery,
  publisher: ClientId,
  turn: ShareTurn | null,
  others: readonly Uint8Array[],
): void {
  const record = encodeMessage(delivery.message)
  assert.deepStrictEqual(decodeMessage(record), delivery.message)
  const delivered = encodeDelivery(delivery)
  assert.deepStrictEqual(encodeDelivery(delivery, record), delivered)
  assert.deepStrictEqual(decodeDelivery(delivered), delivery)
  const routed = encodeRouted(publisher, record, turn)
  assert.deepStrictEqual(decodeRouted(routed), { publisher, turn, record })

  const batch = packBatch([routed, ...others, delivered])
  // As it comes out of an envelope, and as a view into something larger.
  assert.deepStrictEqual(base64ToBytes(bytesToBase64(batch)), batch)
  const inside = joined([new Uint8Array(3), batch, new Uint8Array(2)]).subarray(3, 3 + batch.length)
  const unpacked = unpackBatch(inside)
  assert.deepStrictEqual(unpacked, [routed, ...others, delivered])
  assert.deepStrictEqual(decodeDelivery(unpacked.at(-1) ?? new Uint8Array(0)), delivery)
}

type Decoder = 'message' | 'delivery' | 'batch' | 'routed'

/** What a decoder accepts, its encoder writes again, byte for byte. */
const AGAIN: Readonly<Record<Decoder, (record: Uint8Array) => Uint8Array>> = {
  message: (record) => encodeMessage(decodeMessage(record)),
  delivery: (record) => encodeDelivery(decodeDelivery(record)),
  batch: (record) => packBatch(unpackBatch(record)),
  routed: (record) => {
    const routed = decodeRouted(record)
    const again = encodeRouted(routed.publisher, routed.record, routed.turn)
    if (routed.turn === null) return again
    // A turn is JSON, which can be written in many ways.
    assert.deepStrictEqual(decodeRouted(again), routed)
    return record
  },
}

const garbage = fc.record({
  decoder: fc.constantFrom<Decoder>('message', 'delivery', 'batch', 'routed'),
  record: fc.oneof(
    bytes,
    fc
      .tuple(
        fc.oneof(
          messages.map(encodeMessage),
          deliveries.map((one) => encodeDelivery(one)),
          fc
            .tuple(clients, bytes, fc.option(turns))
            .map(([client, record, turn]) => encodeRouted(client, record, turn)),
          fc.array(bytes, { maxLength: 4 }).map(packBatch),
        ),
        mutations,
      )
      .map(([record, changes]) => mutated(record, changes)),
  ),
})

export const RECORDS = [
  fuzz(
    'records',
    12,
    fc.tuple(deliveries, clients, fc.option(turns), fc.array(bytes, { maxLength: 3 })),
    ([delivery, client, turn, more]) => roundTrip(delivery, client, turn, more),
  ),
  fuzz('record-garbage', 12, garbage, ({ decoder, record }) => {
    let again: Uint8Array
    try {
      again = AGAIN[decoder](record)
    } catch (error) {
      // A ProtocolViolation would close the connection of a client that did nothing wrong.
      assert.ok(error instanceof Error && !(error instanceof ProtocolViolation), String(error))
      return
    }
    assert.deepStrictEqual(again, record)
  }),
]
