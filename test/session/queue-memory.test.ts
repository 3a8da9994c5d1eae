// What waits in memory for a slow client is bounded by bytes: past them it waits in storage, in its place.
import { expect, test } from 'vitest'
import { DROPPING, delivery, FakeActor } from './actor.ts'

const FEW = { ...DROPPING, memoryBytesMax: 250 }
const topics = (count: number) => Array.from({ length: count }, (_, i) => `t/${i}`)

function deliverLarge(actor: FakeActor, names: readonly string[]): void {
  for (const topic of names) actor.deliver(delivery(topic, { payloadBytes: 80 }))
}

test.each([
  ['a session that outlives its connection', true],
  ['a session that ends with its connection', false],
] as const)('%s stores at once what has no room in memory, and its client gets all in order', (_, lasts) => {
  const actor = new FakeActor(lasts, FEW)
  actor.resume(1)
  deliverLarge(actor, topics(10))
  // One is in flight and two wait in memory. What was open when the fourth came is stored before it: a crash changes no order.
  expect(actor.stored).toHaveLength(lasts ? 10 : 9)
  const sent = () => actor.sent.map(({ topic }) => topic)
  for (let i = 0; i < 10; i++) {
    expect(sent()).toEqual(topics(i + 1))
    actor.acknowledge(actor.sent[i]?.packetId ?? 0)
  }
  expect(sent()).toEqual(topics(10))
  expect(actor.rows.size).toBe(0)
})

test('what comes when all is sent waits in memory again', () => {
  const actor = new FakeActor(true, FEW)
  actor.resume(1)
  deliverLarge(actor, topics(5))
  for (let i = 0; i < 5; i++) actor.acknowledge(actor.sent[i]?.packetId ?? 0)
  const before = actor.stored.length
  deliverLarge(actor, ['again/1', 'again/2'])
  expect(actor.stored).toHaveLength(before)
})
