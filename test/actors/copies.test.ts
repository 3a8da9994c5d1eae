// How often the bytes of a message are copied on the way from a publisher in one region to a subscriber in another. The calls
// between processes copy them besides. docs/architecture/bytes.md says where each copy is made, and why.
import { afterEach, expect, test, vi } from 'vitest'
import { runOf } from '../../actors/leaf/links/received-envelopes.ts'
import { Uplink } from '../../actors/uplink/uplink.ts'
import type { Root } from '../../src/id/ids.ts'
import { decodeMessage, encodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { decodeBody, encodeBody } from '../../src/relay/body.ts'
import {
  deliverRequestSchema,
  envelopesRequestSchema,
  type OutgoingEnvelopesRequest,
} from '../../src/relay/envelope.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'
import { RELAY_VERSION_CURRENT } from '../../src/relay/version.ts'
import { encodeDelivery } from '../../src/session/delivery.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP } from './samples.ts'

const PAYLOAD_BYTES = 100_000
const ROOM = 'rooms/1' as Root

afterEach(() => {
  vi.restoreAllMocks()
})

/** How often the payload was copied into another array so far. */
function countCopies(): () => number {
  let bytes = 0
  const { set, slice } = Uint8Array.prototype
  vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, given, at) {
    bytes += given.length
    set.call(this, given, at)
  })
  vi.spyOn(Uint8Array.prototype, 'slice').mockImplementation(function (this: Uint8Array, from, to) {
    const made = slice.call(this, from, to) as Uint8Array<ArrayBuffer>
    bytes += made.length
    return made
  })
  return () => bytes / PAYLOAD_BYTES
}

/** What the core or an edge reads of a body. */
function arrived(body: unknown, views: boolean): unknown {
  const { type, content } = encodeBody(RELAY_VERSION_CURRENT, body)
  return decodeBody(type, content as Uint8Array, { views })
}

test('a message is copied nine times from region to region: five times at home, once in the core, three times where it goes', async () => {
  const payload = new Uint8Array(PAYLOAD_BYTES)
  const copies = countCopies()
  const at: Record<string, number> = {}

  // The publisher's actor, and the leaf at home.
  const topic = 'rooms/1/a'
  const record = encodeMessage({
    topic,
    qos: 1,
    retain: false,
    properties: new Uint8Array(0),
    payload,
    expiresAt: 0,
  })
  const [atLeaf] = unpackBatch(packBatch([record]))
  const batch = packBatch([encodeRouted(LAMP, atLeaf as Uint8Array)])
  at.leaf = copies()

  // The uplink, up to the body of its call.
  const request = Promise.withResolvers<OutgoingEnvelopesRequest>()
  const platform = new FakePlatform(addressOf('uplink', EU, '0'))
  // Past the fake network, which copies.
  Object.assign(platform, {
    core: {
      ...fakeCore(EU),
      envelopes: (given: OutgoingEnvelopesRequest) => {
        request.resolve(given)
        return Promise.resolve({ results: [{ status: 'done', outcomes: [0] }] })
      },
    },
  })
  const uplink = new Uplink(platform)
  await uplink.send(ROOM, { kind: 'home' }, null, batch)
  const atCore = envelopesRequestSchema.parse(arrived(await request.promise, true))
  at.uplink = copies()

  // The core.
  const envelopes = atCore.envelopes.map((envelope) => ({ envelope, epoch: 1 }))
  const { type, content } = encodeBody(RELAY_VERSION_CURRENT, { envelopes })
  at.core = copies()

  // The edge of the other region, and the leaf there.
  const atEdge = deliverRequestSchema.parse(decodeBody(type, content as Uint8Array, { views: false }))
  const [envelope] = atEdge.envelopes
  if (envelope === undefined) throw new Error('no envelope')
  const [routed] = unpackBatch(runOf(envelope.envelope, 0).batch)
  at.edge = copies()
  const message = decodeRouted(routed as Uint8Array)
  const share = { qos: 1, retain: false, identifiers: [], share: null } as const
  packBatch([encodeDelivery({ ...share, message: decodeMessage(message.record) }, message.record)])
  at.delivery = copies()

  const whole = Object.fromEntries(Object.entries(at).map(([where, count]) => [where, Math.round(count)]))
  expect(whole).toEqual({ leaf: 4, uplink: 5, core: 6, edge: 7, delivery: 9 })
})
