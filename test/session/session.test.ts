// A session's answers to its client's packets, but for subscriptions.
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import { ACK_WAIT_MS, SESSION_EXPIRY_SECONDS_MAX } from '../../src/session/limits.ts'
import { Session } from '../../src/session/session.ts'
import { EMPTY_OUTGOING } from '../../src/session/stored-delivery.ts'
import { delivery, termsOf } from './actor.ts'
import {
  ack,
  answer,
  closing,
  deliveryOf,
  disconnect,
  liveSession,
  passedOn,
  puback,
  publish,
  startOf,
} from './packets.ts'

describe('publishing', () => {
  test('QoS 0 is passed on and never answered, whatever becomes of it', () => {
    const session = liveSession(5)
    const done = passedOn(session, publish('a/b', 0))
    expect(done(Reason.QuotaExceeded)).toEqual([])
  })

  test('QoS 1 is answered when its outcome is known, with the outcome', () => {
    const done = passedOn(liveSession(5), publish('a/b', 7))
    expect(done(Reason.NoMatchingSubscribers)).toEqual([puback(7, Reason.NoMatchingSubscribers)])
  })

  test('publishes are acknowledged in the order they came [MQTT-4.6.0-2]', () => {
    const session = liveSession(5)
    const first = passedOn(session, publish('a', 1))
    const second = passedOn(session, publish('b', 2))
    expect(second(Reason.Success)).toEqual([])
    expect(first(Reason.Success)).toEqual([puback(1), puback(2)])
  })

  test('a 5.0 client gets a refusal, and stays connected', () => {
    const done = passedOn(liveSession(5), publish('a', 1))
    expect(done(Reason.QuotaExceeded)).toEqual([puback(1, Reason.QuotaExceeded)])
  })

  test('a 3.1.1 client has no negative acknowledgement, so its connection is closed, after the answers before [MQTT-3.3.5-2, 3.1.1]', () => {
    const session = liveSession(4)
    const [a, b, c] = [1, 2, 3].map((id) => passedOn(session, publish('a', id)))
    expect(c?.(Reason.Success)).toEqual([])
    expect(b?.(Reason.QuotaExceeded)).toEqual([])
    expect(a?.(Reason.NoMatchingSubscribers)).toEqual([
      puback(1, Reason.NoMatchingSubscribers),
      ...closing(Reason.QuotaExceeded),
    ])
  })

  test('a message that a 3.1.1 client sent after a refused one is not accepted: it comes again after that one, on the next connection', () => {
    const session = liveSession(4, { expirySeconds: 60 })
    const [, refused] = [1, 2].map((id) => passedOn(session, publish('a', id)))
    // Nothing is said before the first one has its outcome.
    expect(refused?.(Reason.UnspecifiedError)).toEqual([])
    expect(session.step(publish('a', 3))).toEqual([])
    expect(session.step(publish('a', 4, 2))).toEqual([])
    passedOn(session, publish('a', 0))
    session.step({ type: 'disconnected' })
    session.step({ type: 'connected', terms: termsOf(4) })
    for (const id of [1, 2, 3]) passedOn(session, publish('a', id))
    passedOn(session, publish('a', 4, 2))
  })

  test('a message that a 5.0 client sent after a failed one fails too until the client knows: if it never learns, it sends both again, in order', () => {
    const session = liveSession(5)
    const [first, failed] = ['rooms/1/a', 'rooms/2/a'].map((topic, i) =>
      passedOn(session, publish(topic, i + 1)),
    )
    expect(failed?.(Reason.UnspecifiedError)).toEqual([])
    expect(session.step(publish('rooms/2/b', 3))).toEqual([])
    expect(session.step(publish('rooms/2/b', 4, 2))).toEqual([])
    passedOn(session, publish('rooms/2/b', 0))
    passedOn(session, publish('rooms/1/a', 5))
    const told = [2, 3].map((id) => puback(id, Reason.UnspecifiedError))
    expect(first?.(Reason.Success)).toEqual([
      puback(1),
      ...told,
      answer('pubrec', 4, Reason.UnspecifiedError),
    ])
    passedOn(session, publish('rooms/2/b', 6))
  })

  test('a message that a 5.0 client sent after one that was refused for itself is accepted', () => {
    const session = liveSession(5)
    const [, refused] = [1, 2].map((id) => passedOn(session, publish('a', id)))
    expect(refused?.(Reason.QuotaExceeded)).toEqual([])
    passedOn(session, publish('a', 3))
  })

  test('an outcome that comes after the connection has gone answers nobody', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    const done = passedOn(session, publish('a', 1))
    session.step({ type: 'disconnected' })
    expect(done(Reason.Success)).toEqual([])
  })

  test('an outcome of an older connection does not reach the newer one', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    const done = passedOn(session, publish('a', 1))
    session.step({ type: 'disconnected' })
    session.step({ type: 'connected', terms: termsOf(5) })
    const newer = passedOn(session, publish('a', 1))
    expect(done(Reason.Success)).toEqual([])
    expect(newer(Reason.Success)).toEqual([puback(1)])
  })

  test('more open publishes than agreed close the connection [MQTT-3.3.4-7]', () => {
    const session = liveSession(5, { incomingWindow: 2 })
    passedOn(session, publish('a', 1))
    const second = passedOn(session, publish('a', 2))
    passedOn(session, publish('a', 0))
    second(Reason.Success)
    expect(session.step(publish('a', 3))).toEqual(closing(Reason.ReceiveMaximumExceeded))
  })

  test('a topic that begins with $ is the server’s own: nothing is passed on', () => {
    expect(liveSession(5).step(publish('$SYS/x', 0))).toEqual([])
    expect(liveSession(5).step(publish('$SYS/x', 1))).toEqual([puback(1, Reason.NotAuthorized)])
    expect(liveSession(4).step(publish('$SYS/x', 1))).toEqual(closing(Reason.NotAuthorized))
  })

  test.each([
    ['devices/lamp/shadow/update', true],
    ['devices/lamp/shadow/name/led/get', true],
    ['$aws/things/lamp/shadow/delete', true],
    ['$aws/things/lamp/shadow/name/led/update', true],
    ['devices/lamp/shadow/update/accepted', false],
    ['devices/lamp/shadow/name/update', false],
    ['$aws/things/lamp/shadow/get/accepted', false],
    ['$aws/things/lamp/shadow', false],
    ['$aws/things/lamp/jobs/get', false],
    ['devices/lamp/shadow', true],
  ])('of a shadow’s topics only requests are passed on: %s, %s', (topic, passed) => {
    const effects = liveSession(5).step(publish(topic, 1))
    if (passed) expect(effects).toMatchObject([{ do: 'publish', message: { topic } }])
    else expect(effects).toEqual([puback(1, Reason.NotAuthorized)])
  })

  test('the refusal of a $ topic keeps its place in the order of answers', () => {
    const session = liveSession(5)
    const first = passedOn(session, publish('a', 1))
    expect(session.step(publish('$SYS/x', 2))).toEqual([])
    expect(first(Reason.Success)).toEqual([puback(1), puback(2, Reason.NotAuthorized)])
  })
})

describe('receiving', () => {
  test('a PUBACK settles what it acknowledges, and one too many is no offence', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    session.step(deliveryOf(delivery('a'), 7))
    expect(session.step(ack('puback', 1))).toEqual([{ do: 'outcome', number: 7, outcome: 'accepted' }])
    expect(session.step(ack('puback', 1))).toEqual([])
  })

  test('a session that outlives its connection stores what is open when that ends; another does not', () => {
    const stores = (expirySeconds: number) => {
      const session = liveSession(5, { expirySeconds })
      session.step(deliveryOf(delivery('a')))
      return session.step({ type: 'disconnected' }).some((effect) => effect.do === 'store')
    }
    expect(stores(60)).toBe(true)
    expect(stores(0)).toBe(false)
  })

  test('a new connection is sent what waited', () => {
    const session = new Session(startOf({ expirySeconds: 60 }))
    const effects = session.step(deliveryOf(delivery('a')))
    expect(effects).toMatchObject([{ do: 'store' }])
    expect(session.step({ type: 'connected', terms: termsOf(5) })).toEqual([
      { do: 'refill', after: 0, limit: 10 },
    ])
  })

  test('an awakened session sends nothing by itself and goes on as before', () => {
    const session = new Session(
      startOf({ expirySeconds: 60, outgoing: { ...EMPTY_OUTGOING, lastPosition: 4 } }),
    )
    const nothing = { aliases: [], unstored: [], stored: [], sentOnConnection: 0, now: 0 }
    expect(session.step({ type: 'awakened', terms: termsOf(5), ...nothing })).toEqual([])
    expect(passedOn(session, publish('a', 1))(Reason.Success)).toEqual([puback(1)])
    expect(session.step(deliveryOf(delivery('a')))).toMatchObject([
      { do: 'send', packetId: 5, dup: false },
      { do: 'wake', at: ACK_WAIT_MS },
    ])
  })
})

describe('the connection', () => {
  test('a ping is answered [MQTT-3.12.4-1]', () => {
    expect(liveSession(5).step({ type: 'pingreq' })).toEqual([{ do: 'reply', packet: { type: 'pingresp' } }])
  })

  test('a second CONNECT closes the connection [MQTT-3.1.0-2]', () => {
    const connect = {
      type: 'connect',
      protocolVersion: 5,
      clientId: 'lamp',
      cleanStart: true,
      keepAlive: 0,
      username: null,
      password: null,
      will: null,
      properties: {},
    } as const
    expect(liveSession(5).step(connect)).toEqual(closing(Reason.ProtocolError))
  })

  test('an AUTH that nobody agreed on closes the connection [MQTT-4.12.0-7]', () => {
    const auth = { type: 'auth', reason: Reason.Reauthenticate, properties: {} } as const
    expect(liveSession(5).step(auth)).toEqual(closing(Reason.ProtocolError))
  })

  test('a packet that comes after its connection has gone does nothing', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    session.step({ type: 'disconnected' })
    expect(session.step({ type: 'pingreq' })).toEqual([])
    expect(session.step(publish('a', 1))).toEqual([])
  })
})

describe('DISCONNECT', () => {
  test('a normal one voids the will, then the connection is closed without a word [MQTT-3.14.4-3]', () => {
    expect(liveSession(5).step(disconnect())).toEqual([{ do: 'discard-will' }, ...closing(null)])
    expect(liveSession(4).step(disconnect())).toEqual([{ do: 'discard-will' }, ...closing(null)])
  })

  test.each([
    Reason.DisconnectWithWill,
    Reason.UnspecifiedError,
    Reason.ImplementationSpecificError,
    Reason.QuotaExceeded,
  ])(
    'one with reason %i leaves the will to be published: only reason 0 voids it [MQTT-3.1.2-8]',
    (reason) => {
      expect(liveSession(5).step(disconnect(reason))).toEqual(closing(null))
    },
  )

  test('it may change how long the session lives, within the bound', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    for (const [asked, granted] of [
      [5, 5],
      [0xffff_ffff, SESSION_EXPIRY_SECONDS_MAX],
      [0, 0],
    ] as const) {
      session.step(disconnect(Reason.Success, { sessionExpiryInterval: asked }))
      expect(session.expirySeconds).toBe(granted)
    }
    expect(session.persistent).toBe(true)
  })

  test('without an interval the session’s expiry stays', () => {
    const session = liveSession(5, { expirySeconds: 60 })
    session.step(disconnect())
    expect(session.expirySeconds).toBe(60)
  })

  test('a session that was to end with its connection cannot be kept by DISCONNECT, and the will stands', () => {
    const session = liveSession(5)
    expect(session.step(disconnect(Reason.Success, { sessionExpiryInterval: 60 }))).toEqual(
      closing(Reason.ProtocolError),
    )
    expect(session.step(disconnect(Reason.Success, { sessionExpiryInterval: 0 }))).toContainEqual({
      do: 'discard-will',
    })
  })
})
