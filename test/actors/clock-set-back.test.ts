// A region's clock is set back by minutes, between two lives of an actor or within one: what it says then is newer all the
// same, and nobody waits for the clock.
import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { WIDE_GRANT_MARGIN_MS, WIDE_GRANT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { WideSubscribeReply } from '../../actors/wide/wide-peer.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  EU,
  LAMP,
  ROOM,
  record,
  routed,
  routedTexts,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'
import { WideWorld } from './wide-world.ts'

const BACK_MS = -300_000

test.each([
  ['when a message comes that nobody here wants', false],
  ['when the last subscriber has gone', true],
])('a leaf away from home withdraws its region’s interest %s', async (_, asksBefore) => {
  const home = new Topic(new FakePlatform(addressOf('topic', US, ROOM)), ROOM)
  let calls = 0
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    core: fakeCore(US, {
      interest: async (request) => {
        calls++
        const answer = await home.leaf.interest({ ...request, epoch: 1 })
        if (answer.status !== 'done') throw new CoreUnreachable('the home has moved')
        return { ...answer, home: { region: US, epoch: 1 } }
      },
    }),
  })
  const subscribe = async (leaf: Topic['leaf'], client: ClientId) => {
    const subscribed = watch(leaf.subscribe(client, 's', [subscriptionTo('rooms/1/#')]))
    await platform.clock.pass(100)
    expect(subscribed.value()?.reasons).toEqual([1])
  }
  await subscribe(new Topic(platform, ROOM).leaf, APP)
  expect(home.leaf.interests.regions).toEqual([EU])
  const awake = platform.loseMemory()
  awake.clock.set(BACK_MS)
  const { leaf } = new Topic(awake, ROOM)
  if (asksBefore) await subscribe(leaf, LAMP)
  calls = 0
  leaf.unsubscribe(APP, 's', null)
  leaf.unsubscribe(LAMP, 's', null)
  if (!asksBefore) {
    const records = packBatch([routed('rooms/1/a', 'x')])
    const to = { kind: 'region', region: EU, epoch: 1 } as const
    const from = { fleet: awake.fleet, root: ROOM, source: 'home', first: 1, clock: awake.now() }
    await leaf.receive({ ...from, to, records }, 1)
  }
  await awake.clock.pass(100)
  expect(home.leaf.interests.regions).toEqual([])
  expect(calls).toBe(asksBefore ? 1 : 2)
  await subscribe(leaf, APP)
  expect(home.leaf.interests.regions).toEqual([EU])
})

test('the other regions learn what a WideActor’s set of filters is now', async () => {
  const world = await new WideWorld().acquainted()
  const subscribe = async (client: ClientId, filter: string) => {
    const reply = watch<WideSubscribeReply>(world.eu.wide.subscribe(client, 's', [subscriptionTo(filter)]))
    await world.clock.pass(WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS)
    expect(reply.value()?.reasons).toEqual([1])
  }
  await subscribe(APP, 'other/#')
  world.loseMemory(world.eu)
  world.clock.set(BACK_MS)
  await subscribe(LAMP, '+/+/a')
  watch(world.us.wide.publish(ROOM, packBatch([routed('rooms/1/a', '1')])))
  await world.clock.pass(100)
  expect(world.eu.got).toEqual(['lamp 1'])
})

test('a grant that a home holds is void, and does not last until the clock is there again', async () => {
  const asked: string[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      wide: () => ({
        publish: async (_, batch) => {
          asked.push(...routedTexts(batch))
          const outcomes = new Uint8Array(unpackBatch(batch).length).fill(Reason.NoMatchingSubscribers)
          return { outcomes, skipMs: WIDE_GRANT_MS }
        },
      }),
    }),
    core: fakeCore(EU),
  })
  const { leaf } = new Topic(platform, ROOM)
  const publish = async (text: string) => {
    watch(leaf.publish(LAMP, [record('rooms/1/a', text)]))
    await platform.clock.pass(10)
  }
  await publish('1')
  await publish('passed over')
  platform.clock.set(BACK_MS)
  await publish('2')
  await publish('passed over')
  await platform.clock.pass(WIDE_GRANT_MS)
  await publish('3')
  expect(asked).toEqual(['1', '2', '3'])
})
