// A leaf's subscribers and interests where old and new cross: rows of a dead session, requests that come late.

import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { RESOLVE_WAIT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { Destination } from '../../actors/uplink/uplink-peer.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { ResolveResponse } from '../../src/relay/home.ts'
import type { InterestResponse } from '../../src/relay/interest.ts'
import { fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  deliveredTexts,
  EU,
  LAMP,
  ROOM,
  record,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'

test.each([
  ['wider', 'rooms/1/#', 'rooms/1/a'],
  ['narrower', 'rooms/1/a', 'rooms/1/#'],
])('a dead session with a %s filter keeps nothing from its successor', async (_, dead, alive) => {
  const got: string[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: () => ({
        deliver: async (session, batch) => {
          const known = session === 'successor'
          if (known) got.push(...deliveredTexts(batch))
          return new Uint8Array(unpackBatch(batch).length).fill(known ? 0 : Outcome.NoSuchSession)
        },
      }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  await leaf.subscribe(APP, 'dead', [subscriptionTo(dead)])
  await leaf.subscribe(APP, 'successor', [subscriptionTo(alive)])
  const published = ['1', '2', '3'].map((text) => watch(leaf.publish(LAMP, [record('rooms/1/a', text)])))
  await platform.clock.pass(1000)

  expect(published.map(({ value }) => value())).toEqual([1, 2, 3].map(() => Uint8Array.of(0)))
  expect(got).toEqual(['1', '2', '3'])
})

test('a withdrawal that comes after a newer interest of its region is void, though the home died in between', async () => {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM))
  const { fleet } = platform
  const wish = { fleet, root: ROOM, region: US, epoch: 1, filters: [], shares: [] }
  const { leaf } = new Topic(platform, ROOM)
  await leaf.interest({ ...wish, change: 'add', order: 1, plain: true })
  await leaf.interest({ ...wish, change: 'add', order: 3, plain: true })
  const awake = new Topic(platform.loseMemory(), ROOM)
  await awake.leaf.interest({ ...wish, change: 'only', order: 2, plain: false })
  expect(awake.leaf.interests.regions).toEqual([US])
  await awake.leaf.interest({ ...wish, change: 'only', order: 4, plain: false })
  expect(awake.leaf.interests.regions).toEqual([])
})

test('a subscribe that fails does not end one that succeeded meanwhile', async () => {
  const first = held<InterestResponse>()
  const home = { region: US, epoch: 1 }
  const answers = [first.answer, Promise.resolve({ home, order: 0, clock: 0, retained: [] })]
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    core: fakeCore(US, {
      interest: () => answers.shift() ?? Promise.resolve({ home, order: 0, clock: 0, retained: [] }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  const early = watch(leaf.subscribe(APP, 's', [subscriptionTo('rooms/1/#')]))
  await platform.clock.settled()
  const late = watch(leaf.subscribe(APP, 's', [subscriptionTo('rooms/1/#')]))
  await platform.clock.settled()
  first.fail(new CoreUnreachable('the answer was lost'))
  await platform.clock.settled()

  expect([early.value()?.reasons, late.value()?.reasons]).toEqual([[0x83], [1]])
  expect(leaf.subscribers.has(APP, 'rooms/1/#')).toBe(true)
})

test('while the core is slow to say where the home is, a publish goes to the outbox and a subscription waits', async () => {
  const slow = held<ResolveResponse>()
  const sent: Destination[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      uplink: () => ({
        send: async (_, to, __, batch) => {
          sent.push(to)
          return new Uint8Array(unpackBatch(batch).length)
        },
      }),
    }),
    core: fakeCore(US, { resolve: () => slow.answer }),
  })
  const { leaf } = new Topic(platform, ROOM)
  const subscribed = watch(leaf.subscribe(APP, 's', [subscriptionTo('rooms/1/#')]))
  const published = ['1', '2'].map((text) => watch(leaf.publish(LAMP, [record('rooms/1/a', text)])))
  await platform.clock.pass(RESOLVE_WAIT_MS - 1)
  expect(published.map(({ state }) => state())).toEqual(['open', 'open'])
  await platform.clock.pass(100)
  expect(published.map(({ value }) => value())).toEqual([Uint8Array.of(0), Uint8Array.of(0)])
  expect(new Set(sent.map(({ kind }) => kind))).toEqual(new Set(['home']))

  await platform.clock.pass(10_000)
  expect(subscribed.state()).toBe('open')
  slow.give({ home: { region: US, epoch: 1 } })
  await platform.clock.pass(100)
  expect(subscribed.value()?.reasons).toEqual([1])
})

test('a thousand that subscribe at once make two calls to the home at most, and each gets its retained messages', async () => {
  const asked: string[][] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    core: fakeCore(US, {
      interest: async ({ filters, order }) => {
        asked.push(filters)
        await new Promise<void>((done) => platform.clock.after(10, done))
        const kept = [record('rooms/1/a', 'a', { retain: true }), record('rooms/1/b', 'b', { retain: true })]
        return {
          home: { region: US, epoch: 1 },
          order,
          clock: platform.now(),
          retained: ['rooms/1/a', 'rooms/1/b'].map((topic, i) => ({
            topic,
            record: kept[i] as Uint8Array,
          })),
        }
      },
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  const replies = Array.from({ length: 1_000 }, (_, i) =>
    watch(
      leaf.subscribe(`c${i}` as ClientId, `s${i}`, [subscriptionTo(i % 2 === 0 ? 'rooms/1/a' : 'rooms/1/b')]),
    ),
  )
  await platform.clock.pass(100)
  expect(asked.length).toBeLessThanOrEqual(2)
  expect(replies.map(({ value }) => deliveredTexts(value()?.retained ?? new Uint8Array(0)))).toEqual(
    replies.map((_, i) => [i % 2 === 0 ? 'a' : 'b']),
  )
})
