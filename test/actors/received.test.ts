// Envelopes that come again after their receiver's memory was lost, or their sender's.

import { expect, test } from 'vitest'
import { LEAF_SOURCES_MAX, SOURCES_PRUNED_AT_ONCE } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { Run } from '../../actors/uplink/uplink-peer.ts'
import { Wide } from '../../actors/wide/wide.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  deliveredTexts,
  EU,
  LAMP,
  ROOM,
  record,
  routed,
  subscriptionTo,
  textOf,
  watch,
} from './samples.ts'

const HOME = { kind: 'home' } as const
const TO_EU = { kind: 'region', region: EU, epoch: 1 } as const

function envelope(source: string, first: number, ...records: Uint8Array[]): Envelope {
  return {
    fleet: DEFAULT_FLEET,
    root: ROOM,
    to: HOME,
    source,
    first,
    clock: 0,
    records: packBatch(records),
  }
}

function texts(...all: string[]): Uint8Array[] {
  return all.map((text) => routed('rooms/1/a', text))
}

/** The room's leaf in eu, its home, and a subscriber whose session answers each message with an outcome. */
async function room(outcomeOf: (text: string) => number, taken: Run[] = []) {
  const got: string[] = []
  let platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          const fresh = deliveredTexts(batch)
          got.push(...fresh)
          return Uint8Array.from(fresh.map(outcomeOf))
        },
      }),
      uplink: () => ({ pickUp: async () => taken }),
    }),
  })
  let topic = new Topic(platform, ROOM)
  await topic.leaf.subscribe(APP, 'session of app', [subscriptionTo('rooms/1/#')])
  return {
    got,
    get platform() {
      return platform
    },
    get leaf() {
      return topic.leaf
    },
    loseMemory: () => {
      platform = platform.loseMemory()
      topic = new Topic(platform, ROOM)
    },
    receive: async (one: Envelope) => {
      const received = watch(topic.leaf.receive(one, 1))
      await platform.clock.pass(100)
      return received.value()
    },
  }
}

const keeps = () => Outcome.Stored
const acknowledges = () => Reason.Success

test.each([
  ['to the home', HOME],
  ['from the home', TO_EU],
])(
  'what came %s and was stored is recognised when it comes again, though the leaf’s memory was lost',
  async (_, to) => {
    const { got, receive, loseMemory } = await room(keeps)
    const first = { ...envelope('s', 4, ...texts('1', '2')), to }
    expect(await receive(first)).toEqual({ status: 'done', outcomes: [Outcome.Stored, Outcome.Stored] })
    loseMemory()
    expect(await receive(first)).toEqual({ status: 'done', outcomes: [Outcome.Stored, Outcome.Stored] })
    await receive({ ...envelope('s', 4, ...texts('1', '2', '3')), to })
    loseMemory()
    await receive({ ...envelope('s', 5, ...texts('2', '3', '4')), to })
    expect(got).toEqual(['1', '2', '3', '4'])
  },
)

test('a retained message that comes again does not replace a newer one, though the leaf’s memory was lost', async () => {
  const world = await room(acknowledges)
  const old = envelope('s', 0, routed('rooms/1/a', 'old', { retain: true }))
  await world.receive(old)
  const newer = watch(world.leaf.publish(LAMP, [record('rooms/1/a', 'newer', { retain: true })]))
  await world.platform.clock.pass(100)
  expect(newer.value()).toEqual(Uint8Array.of(Outcome.Stored))
  world.loseMemory()
  await world.receive(old)
  const kept = world.leaf.retained.all().map((one) => textOf(decodeMessage(one.record).payload))
  expect(kept).toEqual(['newer'])
})

test('what only connected clients got is not written down (promise 1)', async () => {
  const world = await room(acknowledges)
  await world.receive(envelope('s', 0, ...texts('1')))
  const before = world.platform.execs
  for (let i = 1; i < 10; i++) await world.receive(envelope('s', i, ...texts(`${i}`)))
  expect(world.platform.execs).toBe(before)
})

test('one message that is stored costs one row, however many came with it', async () => {
  const world = await room((text) => (text === '2' ? Outcome.Stored : Reason.Success))
  await world.receive(envelope('s', 0, ...texts('1', '2', '3')))
  const rows = world.platform.storage.exec('SELECT source, first FROM envelope')
  expect(rows).toEqual([{ source: 's', first: 0 }])
})

test('a refusal is repeated, not forgotten', async () => {
  const world = await room((text) => (text === 'too much' ? Reason.QuotaExceeded : Outcome.Stored))
  const one = envelope('s', 0, ...texts('1', 'too much'))
  const outcomes = [Outcome.Stored, Reason.QuotaExceeded]
  expect(await world.receive(one)).toEqual({ status: 'done', outcomes })
  world.loseMemory()
  expect(await world.receive(one)).toEqual({ status: 'done', outcomes })
})

test('an envelope that is long overtaken brings nothing, and the last one’s outcomes stay known', async () => {
  const world = await room((text) => (text === '2' ? Reason.QuotaExceeded : Reason.Success))
  await world.receive(envelope('s', 0, ...texts('1')))
  await world.receive(envelope('s', 1, ...texts('2')))
  expect(await world.receive(envelope('s', 0, ...texts('1')))).toMatchObject({ outcomes: [Reason.Success] })
  expect(await world.receive(envelope('s', 1, ...texts('2')))).toMatchObject({
    outcomes: [Reason.QuotaExceeded],
  })
  expect(world.got).toEqual(['1', '2'])
})

test('messages that the home picked up from its own region’s uplink are recognised when the uplink sends them too, after the home’s death', async () => {
  const [one, two] = texts('1', '2')
  if (one === undefined || two === undefined) throw new Error('two texts')
  const world = await room(keeps, [
    { source: 'before', first: 7, batch: packBatch([one]) },
    { source: 's', first: 0, batch: packBatch([two]) },
  ])
  await world.platform.clock.pass(100)
  expect(world.got).toEqual(['1', '2'])
  world.loseMemory()
  await world.receive(envelope('before', 7, one))
  await world.receive(envelope('s', 0, two, ...texts('3')))
  expect(world.got).toEqual(['1', '2', '3'])
})

test('a message that comes by the core while the home still delivers its picked-up copy is answered when that is delivered', async () => {
  const [one] = texts('1')
  if (one === undefined) throw new Error('a text')
  const delivered = held<Uint8Array>()
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: () => ({ deliver: () => delivered.answer }),
      uplink: () => ({ pickUp: async () => [{ source: 's', first: 0, batch: packBatch([one]) }] }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  await leaf.subscribe(APP, 'session of app', [subscriptionTo('rooms/1/#')])
  const received = watch(leaf.receive(envelope('s', 0, one), 1))
  await platform.clock.pass(100)
  expect(received.state()).toBe('open')
  delivered.give(Uint8Array.of(Outcome.Stored))
  await platform.clock.pass(100)
  expect(received.value()).toEqual({ status: 'done', outcomes: [Outcome.Stored] })
})

test('of many sources the latest are known', async () => {
  const world = await room(keeps)
  const last = LEAF_SOURCES_MAX + 3 * SOURCES_PRUNED_AT_ONCE
  for (let i = 0; i <= last; i++) await world.receive(envelope(`s${i}`, 0, ...texts(`${i}`)))
  const [count] = world.platform.storage.exec('SELECT count(*) AS n FROM envelope')
  expect(Number(count?.n)).toBeLessThan(LEAF_SOURCES_MAX + SOURCES_PRUNED_AT_ONCE)
  world.loseMemory()
  const before = world.got.length
  for (let i = last - LEAF_SOURCES_MAX + 1; i <= last; i++)
    await world.receive(envelope(`s${i}`, 0, ...texts(`${i}`)))
  expect(world.got).toHaveLength(before)
})

test('a WideActor tells the roots of one source apart, also after its memory was lost', async () => {
  const got: string[] = []
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          got.push(...deliveredTexts(batch))
          return Uint8Array.from(deliveredTexts(batch).map(keeps))
        },
      }),
    }),
  })
  const wide = new Wide(platform, 0)
  const subscribed = watch(wide.subscribe(APP, 'session of app', [subscriptionTo('#')]))
  await platform.clock.pass(2_000)
  expect(subscribed.value()?.reasons).toEqual([1])
  const to = { kind: 'wide', region: EU } as const
  const one = { ...envelope('s', 0, ...texts('1', '2')), to }
  const other = { ...envelope('s', 0, routed('attic/1/a', 'other')), to, root: 'attic/1' as typeof ROOM }
  watch(wide.receive(one))
  watch(wide.receive(other))
  await platform.clock.pass(100)
  const again = new Wide(platform.loseMemory(), 0)
  watch(again.receive(other))
  watch(again.receive(one))
  await platform.clock.pass(100)
  expect(got).toEqual(['1', '2', 'other'])
})
