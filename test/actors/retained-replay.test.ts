// Retained messages for a narrow filter: with the reply of the leaf as many as a page holds, the others page by page, as the client
// takes them.
import { expect, test } from 'vitest'
import { packBatch } from '../../src/relay/batch.ts'
import { OUTGOING_INFLIGHT_BYTES_MAX } from '../../src/session/limits.ts'
import { acknowledge, connected, FILTER, leafWith, topicsTo } from './retained-world.ts'
import { deliveryOf, frame, packetsTo, subscribeFrame, unsubscribePacket, watch } from './samples.ts'

const TOPICS = ['a', 'b', 'c', 'd'].map((name) => `rooms/1/${name}`)

test('come page by page after SUBACK, each once, in the order of topics', async () => {
  const asked: string[] = []
  const { connection, send, clock, device } = await connected(leafWith(TOPICS, asked))
  await send(subscribeFrame(1, FILTER))
  await clock.pass(1_000)
  expect(packetsTo(connection).map(({ cmd }) => cmd)).toEqual([
    'connack',
    'suback',
    ...TOPICS.map(() => 'publish'),
  ])
  expect(topicsTo(connection)).toEqual(TOPICS)
  expect(asked).toEqual(['', ...TOPICS.slice(0, -1)])
  expect(device().parts.store.subscriptions().get(FILTER)?.retainedAfter).toBeUndefined()
})

test('wait for room: no more is sent than the client may have in flight, and none is queued', async () => {
  const many = Array.from({ length: 20 }, (_, i) => `rooms/1/${String(i).padStart(2, '0')}`)
  const { connection, send, clock, device } = await connected(leafWith(many, [], 1_000_000))
  await send(subscribeFrame(1, FILTER))
  await clock.pass(10_000)
  const first = topicsTo(connection).length
  expect(first).toBeGreaterThanOrEqual(Math.floor(OUTGOING_INFLIGHT_BYTES_MAX / 1_000_000))
  expect(first).toBeLessThan(many.length)
  for (let round = 0; round < 5; round++) {
    await acknowledge({ connection, send })
    await clock.pass(1_000)
  }
  expect([...new Set(topicsTo(connection))]).toEqual(many)
  expect(device().parts.facts.dropped).toBe(0)
})

test('follow when the client is back, from where they had come', async () => {
  const many = Array.from({ length: 20 }, (_, i) => `rooms/1/${String(i).padStart(2, '0')}`)
  const first = await connected(leafWith(many, [], 1_000_000))
  await first.send(subscribeFrame(1, FILTER))
  await first.clock.pass(1_000)
  const before = topicsTo(first.connection)
  expect(before.length).toBeLessThan(many.length)
  first.close()
  await first.clock.pass(1_000)
  const back = await first.connect(false)
  for (let round = 0; round < 6; round++) {
    await first.clock.pass(1_000)
    await acknowledge(back)
  }
  // What was in flight is sent again.
  expect([...new Set([...before, ...topicsTo(back.connection)])]).toEqual(many)
})

test('of a topic that a live message has overtaken do not come', async () => {
  const { connection, send, clock, device } = await connected({
    ...leafWith(TOPICS, []),
    retainedPage: async (_filters, after) => {
      if (after === '') {
        const session = device().parts.store.session()?.id ?? ''
        watch(device().deliver(session, [deliveryOf('rooms/1/b', 'live')]))
      }
      return leafWith(TOPICS, []).retainedPage?.([FILTER], after) ?? { records: packBatch([]), next: null }
    },
  })
  await send(subscribeFrame(1, FILTER))
  await clock.pass(1_000)
  expect(topicsTo(connection).sort()).toEqual(TOPICS)
})

test('end with UNSUBSCRIBE', async () => {
  const many = Array.from({ length: 20 }, (_, i) => `rooms/1/${String(i).padStart(2, '0')}`)
  const { connection, send, clock } = await connected(leafWith(many, [], 1_000_000))
  await send(subscribeFrame(1, FILTER))
  await clock.pass(1_000)
  const before = topicsTo(connection).length
  await send(frame(unsubscribePacket(2, FILTER)))
  await acknowledge({ connection, send })
  await clock.pass(5_000)
  expect(topicsTo(connection)).toHaveLength(before)
})

test('that cannot be read are asked for again', async () => {
  let tries = 0
  const leaf = leafWith(TOPICS, [])
  const { connection, send, clock } = await connected({
    ...leaf,
    retainedPage: async (filters, after) => {
      if (++tries < 9) throw new Error('the leaf is away')
      return leaf.retainedPage?.(filters, after) ?? { records: packBatch([]), next: null }
    },
  })
  await send(subscribeFrame(1, FILTER))
  await clock.pass(30_000)
  expect(topicsTo(connection)).toEqual(TOPICS)
})
