// Retained messages in pages when something comes between two of them: an end of the connection, of the process, of the actor's memory,
// or another request of the client.
import { expect, test } from 'vitest'
import { ATTACHMENT_DELAY_MS, REPLAY_LOOK_MS, REPLAY_STALL_MS } from '../../actors/limits.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { held } from './fake-peers.ts'
import { acknowledge, connected, FILTER, leafWith, topicsTo } from './retained-world.ts'
import { frame, packetsTo, record, subscribeFrame, unsubscribePacket } from './samples.ts'

const TOPICS = ['a', 'b', 'c', 'd'].map((name) => `rooms/1/${name}`)
const MANY = Array.from({ length: 20 }, (_, i) => `rooms/1/${String(i).padStart(2, '0')}`)
const MEGABYTE = 1_000_000
const PINGREQ = Uint8Array.of(0xc0, 0)

const NO_PAGE = { records: packBatch([]), next: null }

test('UNSUBSCRIBE ends them for a session that ends with its connection, too', async () => {
  const world = await connected(leafWith(MANY, [], MEGABYTE), 0)
  await world.send(subscribeFrame(1, FILTER))
  await world.clock.pass(1_000)
  const before = topicsTo(world.connection).length
  await world.send(frame(unsubscribePacket(2, FILTER)))
  await acknowledge(world)
  await world.clock.pass(5_000)
  expect(before).toBeGreaterThan(0)
  expect(topicsTo(world.connection)).toHaveLength(before)
})

test('a takeover while a page is on its way goes on with them, though the client sends nothing more', async () => {
  const page = held<void>()
  const leaf = leafWith(TOPICS, [])
  let isFirst = true
  const world = await connected({
    ...leaf,
    retainedPage: async (filters, after) => {
      if (isFirst) {
        isFirst = false
        await page.answer
      }
      return leaf.retainedPage?.(filters, after) ?? NO_PAGE
    },
  })
  await world.send(subscribeFrame(1, FILTER))
  const next = await world.connect(false)
  page.give()
  await world.clock.pass(1_000)
  expect(topicsTo(next.connection)).toEqual(TOPICS)
})

test('a process that dies before the client has acknowledged a page gives the page again', async () => {
  const world = await connected(leafWith(TOPICS, []))
  await world.send(subscribeFrame(1, FILTER))
  await world.clock.pass(30)
  expect(topicsTo(world.connection).length).toBeGreaterThan(0)
  world.loseMemory(true)
  const back = await world.connect(false)
  for (let round = 0; round < 6; round++) {
    await world.clock.pass(1_000)
    await acknowledge(back)
  }
  expect([...new Set(topicsTo(back.connection))].sort()).toEqual(TOPICS)
})

test.each([
  ['outlives', 3600],
  ['ends with', 0],
])('of a session that %s its connection go on with a PINGREQ that wakes the actor', async (_, expiry) => {
  const many = Array.from({ length: 70 }, (_, i) => `rooms/1/${String(i).padStart(2, '0')}`)
  const world = await connected(leafWith(many, [], MEGABYTE), expiry)
  await world.send(
    frame({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: FILTER, qos: 0 as const }] }),
  )
  await world.clock.pass(REPLAY_STALL_MS + 1_000)
  const before = topicsTo(world.connection).length
  expect(before).toBeGreaterThan(60)
  expect(before).toBeLessThan(70)
  world.loseMemory()
  await world.send(PINGREQ)
  await world.clock.pass(1_000)
  expect(topicsTo(world.connection)).toEqual(many)
  expect(packetsTo(world.connection).some(({ cmd }) => cmd === 'pingresp')).toBe(true)
})

test('a SUBSCRIBE in the middle that asks for none changes the options of those that still come', async () => {
  const world = await connected(leafWith(MANY, [], MEGABYTE))
  await world.send(subscribeFrame(1, FILTER))
  await world.clock.pass(1_000)
  const before = topicsTo(world.connection).length
  await world.send(
    frame({
      cmd: 'subscribe',
      messageId: 2,
      subscriptions: [{ topic: FILTER, qos: 1 as const, rh: 2 }],
      properties: { subscriptionIdentifier: 7 },
    } as never),
  )
  for (let round = 0; round < 5; round++) {
    await acknowledge(world)
    await world.clock.pass(1_000)
  }
  const packets = packetsTo(world.connection).flatMap((packet) => (packet.cmd === 'publish' ? [packet] : []))
  expect(packets.map(({ topic }) => topic)).toEqual(MANY)
  const later = packets.slice(before).map(({ properties }) => properties?.subscriptionIdentifier)
  expect(later).toEqual(later.map(() => 7))
})

test('a client that leaves in the middle of a page gets the others when it is back, and none of them twice', async () => {
  const records = MANY.map((topic) => record(topic, topic.padEnd(MEGABYTE, ' '), { retain: true, qos: 1 }))
  const world = await connected({
    ...leafWith(MANY, []),
    retainedPage: async (_filters, after) => ({
      records: packBatch(records.filter((_, i) => (MANY[i] ?? '') > after)),
      next: null,
    }),
  })
  await world.send(subscribeFrame(1, FILTER))
  await world.clock.pass(1_000)
  const before = topicsTo(world.connection)
  await acknowledge(world)
  world.close()
  await world.clock.pass(1_000)
  const back = await world.connect(false)
  for (let round = 0; round < 6; round++) {
    await world.clock.pass(1_000)
    await acknowledge(back)
  }
  const first = packetsTo(back.connection).flatMap((packet) =>
    packet.cmd === 'publish' && !packet.dup ? [packet.topic] : [],
  )
  expect(before.length).toBeLessThan(MANY.length)
  expect([...new Set([...before, ...first])]).toEqual(MANY)
  expect(new Set(first).size).toBe(first.length)
  expect(first.filter((topic) => before.slice(0, 4).includes(topic))).toEqual([])
})

test('a client that acknowledges nothing and pings keeps no timer that looks for room', async () => {
  const world = await connected(leafWith(MANY, [], MEGABYTE))
  await world.send(subscribeFrame(1, FILTER))
  await world.clock.pass(REPLAY_STALL_MS + 10_000)
  expect(topicsTo(world.connection).length).toBeLessThan(MANY.length)
  world.loseMemory()
  await world.send(PINGREQ)
  await world.clock.pass(ATTACHMENT_DELAY_MS + 1_000)
  const { now, nextAt } = world.clock
  expect((nextAt ?? Number.POSITIVE_INFINITY) - now).toBeGreaterThan(REPLAY_LOOK_MS)
  for (let round = 0; round < 5; round++) {
    await acknowledge(world)
    await world.clock.pass(1_000)
  }
  expect([...new Set(topicsTo(world.connection))]).toEqual(MANY)
})
