// QoS 2 in both directions: what is answered, what is kept, and what a resumed session does. (MQTT 5.0, section 4.3.3)
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { OutgoingDeliveries } from '../../src/session/outgoing.ts'
import { Session } from '../../src/session/session.ts'
import { EMPTY_OUTGOING } from '../../src/session/stored-delivery.ts'
import { DROPPING, delivery, FakeActor, termsOf } from './actor.ts'
import {
  ack,
  answer,
  closing,
  deliveryOf,
  liveSession,
  passedOn,
  puback,
  publish,
  startOf,
} from './packets.ts'

describe('from the client', () => {
  test('PUBREC tells that the message is safe, and its id is kept until PUBREL, which PUBCOMP answers', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    const done = passedOn(session, publish('a', 7, 2))
    expect(done(Reason.Success)).toEqual([{ do: 'received', packetId: 7 }, answer('pubrec', 7)])
    expect(session.step(ack('pubrel', 7))).toEqual([{ do: 'dismissed', packetId: 7 }, answer('pubcomp', 7)])
    passedOn(session, publish('b', 7, 2))
  })

  test('a PUBLISH that comes again before PUBREL is answered again and not passed on', () => {
    const session = liveSession(5)
    passedOn(session, publish('a', 7, 2))(Reason.Success)
    expect(session.step({ ...publish('a', 7, 2), dup: true })).toEqual([answer('pubrec', 7)])
  })

  test('sent again on a new connection while its first is under way, it is answered there, once', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    const done = passedOn(session, publish('a', 7, 2))
    session.step({ type: 'disconnected' })
    session.step({ type: 'resumed', expirySeconds: 60 })
    session.step({ type: 'connected', terms: termsOf(5) })
    expect(session.step({ ...publish('a', 7, 2), dup: true })).toEqual([])
    expect(done(Reason.Success)).toEqual([{ do: 'received', packetId: 7 }, answer('pubrec', 7)])
  })

  test('a session read from storage knows what it has received', () => {
    const session = new Session(startOf({ expirySeconds: 60, received: [7] }))
    session.step({ type: 'connected', terms: termsOf(5) })
    expect(session.step({ ...publish('a', 7, 2), dup: true })).toEqual([answer('pubrec', 7)])
    expect(session.received).toEqual([7])
  })

  test('a refused message ends the exchange with PUBREC: its id is free', () => {
    const session = liveSession(5)
    expect(passedOn(session, publish('a', 7, 2))(Reason.QuotaExceeded)).toEqual([
      answer('pubrec', 7, Reason.QuotaExceeded),
    ])
    passedOn(session, publish('a', 7, 2))
    expect(session.step(publish('$SYS/x', 8, 2))).toEqual([])
  })

  test('a 3.1.1 client whose message is refused is disconnected', () => {
    const session = liveSession(4)
    expect(passedOn(session, publish('a', 7, 2))(Reason.QuotaExceeded)).toEqual(closing(Reason.QuotaExceeded))
  })

  test('PUBREL of an id that is not known is answered so', () => {
    expect(liveSession(5).step(ack('pubrel', 9))).toEqual([
      answer('pubcomp', 9, Reason.PacketIdentifierNotFound),
    ])
  })

  test('PUBREL that comes before PUBREC frees the id when the message has its outcome', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    const done = passedOn(session, publish('a', 7, 2))
    expect(session.step(ack('pubrel', 7))).toEqual([answer('pubcomp', 7)])
    expect(done(Reason.Success)).toEqual([{ do: 'dismissed', packetId: 7 }, answer('pubrec', 7)])
    passedOn(session, publish('b', 7, 2))
  })

  test('PUBACK and PUBREC go out in the order of their PUBLISHes', () => {
    const session = liveSession(5)
    const first = passedOn(session, publish('a', 1, 2))
    const second = passedOn(session, publish('a', 2, 1))
    expect(second(Reason.Success)).toEqual([])
    expect(first(Reason.Success)).toEqual([{ do: 'received', packetId: 1 }, answer('pubrec', 1), puback(2)])
  })

  test('what is received and not released counts against the Receive Maximum', () => {
    const session = liveSession(5, { incomingWindow: 2 })
    passedOn(session, publish('a', 1, 2))(Reason.Success)
    passedOn(session, publish('a', 2, 1))
    expect(session.step(publish('a', 1, 2))).toEqual([])
    expect(session.step(publish('a', 3, 1))).toEqual(closing(Reason.ReceiveMaximumExceeded))
  })
})

describe('to the client', () => {
  function online(persistent = true): FakeActor {
    const actor = new FakeActor(persistent)
    actor.resume(2)
    return actor
  }

  test('a message to a session that outlives its connection is stored before it is sent, and is settled by that', () => {
    const actor = online()
    actor.deliver(delivery('a', { qos: 2 }))
    expect(actor.stored).toEqual(['a'])
    expect(actor.outcomes.get('a')).toEqual(['stored'])
    expect(actor.sent).toEqual([{ topic: 'a', packetId: 1, dup: false }])
  })

  test('PUBREC leaves only the id, PUBCOMP nothing', () => {
    const actor = online()
    actor.deliver(delivery('a', { qos: 2 }))
    actor.receive(1)
    expect([...actor.rows]).toEqual([])
    expect([...actor.released]).toEqual([1])
    expect(actor.pubrels).toEqual([1])
    actor.complete(1)
    expect([...actor.released]).toEqual([])
    expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 0, storedBytes: 0, released: [] })
  })

  test('an exchange takes its place in the window until PUBCOMP', () => {
    const actor = online()
    for (const topic of ['a', 'b', 'c']) actor.deliver(delivery(topic, { qos: 2 }))
    actor.receive(1)
    expect(actor.sentAfter(0)).toEqual(['a', 'b'])
    actor.complete(1)
    expect(actor.sentAfter(0)).toEqual(['a', 'b', 'c'])
  })

  test.each(['the connection ends', 'the process is killed'])(
    'when %s, PUBLISH and PUBREL go again with their ids',
    (what) => {
      const actor = online()
      for (const topic of ['a', 'b']) actor.deliver(delivery(topic, { qos: 2 }))
      actor.receive(1)
      if (what === 'the connection ends') actor.close()
      else actor.crash()
      actor.resume(2)
      expect(actor.pubrels).toEqual([1, 1])
      expect(actor.sent.slice(2)).toEqual([{ topic: 'b', packetId: 2, dup: true }])
      actor.receive(2)
      actor.complete(1)
      actor.complete(2)
      actor.deliver(delivery('c', { qos: 2 }))
      expect(actor.sent.at(-1)).toEqual({ topic: 'c', packetId: 3, dup: false })
    },
  )

  test('an id that the client holds is not given to another message', () => {
    const actor = new FakeActor(true)
    actor.outgoing = new OutgoingDeliveries(
      true,
      { ...EMPTY_OUTGOING, lastPosition: 65_535, released: [1] },
      DROPPING,
    )
    actor.resume(10)
    actor.deliver(delivery('next', { qos: 2 }))
    expect(actor.sent).toEqual([])
    actor.complete(1)
    expect(actor.sent).toEqual([{ topic: 'next', packetId: 1, dup: false }])
  })

  test('the exchanges of a session that ends with its connection survive the loss of memory', () => {
    const actor = online(false)
    for (const topic of ['a', 'b']) actor.deliver(delivery(topic, { qos: 2 }))
    actor.receive(1)
    actor.hibernate(2)
    actor.receive(2)
    actor.complete(1)
    actor.complete(2)
    expect(actor.pubrels).toEqual([1, 2])
    actor.deliver(delivery('c', { qos: 2 }))
    expect(actor.sent.at(-1)).toEqual({ topic: 'c', packetId: 3, dup: false })
    expect(actor.stored).toEqual([])
  })

  test('what the client may already hold goes again although it has expired', () => {
    const actor = online()
    actor.deliver(delivery('a', { qos: 2, expiresAt: actor.now + 1000 }))
    actor.close()
    actor.now += 5000
    actor.resume(2)
    expect(actor.sent.at(-1)).toEqual({ topic: 'a', packetId: 1, dup: true })
  })

  test('a client that refuses with PUBREC ends the exchange', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    session.step(deliveryOf(delivery('a', { qos: 2 })))
    expect(session.step(ack('pubrec', 1, Reason.ImplementationSpecificError))).toEqual([
      { do: 'forget', positions: [1] },
    ])
    expect(session.outgoing.snapshot()).toMatchObject({ storedMessages: 0, released: [] })
  })

  test('PUBREC of an id that is not in flight is answered so; PUBCOMP of one needs no answer', () => {
    const session = liveSession(5)
    expect(session.step(ack('pubrec', 9))).toEqual([answer('pubrel', 9, Reason.PacketIdentifierNotFound)])
    expect(session.step(ack('pubcomp', 9))).toEqual([])
  })

  test('PUBREC that refuses gets no PUBREL, known or not [MQTT-4.3.3-4]', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    expect(session.step(ack('pubrec', 9, Reason.UnspecifiedError))).toEqual([])
    session.step(deliveryOf(delivery('a', { qos: 2 })))
    session.step(ack('pubrec', 1))
    expect(session.step(ack('pubrec', 1, Reason.UnspecifiedError))).toEqual([{ do: 'complete', position: 1 }])
    expect(session.outgoing.snapshot().released).toEqual([])
  })

  test('PUBREC that comes again is answered with PUBREL again', () => {
    const session = liveSession(5)
    session.step(deliveryOf(delivery('a', { qos: 2 })))
    session.step(ack('pubrec', 1))
    expect(session.step(ack('pubrec', 1))).toEqual([{ do: 'pubrel', packetId: 1 }])
  })

  test('the wrong kind of acknowledgement is a protocol error', () => {
    const session = liveSession(5)
    session.step(deliveryOf(delivery('a', { qos: 2 })))
    session.step(deliveryOf(delivery('b', { qos: 1 })))
    expect(session.step(ack('puback', 1))).toEqual(closing(Reason.ProtocolError))
    expect(session.step(ack('pubrec', 2))).toEqual(closing(Reason.ProtocolError))
  })

  test('what the client may hold and does not take any more, since it is too large now, is released', () => {
    const actor = online(true)
    for (const topic of ['a', 'b']) actor.deliver(delivery(topic, { qos: 2 }))
    actor.close()
    actor.deliver(delivery('c', { qos: 2 }))
    actor.resume(10)
    actor.perform(actor.outgoing.skipped(1))
    actor.perform(actor.outgoing.skipped(3))
    expect(actor.pubrels).toEqual([1])
    expect([...actor.released]).toEqual([1])
    expect([...actor.rows.keys()]).toEqual([2])
    actor.complete(1)
    expect(actor.outgoing.snapshot()).toMatchObject({ storedMessages: 1, released: [] })
  })

  test('to a session that ends with its connection nothing is stored', () => {
    const actor = online(false)
    actor.deliver(delivery('a', { qos: 2 }))
    expect(actor.outcomes.get('a')).toEqual(['accepted'])
    actor.pass(ACK_WAIT_MS)
    actor.receive(1)
    actor.complete(1)
    expect(actor.stored).toEqual([])
    expect([...actor.released]).toEqual([])
  })
})
