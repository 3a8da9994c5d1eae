// What a session sends: the window, the bounded wait, what is stored, what goes again after a new connection.
import { expect, test } from 'vitest'
import { ACK_WAIT_MS, OUTGOING_INFLIGHT_BYTES_MAX, STALL_MS } from '../../src/session/limits.ts'
import { OutgoingDeliveries } from '../../src/session/outgoing.ts'
import { packetIdOf } from '../../src/session/stored-delivery.ts'
import { DROPPING, delivery, FakeActor } from './actor.ts'

function online(window = 10, persistent = true): FakeActor {
  const actor = new FakeActor(persistent)
  actor.resume(window)
  return actor
}

test('a delivery to a connected client is sent at once and settled by its acknowledgement, and nothing is stored', () => {
  const actor = online()
  actor.deliverAll('a')
  expect(actor.sent).toEqual([{ topic: 'a', packetId: 1, dup: false }])
  expect(actor.outcomes.size).toBe(0)
  actor.acknowledge(1)
  expect(actor.outcomes.get('a')).toEqual(['accepted'])
  actor.pass(ACK_WAIT_MS)
  actor.close()
  expect(actor.stored).toEqual([])
  expect(actor.outcomes.get('a')).toEqual(['accepted'])
})

test('no more are in flight than the window allows, and an acknowledgement lets the next one out', () => {
  const actor = online(2)
  actor.deliverAll('a', 'b', 'c', 'd')
  expect(actor.sentAfter(0)).toEqual(['a', 'b'])
  actor.acknowledge(2)
  expect(actor.sentAfter(2)).toEqual(['c'])
  expect(actor.outgoing.inflightPacketIds).toEqual([1, 3])
  actor.acknowledge(3, 1)
  expect(actor.sentAfter(3)).toEqual(['d'])
})

test('no more bytes are in flight than the bound, and always one message', () => {
  const actor = online(128)
  const payload = new Uint8Array(OUTGOING_INFLIGHT_BYTES_MAX / 2)
  for (const topic of ['a', 'b', 'c']) {
    const large = delivery(topic)
    actor.deliver({ ...large, message: { ...large.message, payload } })
  }
  expect(actor.sentAfter(0)).toEqual(['a', 'b'])
  expect(actor.outgoing.sendsAtOnce).toBe(false)
  actor.acknowledge(1)
  expect(actor.sentAfter(2)).toEqual(['c'])
  actor.acknowledge(2, 3)
  expect(actor.outgoing.sendsAtOnce).toBe(true)
})

test('an acknowledgement of what is not in flight says so', () => {
  const actor = online()
  actor.deliverAll('a')
  expect(actor.outgoing.acknowledged(9)).toBe('unknown')
  actor.acknowledge(1)
  expect(actor.outgoing.acknowledged(1)).toBe('unknown')
  expect(actor.outcomes.get('a')).toEqual(['accepted'])
})

test('QoS 0 goes to whoever is connected, counts for no window and waits for nobody', () => {
  const actor = online(1)
  actor.deliverAll('a', 'b')
  actor.deliver(delivery('zero', { qos: 0 }))
  expect(actor.sent.at(-1)).toEqual({ topic: 'zero', packetId: 0, dup: false })
  actor.close()
  actor.deliver(delivery('lost', { qos: 0 }))
  expect(actor.outcomes.get('zero')).toEqual(['accepted'])
  expect(actor.outcomes.get('lost')).toEqual(['accepted'])
  expect(actor.stored).toEqual(['a', 'b'])
})

test('what is still open when its bounded wait is over is stored, then settled, and nothing younger', () => {
  const actor = online(1)
  actor.deliverAll('a', 'b')
  expect(actor.wakeAt).toBe(actor.now + ACK_WAIT_MS)
  actor.pass(100)
  actor.deliverAll('c')
  actor.pass(ACK_WAIT_MS - 101)
  expect(actor.stored).toEqual([])
  actor.pass(1)
  expect(actor.stored).toEqual(['a', 'b'])
  expect(actor.outcomes.get('b')).toEqual(['stored'])
  expect(actor.outcomes.has('c')).toBe(false)
  actor.pass(100)
  expect(actor.stored).toEqual(['a', 'b', 'c'])
  expect(actor.wakeAt).toBe(0)
})

test('a QoS 2 delivery is stored when it is sent, after those in flight before it', () => {
  const actor = online()
  actor.deliverAll('a', 'b')
  actor.acknowledge(1)
  actor.deliver(delivery('c', { qos: 2 }))
  expect(actor.stored).toEqual(['b', 'c'])
  expect(actor.outcomes.get('b')).toEqual(['stored'])
})

test('all that is due is stored in one effect', () => {
  const actor = online(2)
  actor.deliverAll('a', 'b', 'c')
  const effects = actor.outgoing.ackWaitOver(actor.now + ACK_WAIT_MS)
  expect(effects.filter(({ do: kind }) => kind === 'store')).toHaveLength(1)
  expect(effects).toContainEqual({ do: 'sent-up-to', position: 2 })
  expect(actor.outgoing.snapshot()).toMatchObject({ lastPosition: 3, storedMessages: 3 })
})

test('a wait that ends too early stores nothing and is asked for again', () => {
  const actor = online()
  actor.deliverAll('a')
  expect(actor.outgoing.ackWaitOver(actor.now + ACK_WAIT_MS - 1)).toEqual([
    { do: 'wake', at: actor.now + ACK_WAIT_MS },
  ])
})

test('one wake serves all that wait, and none is asked for when nothing does', () => {
  const actor = online()
  actor.deliverAll('a')
  const at = actor.wakeAt
  actor.pass(10)
  expect(actor.outgoing.deliver(delivery('b'), 9, actor.now)).toHaveLength(1)
  expect(actor.wakeAt).toBe(at)
  actor.acknowledge(1, 2)
  expect(actor.outgoing.ackWaitOver(at)).toEqual([])
})

test('a stored delivery that is acknowledged is forgotten, and not settled again', () => {
  const actor = online()
  actor.deliverAll('a')
  actor.pass(ACK_WAIT_MS)
  expect([...actor.rows.keys()]).toEqual([1])
  actor.acknowledge(1)
  expect(actor.rows.size).toBe(0)
  expect(actor.outcomes.get('a')).toEqual(['stored'])
  expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 0, storedBytes: 0 })
})

test('deliveries to an absent client are stored before they are settled, and sent in order when it comes', () => {
  const actor = new FakeActor(true)
  actor.deliverAll('a', 'b', 'c', 'd', 'e')
  expect(actor.stored).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect([...actor.outcomes.values()].flat()).toEqual(Array(5).fill('stored'))
  actor.resume(2)
  actor.deliverAll('f')
  expect(actor.sent).toEqual([
    { topic: 'a', packetId: 1, dup: false },
    { topic: 'b', packetId: 2, dup: false },
  ])
  actor.acknowledge(1, 2, 3, 4, 5)
  expect(actor.sentAfter(0)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  actor.acknowledge(6)
  expect(actor.rows.size).toBe(0)
  actor.deliverAll('g')
  expect(actor.stored).not.toContain('g')
})

test('what was sent before goes again first, with its packet id and DUP; what was not goes without', () => {
  const actor = online(2)
  actor.deliverAll('a', 'b', 'c')
  actor.close()
  actor.resume(10)
  expect(actor.sent.slice(2)).toEqual([
    { topic: 'a', packetId: 1, dup: true },
    { topic: 'b', packetId: 2, dup: true },
    { topic: 'c', packetId: 3, dup: false },
  ])
})

test('a killed process loses nothing that was settled, and sends it with its first packet id [MQTT-4.4.0-1] [MQTT-4.4.0-1, 3.1.1]', () => {
  const actor = online(2)
  actor.deliverAll('a', 'b', 'c')
  actor.pass(ACK_WAIT_MS)
  actor.acknowledge(1)
  actor.crash()
  actor.resume(5)
  expect(actor.sent.slice(3)).toEqual([
    { topic: 'b', packetId: 2, dup: true },
    { topic: 'c', packetId: 3, dup: true },
  ])
})

test('a stored delivery that expired is forgotten, not sent', () => {
  const actor = new FakeActor(true)
  actor.deliver(delivery('old', { expiresAt: actor.now + 1000 }))
  actor.deliver(delivery('due', { expiresAt: actor.now + 1001 }))
  actor.deliverAll('ever')
  actor.now += 1000
  actor.resume(2)
  expect(actor.sentAfter(0)).toEqual(['due', 'ever'])
  expect([...actor.rows.keys()]).toEqual([2, 3])
  expect(actor.outgoing.snapshot().storedMessages).toBe(2)
})

test('a connection that closes stores what a persistent session had open, and settles it', () => {
  const actor = online(1)
  actor.deliverAll('a', 'b')
  actor.close()
  expect(actor.stored).toEqual(['a', 'b'])
  expect([...actor.outcomes]).toEqual([
    ['a', ['stored']],
    ['b', ['stored']],
  ])
  expect(actor.outgoing.online).toBe(false)
  actor.close()
  expect(actor.stored).toHaveLength(2)
})

test('a session that ends with its connection settles at the send and stores nothing while its client keeps up', () => {
  const actor = online(2, false)
  actor.deliverAll('a', 'b')
  expect([...actor.outcomes.values()]).toEqual([['accepted'], ['accepted']])
  expect(actor.wakeAt).toBe(0)
  actor.acknowledge(1, 2)
  actor.deliverAll('c')
  actor.pass(ACK_WAIT_MS)
  actor.close()
  expect(actor.stored).toEqual([])
})

test('of a session that ends with its connection, only what a stalled client makes wait is stored', () => {
  const actor = online(1, false)
  actor.deliverAll('a', 'b')
  expect(actor.outcomes.has('b')).toBe(false)
  actor.pass(ACK_WAIT_MS)
  // The publisher waits no longer, and nothing is written: the message is as safe as the session.
  expect(actor.outcomes.get('b')).toEqual(['accepted'])
  expect(actor.stored).toEqual([])
  expect(actor.wakeAt).toBeGreaterThan(0)
  actor.pass(STALL_MS)
  expect(actor.stored).toEqual(['b'])
  actor.acknowledge(1)
  expect(actor.sent.at(-1)).toEqual({ topic: 'b', packetId: 2, dup: false })
  actor.acknowledge(2)
  expect(actor.rows.size).toBe(0)
})

test('what waits for a session that ends with its connection is settled when it does', () => {
  const actor = online(1, false)
  actor.deliverAll('a', 'b')
  actor.close()
  expect(actor.stored).toEqual([])
  expect(actor.outcomes.get('b')).toEqual(['accepted'])
})

test('packet ids go round after 65,535 and never to 0 [MQTT-2.2.1-4] [MQTT-2.3.1-4, 3.1.1]', () => {
  expect([1, 65_535, 65_536, 131_071].map(packetIdOf)).toEqual([1, 65_535, 1, 1])
  expect(packetIdOf(131_070)).toBe(65_535)
})

test('a packet id that is still in flight after 65,535 others is not given twice [MQTT-2.2.1-4] [MQTT-2.3.1-4, 3.1.1]', () => {
  const actor = online(3)
  actor.deliverAll('slow')
  actor.close()
  const snapshot = { ...actor.outgoing.snapshot(), lastPosition: 65_535 }
  actor.outgoing = new OutgoingDeliveries(true, snapshot, DROPPING)
  actor.resume(3)
  actor.deliverAll('same id', 'behind')
  expect(actor.sentAfter(1)).toEqual(['slow'])
  actor.acknowledge(1)
  expect(actor.sentAfter(2)).toEqual(['same id', 'behind'])
})

test('what was not sent again before a hibernation is sent again after it, on the same connection', () => {
  const actor = new FakeActor(true)
  actor.resume(5)
  actor.deliverAll('1', '2', '3', '4', '5')
  actor.pass(ACK_WAIT_MS)
  actor.close()
  actor.resume(4)
  actor.acknowledge(1)
  expect(actor.sentAfter(5)).toEqual(['1', '2', '3', '4'])
  actor.hibernate(4)
  actor.acknowledge(2, 3, 4)
  expect(actor.sentAfter(9)).toEqual(['5'])
})
