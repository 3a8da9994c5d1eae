// A full queue costs its owner: the oldest of what waits is dropped and counted; what is in flight stays.
import { expect, test } from 'vitest'
import { QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { delivery, FakeActor, REFUSING } from './actor.ts'

const FEW = { messagesMax: 3, whenFull: 'drop-oldest' } as const
const GROUP = '$share/backend/devices/+/telemetry'

function shared(topic: string, more: { waits?: boolean; drops?: true } = {}) {
  return { ...delivery(topic), share: { filter: GROUP, waits: true, ...more } }
}

test('past the bound of messages the oldest go, and each publisher has its acknowledgement', () => {
  const actor = new FakeActor(true)
  for (let i = 1; i <= QUEUE_MESSAGES_MAX + 496; i++) actor.deliverAll(`${i}`)
  expect(actor.dropped).toHaveLength(496)
  expect([actor.dropped[0], actor.dropped.at(-1)]).toEqual(['1', '496'])
  expect(new Set([...actor.outcomes.values()].flat())).toEqual(new Set(['stored']))
  expect(actor.outgoing.snapshot().storedMessages).toBe(QUEUE_MESSAGES_MAX)
  actor.resume(2)
  expect(actor.sentAfter(0)).toEqual(['497', '498'])
})

test('past the bound of bytes as many of the oldest go as the newest needs', () => {
  const actor = new FakeActor(true)
  const third = { payloadBytes: Math.floor(QUEUE_BYTES_MAX / 3) - 17 }
  for (const topic of ['a', 'b', 'c']) actor.deliver(delivery(topic, third))
  expect(actor.dropped).toEqual([])
  actor.deliver(delivery('d', { payloadBytes: third.payloadBytes * 2 }))
  expect(actor.dropped).toEqual(['a', 'b'])
  expect(actor.outgoing.snapshot().storedBytes).toBeLessThanOrEqual(QUEUE_BYTES_MAX)
})

test('a message in flight is not dropped: what waits after it is', () => {
  const actor = new FakeActor(true, FEW)
  actor.resume(1)
  actor.deliverAll('in flight', 'a', 'b', 'c', 'd')
  expect(actor.dropped).toEqual(['a'])
  expect(actor.outcomes.get('a')).toEqual(['dropped'])
  actor.acknowledge(1)
  actor.acknowledge(3)
  actor.acknowledge(4)
  expect(actor.sentAfter(0)).toEqual(['in flight', 'b', 'c', 'd'])
})

test('what an earlier connection has sent stays in flight while the client is away', () => {
  const actor = new FakeActor(true, FEW)
  actor.resume(2)
  actor.deliver(delivery('exactly once', { qos: 2 }))
  actor.deliverAll('sent')
  actor.close()
  actor.deliverAll('a', 'b', 'c')
  expect(actor.dropped).toEqual(['a', 'b'])
  actor.resume(5)
  expect(actor.sent.slice(2)).toEqual([
    { topic: 'exactly once', packetId: 1, dup: true },
    { topic: 'sent', packetId: 2, dup: true },
    { topic: 'c', packetId: 5, dup: false },
  ])
})

test('a queue that only messages in flight fill drops the newest', () => {
  const actor = new FakeActor(true, FEW)
  actor.resume(3)
  actor.deliverAll('a', 'b', 'c')
  actor.close()
  actor.deliverAll('d')
  expect(actor.dropped).toEqual(['d'])
  expect(actor.outcomes.get('d')).toEqual(['stored'])
  expect(actor.rows.size).toBe(3)
})

test('a connected client that stalls loses its oldest too, also of a session that ends with the connection', () => {
  const actor = new FakeActor(false, FEW)
  actor.resume(1)
  actor.deliverAll('in flight', 'a', 'b', 'c', 'd', 'e')
  expect(actor.dropped).toEqual(['a', 'b'])
})

test('what an outbox has acknowledged does not go beyond the bound either', () => {
  const actor = new FakeActor(true, FEW)
  actor.deliverAll('a', 'b', 'c')
  const one = delivery('acknowledged')
  actor.deliver({ ...one, message: { ...one.message, acknowledged: 'new' } })
  expect(actor.dropped).toEqual(['a'])
  expect(actor.rows.size).toBe(3)
})

test('after a restart the oldest that storage has go', () => {
  const actor = new FakeActor(true, FEW)
  actor.deliverAll('a', 'b', 'c', 'd')
  actor.crash()
  actor.deliverAll('e')
  expect(actor.dropped).toEqual(['a', 'b'])
})

test('a session that refuses drops nothing', () => {
  const actor = new FakeActor(true, { ...REFUSING, messagesMax: 3 })
  actor.deliverAll('a', 'b', 'c', 'd')
  expect(actor.dropped).toEqual([])
  expect(actor.outcomes.get('d')).toEqual(['queue-full'])
})

test('the backlog of a group has a bound of its own and drops its own oldest', () => {
  const actor = new FakeActor(true, FEW)
  actor.deliverAll('mine 1', 'mine 2')
  for (let i = 1; i <= 5; i++) actor.deliver(shared(`${i}`, { drops: true }))
  expect(actor.dropped).toEqual(['1', '2'])
  actor.deliverAll('mine 3', 'mine 4')
  expect(actor.dropped).toEqual(['1', '2', 'mine 1'])
  expect([...actor.rows.values()].every(({ share }) => share?.drops === undefined)).toBe(true)
})

test('a message for a group goes to another member before a full one drops anything', () => {
  const actor = new FakeActor(true, FEW)
  for (const topic of ['1', '2', '3', '4']) actor.deliver(shared(topic))
  expect(actor.outcomes.get('4')).toEqual(['queue-full'])
  expect(actor.dropped).toEqual([])
})
