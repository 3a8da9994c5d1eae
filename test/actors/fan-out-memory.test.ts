// One copy of a large message for all subscribers of a leaf: what the leaf holds does not grow with their number.
import { expect, test } from 'vitest'
import { Courier } from '../../actors/calls/courier.ts'
import { ACTOR_MESSAGES_BYTES_MAX, CALL_ROOM_BYTES_MAX } from '../../actors/limits.ts'
import { memoryOf } from '../../actors/memory-budget.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { FakeClock } from './fake-clock.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, LAMP, ROOM, record, subscriptionTo, watch } from './samples.ts'

const MIB = 1024 * 1024
const DELIVERY_MS = 5

/** A leaf with so many subscribers, whose actors take their time. */
async function leafWith(subscribers: number) {
  const clock = new FakeClock()
  let received = 0
  let underWay = 0
  let mostUnderWay = 0
  let mostHeld = 0
  const platform: FakePlatform = new FakePlatform(addressOf('topic', EU, ROOM), {
    clock,
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          underWay += batch.length
          mostUnderWay = Math.max(mostUnderWay, underWay)
          mostHeld = Math.max(mostHeld, memoryOf(platform).bytes)
          await new Promise<void>((over) => void clock.after(DELIVERY_MS, over))
          underWay -= batch.length
          const { length } = unpackBatch(batch)
          received += length
          return new Uint8Array(length)
        },
      }),
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  for (let i = 0; i < subscribers; i++)
    await leaf.subscribe(`app-${i}` as ClientId, `session-${i}`, [subscriptionTo('rooms/1/#')])
  return {
    clock,
    leaf,
    memory: memoryOf(platform),
    counts: () => ({ received, mostUnderWay, mostHeld }),
  }
}

test.each([
  [20, 1, MIB],
  [200, 1, MIB],
  [1_000, 3, 200 * 1024],
])(
  '%d subscribers get %d messages of %d bytes, of which the leaf holds one copy each',
  async (subscribers, messages, bytes) => {
    const { clock, leaf, memory, counts } = await leafWith(subscribers)
    const text = 'x'.repeat(bytes)
    const published = Array.from({ length: messages }, (_, i) =>
      watch(leaf.publish(LAMP, [record('rooms/1/a', `${i}${text}`)])),
    )
    await clock.pass(60_000)
    expect(published.map(({ value }) => value()?.[0])).toEqual(Array(messages).fill(Reason.Success))
    const { received, mostUnderWay, mostHeld } = counts()
    expect(received).toBe(subscribers * messages)
    // One copy more is on its way to the wide filters; beside the records each delivery has a head of three bytes.
    expect(mostHeld).toBeLessThan(2 * messages * (bytes + 100) + subscribers * messages * 3)
    expect(mostUnderWay).toBeLessThan(CALL_ROOM_BYTES_MAX + 2 * MIB)
    expect(memory.bytes).toBe(0)
  },
  60_000,
)

test('an actor that holds all that it may refuses further messages, for whomever, and takes them once it has room', async () => {
  const platform = new FakePlatform(addressOf('topic', EU, ROOM))
  const room = Promise.withResolvers<void>()
  const couriers = Array.from(
    { length: 4 },
    () =>
      new Courier(platform, {
        call: async (batch) => {
          await room.promise
          return new Uint8Array(unpackBatch(batch).length)
        },
        failed: (records) => records.map(() => Reason.UnspecifiedError),
      }),
  )
  const posted = couriers.flatMap((one) => Array.from({ length: 7 }, () => one.post(new Uint8Array(MIB))))
  await platform.clock.pass(1_000)
  const memory = memoryOf(platform)
  expect(memory.bytes).toBe(ACTOR_MESSAGES_BYTES_MAX)
  expect(memory.refused).toBe(4)
  room.resolve()
  await platform.clock.pass(10_000)
  const outcomes = await Promise.all(posted)
  expect(outcomes.filter((one) => one === Reason.QuotaExceeded)).toHaveLength(4)
  expect(outcomes.filter((one) => one === Reason.Success)).toHaveLength(24)
  expect(memory.bytes).toBe(0)
  await expect(couriers[0]?.post(new Uint8Array(MIB))).resolves.toBe(Reason.Success)
})
