// A leaf whose subscribers have rows of a session that has died beside those of its successor.
import { expect, test } from 'vitest'
import { NO_SUCH_SESSION } from '../../actors/leaf/outcome.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, deliveredTexts, EU, LAMP, ROOM, record, subscriptionTo, watch } from './samples.ts'

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
          return new Uint8Array(unpackBatch(batch).length).fill(known ? 0 : NO_SUCH_SESSION)
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
