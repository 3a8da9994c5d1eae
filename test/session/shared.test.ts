// Deliveries of shared subscriptions in a session: passed on to another member while the client has not got them.
import { expect, test } from 'vitest'
import type { Delivery } from '../../src/session/delivery.ts'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { OutgoingDeliveries } from '../../src/session/outgoing.ts'
import { EMPTY_OUTGOING } from '../../src/session/stored-delivery.ts'
import { DROPPING, delivery, FakeActor, sizeOf } from './actor.ts'

const PACKET_IDS = 65_535

function shared(topic: string, more: { qos?: 0 | 1 | 2; waits?: boolean } = {}): Delivery {
  const share = { filter: '$share/g/#', waits: more.waits ?? false }
  return { ...delivery(topic, { qos: more.qos ?? 1 }), share }
}

function online(persistent: boolean, window = 10): FakeActor {
  const actor = new FakeActor(persistent)
  actor.resume(window)
  return actor
}

test.each([0, 1, 2] as const)('a client that is away takes none with QoS %i, unless it is to wait', (qos) => {
  const actor = new FakeActor(true)
  actor.deliver(shared('a', { qos }))
  expect(actor.outcomes.get('a')).toEqual(['client-away'])
  actor.deliver(shared('b', { qos, waits: true }))
  expect(actor.outcomes.get('b')).toEqual([qos === 0 ? 'accepted' : 'stored'])
  expect(actor.stored).toEqual(qos === 0 ? [] : ['b'])
})

test.each([true, false])(
  'it is settled by its acknowledgement, or stored when that takes long (persistent: %s)',
  (persistent) => {
    const actor = online(persistent)
    actor.deliver(shared('a'))
    actor.deliver(shared('b'))
    expect(actor.outcomes.size).toBe(0)
    actor.acknowledge(1)
    expect(actor.outcomes.get('a')).toEqual(['accepted'])
    actor.pass(ACK_WAIT_MS)
    expect(actor.outcomes.get('b')).toEqual(['stored'])
    expect(actor.stored).toEqual(['b'])
  },
)

test.each([true, false])(
  'when the connection ends first, another member is to have it (persistent: %s)',
  (persistent) => {
    const actor = online(persistent, 1)
    for (const topic of ['sent', 'waiting']) actor.deliver(shared(topic))
    actor.close()
    expect(actor.outcomes.get('sent')).toEqual(['client-away'])
    expect(actor.outcomes.get('waiting')).toEqual(['client-away'])
    expect(actor.stored).toEqual([])
  },
)

test('one that waits since nobody else was there is stored when the connection ends, in a session that is kept', () => {
  const kept = online(true, 1)
  for (const topic of ['sent', 'waiting']) kept.deliver(shared(topic, { waits: true }))
  kept.close()
  expect([kept.outcomes.get('sent'), kept.outcomes.get('waiting')]).toEqual([['stored'], ['stored']])
  expect(kept.stored).toEqual(['sent', 'waiting'])
  const ends = online(false, 1)
  ends.deliver(shared('sent', { waits: true }))
  ends.close()
  expect(ends.outcomes.get('sent')).toEqual(['client-away'])
})

test('once sent with QoS 2 it is this session’s or nobody’s [MQTT-4.8.2-4] [MQTT-4.8.2-5]', () => {
  const kept = online(true)
  kept.deliver(shared('a', { qos: 2 }))
  kept.close()
  expect(kept.outcomes.get('a')).toEqual(['stored'])
  kept.resume(10)
  expect(kept.sent.at(-1)).toEqual({ topic: 'a', packetId: 1, dup: true })

  const ended = online(false, 1)
  ended.deliver(shared('sent', { qos: 2 }))
  ended.deliver(shared('waiting', { qos: 2 }))
  ended.close()
  expect(ended.outcomes.get('sent')).toEqual(['accepted'])
  expect(ended.outcomes.get('waiting')).toEqual(['client-away'])
})

test('what others have got is forgotten, but for what the client is being sent again', () => {
  const actor = online(true, 2)
  for (const topic of ['a', 'b', 'c']) actor.deliver(shared(topic))
  actor.pass(ACK_WAIT_MS)
  actor.close()
  const rows = [...actor.rows].map(([position, one]) => ({ position, delivery: one }))
  actor.perform(actor.outgoing.redistributed(rows.slice(0, 1)))
  expect([...actor.rows.keys()]).toEqual([2, 3])
  actor.resume(1)
  actor.perform(actor.outgoing.redistributed(rows.slice(1)))
  expect([...actor.rows.keys()]).toEqual([2])
  actor.acknowledge(2)
  expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 0, storedBytes: 0 })
})

test('what waits for a packet id that another delivery has in flight was not sent: another member is to have it', () => {
  const actor = new FakeActor(false)
  const rows = [3, 4].map((position) => ({ position, delivery: delivery(`old ${position}`) }))
  for (const row of rows) actor.rows.set(row.position, row.delivery)
  actor.outgoing = new OutgoingDeliveries(
    false,
    {
      ...EMPTY_OUTGOING,
      lastPosition: PACKET_IDS + 2,
      sentUpTo: 4,
      ...sizeOf(rows.map((row) => row.delivery)),
    },
    DROPPING,
  )
  actor.resume(10)
  actor.acknowledge(3)
  for (const topic of ['sent', 'waiting']) actor.deliver(shared(topic, { qos: 2 }))
  expect(actor.sent.map(({ topic }) => topic)).toEqual(['old 3', 'old 4', 'sent'])
  actor.close()
  expect(actor.outcomes.get('sent')).toEqual(['accepted'])
  expect(actor.outcomes.get('waiting')).toEqual(['client-away'])
})
