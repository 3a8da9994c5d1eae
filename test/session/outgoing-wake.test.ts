// Outgoing over lost memory, small windows and full queues: where its counts and its place in storage must still be right.
import { expect, test } from 'vitest'
import { ACK_WAIT_MS, QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { delivery, FakeActor, REFUSING } from './actor.ts'

function absent(...topics: string[]): FakeActor {
  const actor = new FakeActor(true)
  actor.deliverAll(...topics)
  return actor
}

test('an awakened session accepts acknowledgements of what it had stored and sent, and goes on after it', () => {
  const actor = absent('a', 'b', 'c')
  actor.resume(2)
  actor.hibernate(2)
  expect(actor.sent).toHaveLength(2)
  actor.deliverAll('d')
  actor.acknowledge(1, 2)
  expect(actor.sentAfter(2)).toEqual(['c', 'd'])
  actor.acknowledge(3, 4)
  expect(actor.rows.size).toBe(0)
})

test('an awakened session that ends with its connection knows what is in flight, stored or not', () => {
  const actor = new FakeActor(false)
  actor.resume(2)
  actor.deliverAll('a', 'b', 'c')
  actor.pass(ACK_WAIT_MS)
  actor.acknowledge(1)
  actor.hibernate(2)
  expect([...actor.outgoing.inflightPacketIds].sort()).toEqual([2, 3])
  actor.deliverAll('d')
  expect(actor.sentAfter(0)).toEqual(['a', 'b', 'c'])
  actor.acknowledge(2)
  expect(actor.sentAfter(3)).toEqual(['d'])
  actor.acknowledge(3, 4)
  expect(actor.rows.size).toBe(0)
})

test('an awakened session skips nothing that an earlier connection with a larger window had been sent', () => {
  const actor = absent('a', 'b', 'c', 'd')
  actor.resume(4)
  actor.close()
  actor.resume(1)
  expect(actor.sentAfter(4)).toEqual(['a'])
  actor.hibernate(1)
  actor.acknowledge(1)
  expect(actor.sentAfter(5)).toEqual(['b'])
  actor.acknowledge(2, 3, 4)
  expect(actor.sentAfter(4)).toEqual(['a', 'b', 'c', 'd'])
})

test('an acknowledgement between two steps of a refill loads nothing twice', () => {
  // The actor acknowledges by itself what is too large for its client, in the middle of other effects.
  const actor = new FakeActor(true)
  actor.deliver(delivery('expired', { expiresAt: 1 }))
  actor.deliverAll('too large', 'b', 'c', 'd', 'e')
  let refills = 0
  actor.beforeRefill = () => {
    if (++refills === 2) actor.acknowledge(2)
  }
  actor.resume(3)
  actor.beforeRefill = () => undefined
  for (let id = 3; id <= 6; id++) if (actor.outgoing.inflightPacketIds.includes(id)) actor.acknowledge(id)
  expect(actor.sentAfter(0)).toEqual(['too large', 'b', 'c', 'd', 'e'])
  expect(actor.outgoing.inflightPacketIds).toEqual([])
  expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 0, storedBytes: 0 })
})

test('past the bound of messages a session that refuses refuses its publisher, and taken again when there is room', () => {
  const actor = new FakeActor(true, REFUSING)
  for (let i = 0; i < QUEUE_MESSAGES_MAX; i++) actor.deliverAll(`${i}`)
  expect(actor.outcomes.get(`${QUEUE_MESSAGES_MAX - 1}`)).toEqual(['stored'])
  actor.deliverAll('too many')
  expect(actor.outcomes.get('too many')).toEqual(['queue-full'])
  expect(actor.stored).not.toContain('too many')
  actor.resume(1)
  actor.acknowledge(1)
  actor.deliverAll('fits')
  expect(actor.outcomes.get('fits')).toEqual(['stored'])
  actor.deliverAll('again too many')
  expect(actor.outcomes.get('again too many')).toEqual(['queue-full'])
})

test('past the bound of bytes a session that refuses refuses its publisher', () => {
  const actor = new FakeActor(true, REFUSING)
  const room = QUEUE_BYTES_MAX - 17
  actor.deliver(delivery('a', { payloadBytes: room - 17 }))
  actor.deliver(delivery('b', { payloadBytes: 1 }))
  expect(actor.outcomes.get('b')).toEqual(['queue-full'])
  actor.deliver(delivery('c', { payloadBytes: 0 }))
  expect(actor.outcomes.get('c')).toEqual(['stored'])
  expect(actor.outgoing.snapshot().storedBytes).toBe(QUEUE_BYTES_MAX)
})

test('what waits for a slow client counts once, before and after it is stored', () => {
  const actor = new FakeActor(true, REFUSING)
  actor.resume(1)
  for (let i = 0; i < QUEUE_MESSAGES_MAX - 1; i++) actor.deliverAll(`${i}`)
  actor.pass(ACK_WAIT_MS)
  expect(actor.outgoing.snapshot().storedMessages).toBe(QUEUE_MESSAGES_MAX - 1)
  actor.deliverAll('last')
  actor.deliverAll('too many')
  actor.pass(ACK_WAIT_MS)
  expect(actor.outcomes.get('last')).toEqual(['stored'])
  expect(actor.outcomes.get('too many')).toEqual(['queue-full'])
})

test('the bytes of what waits count once, before and after they are stored', () => {
  const actor = new FakeActor(true, REFUSING)
  actor.resume(1)
  const third = { payloadBytes: Math.floor(QUEUE_BYTES_MAX / 3) }
  actor.deliverAll('in flight')
  actor.deliver(delivery('a', third))
  actor.deliver(delivery('b', third))
  actor.pass(ACK_WAIT_MS)
  actor.deliver(delivery('c', { payloadBytes: 1000 }))
  actor.pass(ACK_WAIT_MS)
  expect(actor.outcomes.get('c')).toEqual(['stored'])
  actor.deliver(delivery('d', third))
  expect(actor.outcomes.get('d')).toEqual(['queue-full'])
  actor.acknowledge(1, 2, 3, 4)
  expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 0, storedBytes: 0 })
})
