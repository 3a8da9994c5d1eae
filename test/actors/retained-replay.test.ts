// Retained messages for a narrow filter: with the reply of the leaf as many as a page holds, the others page by page, as the client
// takes them.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { LeafPeer } from '../../actors/leaf/leaf-peer.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { OUTGOING_INFLIGHT_BYTES_MAX } from '../../src/session/limits.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  frame,
  LAMP,
  packetsTo,
  record,
  subscribeFrame,
  unsubscribePacket,
  watch,
} from './samples.ts'

const FILTER = 'rooms/1/#'

/** A leaf of `rooms/1` that has these retained messages, one to a page, and none of them in the first reply. */
function leafWith(topics: readonly string[], asked: string[], bytes = 1): Partial<LeafPeer> {
  return {
    subscribe: async (_client, _session, subscriptions) => ({
      reasons: subscriptions.map(({ qos }) => qos),
      retained: packBatch([]),
      retainedNext: '',
    }),
    retainedPage: async (_filters, after) => {
      asked.push(after)
      const topic = topics.find((one) => one > after)
      const records =
        topic === undefined ? [] : [record(topic, topic.padEnd(bytes, ' '), { retain: true, qos: 1 })]
      return { records: packBatch(records), next: topic === topics.at(-1) ? null : (topic ?? null) }
    },
  }
}

async function connected(leaf: Partial<LeafPeer>, expirySeconds = 3600) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers: fakePeers({ leaf: () => leaf }) })
  const gate = new Gate(platform, LAMP)
  const connect = async (cleanStart = true) => {
    const connection = platform.accept()
    gate.opened(connection, true)
    await gate.frame(connection, connectFrame(expirySeconds, { clean: cleanStart }))
    await platform.clock.settled()
    const send = async (bytes: Uint8Array) => {
      watch(gate.frame(connection, bytes) ?? Promise.resolve())
      await platform.clock.settled()
    }
    return { connection, send, close: () => gate.closed(connection) }
  }
  return { ...(await connect()), connect, clock: platform.clock, device: () => gate.device, platform }
}

function topicsTo(connection: Parameters<typeof packetsTo>[0]): string[] {
  return packetsTo(connection).flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []))
}

/** Acknowledges all that came. */
async function acknowledge({
  connection,
  send,
}: {
  connection: Parameters<typeof packetsTo>[0]
  send: (bytes: Uint8Array) => Promise<void>
}) {
  for (const packet of packetsTo(connection))
    if (packet.cmd === 'publish') await send(frame({ cmd: 'puback', messageId: packet.messageId ?? 0 }))
}

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
