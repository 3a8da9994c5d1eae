// A leaf's backlog: a subscriber whose actor does not answer costs itself, and not the publishers of the root.
import { expect, test, vi } from 'vitest'
import { Topic } from '../../actors/topic/topic.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, deliveredTexts, EU, LAMP, ROOM, record, subscriptionTo, watch } from './samples.ts'

const { MESSAGES_MAX } = vi.hoisted(() => ({ MESSAGES_MAX: 6 }))
vi.mock('../../actors/limits.ts', async (original) => ({
  ...(await original<typeof import('../../actors/limits.ts')>()),
  BACKLOG_MESSAGES_MAX: MESSAGES_MAX,
}))

/** A leaf with subscribers, of which some do not answer. */
async function leafWith(subscribers: readonly string[], silent: Set<string>) {
  const got = new Map<string, string[]>()
  const batches: number[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    peers: fakePeers({
      device: (client) => ({
        deliver: async (_, batch) => {
          if (silent.has(client)) throw new Error('no answer')
          batches.push(batch.length)
          got.set(client, [...(got.get(client) ?? []), ...deliveredTexts(batch)])
          return new Uint8Array(unpackBatch(batch).length)
        },
      }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  for (const one of subscribers)
    await leaf.subscribe(one as ClientId, `session of ${one}`, [subscriptionTo('rooms/1/#')])
  const publish = async (text: string) => {
    const published = watch(leaf.publish(LAMP, [record('rooms/1/a', text)]))
    await platform.clock.pass(1_000)
    return published.value()?.[0]
  }
  const back = async () => {
    silent.clear()
    await leaf.alarm()
    await platform.clock.pass(2_000)
  }
  return { got, publish, back, batches, platform }
}

const texts = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

test('past its bound a subscriber that does not answer loses its oldest deliveries, and publishers go on', async () => {
  const { got, publish, back, platform } = await leafWith(['bad', 'good'], new Set(['bad']))
  for (const text of texts(1, MESSAGES_MAX + 4)) expect(await publish(text)).toBe(Outcome.Stored)
  expect(got.get('good')).toEqual(texts(1, MESSAGES_MAX + 4))
  await back()
  expect(got.get('bad')).toEqual(texts(5, MESSAGES_MAX + 4))
  expect(platform.reports.filter(({ what }) => what.includes('a delivery to bad is dropped'))).toHaveLength(4)
})

test('of two that do not answer, the one with the longer backlog pays', async () => {
  const silent = new Set(['first'])
  const { got, publish, back } = await leafWith(['first', 'second'], silent)
  for (const text of texts(1, MESSAGES_MAX)) await publish(text)
  silent.add('second')
  for (const text of ['7', '8']) expect(await publish(text)).toBe(Outcome.Stored)
  await back()
  expect(got.get('second')).toEqual(texts(1, 8))
  expect(got.get('first')).toEqual(texts(5, 8))
})

test('large deliveries that wait go in calls that are bounded by bytes', async () => {
  const { got, publish, back, batches } = await leafWith(['bad'], new Set(['bad']))
  const large = 'x'.repeat(700_000)
  for (let i = 0; i < 3; i++) await publish(large)
  await back()
  expect(got.get('bad')).toHaveLength(3)
  expect(Math.max(...batches)).toBeLessThan(1_000_000)
})
