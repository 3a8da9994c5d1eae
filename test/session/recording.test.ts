// The inputs and effects of a session are data: they survive a copy and JSON, and they replay the session's life.
import { expect, test } from 'vitest'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Effect } from '../../src/session/effect.ts'
import type { SessionInput } from '../../src/session/input.ts'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { delivery, termsOf } from './actor.ts'
import { ack, deliveryOf, disconnect, publish, startOf, subscribe } from './packets.ts'
import { RecordedSession, type Recording, replay } from './recording.ts'

/** Each kind of input and of effect: a new kind does not compile until it is here, and the life below must have it. */
const INPUTS: Record<SessionInput['type'], true> = {
  publish: true,
  puback: true,
  pubrec: true,
  pubrel: true,
  pubcomp: true,
  subscribe: true,
  unsubscribe: true,
  pingreq: true,
  disconnect: true,
  connect: true,
  auth: true,
  delivery: true,
  published: true,
  subscribed: true,
  unsubscribed: true,
  resumed: true,
  connected: true,
  awakened: true,
  disconnected: true,
  skipped: true,
  refill: true,
  'ack-wait-over': true,
  redistributed: true,
  learned: true,
  'retained-sent': true,
  dropped: true,
  memory: true,
  purged: true,
}
const EFFECTS: Record<Effect['do'], true> = {
  send: true,
  outcome: true,
  store: true,
  release: true,
  pubrel: true,
  complete: true,
  forget: true,
  'sent-up-to': true,
  refill: true,
  wake: true,
  'drop-oldest': true,
  dropped: true,
  reply: true,
  close: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  received: true,
  dismissed: true,
  'discard-will': true,
}

const TERMS = termsOf(5)
const QUEUE_MAX = 10
const BYTES = Uint8Array.of(0, 1, 254, 255)
const share = { filter: '$share/g/a', waits: true }

function message(topic: string, qos: 0 | 1 | 2, more: Partial<Delivery> = {}): Delivery {
  const one = delivery(topic, { qos })
  return { ...one, ...more, message: { ...one.message, payload: BYTES, properties: BYTES } }
}

/** One life with every kind of input and of effect. */
function recorded(): Recording {
  const session = new RecordedSession(
    startOf({ expirySeconds: 60, queue: { messagesMax: QUEUE_MAX, whenFull: 'drop-oldest' } }),
  )
  const numberOf = (effects: readonly Effect[]): number => {
    for (const effect of effects) if ('number' in effect) return effect.number
    throw new Error('no effect has a number')
  }
  session.step({ type: 'connected', terms: TERMS })
  session.step(deliveryOf(message('a', 0)))
  session.step(deliveryOf(message('a', 1)))
  session.step(deliveryOf(message('a', 2)))
  session.step(deliveryOf(message('a', 1, { share })))
  session.step(ack('puback', 1))
  session.step(ack('pubrec', 2))
  session.step(ack('pubcomp', 2))
  session.step({ type: 'ack-wait-over', now: ACK_WAIT_MS })
  session.step(deliveryOf(message('too large', 1)))
  session.step({ type: 'skipped', packetId: 4 })
  const published = numberOf(session.step(publish('a', 7, 2)))
  session.step({ type: 'published', number: published, reason: 0 })
  session.step(ack('pubrel', 7))
  const subscribed = numberOf(session.step(subscribe(1, 'a/b', '$history/PT1H/devices/lamp/t')))
  session.step({ type: 'subscribed', number: subscribed, reasons: [1, 0x83] })
  const unsubscribed = numberOf(
    session.step({ type: 'unsubscribe', packetId: 2, filters: ['a/b'], properties: {} }),
  )
  session.step({ type: 'unsubscribed', number: unsubscribed })
  const subscription = { ...subscribe(1, 'c').subscriptions[0], identifier: 5 }
  session.step({ type: 'learned', filter: 'c', subscription: subscription as never })
  session.step({ type: 'retained-sent', filter: 'c', after: 'c/d' })
  session.step({ type: 'memory', heldBytesMax: 1_000_000 })
  session.step({ type: 'pingreq' })
  session.step({ type: 'auth', reason: 0x18, properties: {} })
  session.step({
    ...{ type: 'connect', protocolVersion: 5, clientId: 'lamp', cleanStart: true, keepAlive: 0 },
    ...{ username: null, password: null, will: null, properties: {} },
  })
  session.step(disconnect(0, { sessionExpiryInterval: 50 }))
  session.step({ type: 'disconnected' })
  session.step(deliveryOf(message('b', 1, { share })))
  session.step({ type: 'redistributed', rows: [{ position: 3, delivery: message('a', 1, { share }) }] })
  session.step({ type: 'resumed', expirySeconds: 100 })
  session.step({ type: 'connected', terms: TERMS })
  const rows = [{ position: 5, delivery: message('b', 1, { share }) }]
  session.step({ type: 'refill', rows, limit: 10, now: 500 })
  session.step({
    ...{ type: 'awakened', terms: TERMS, aliases: [[1, 'a']], unstored: [], stored: rows },
    ...{ sentOnConnection: 5, now: 600 },
  })
  session.step({ type: 'disconnected' })
  const few = Array.from({ length: QUEUE_MAX + 1 }, () => session.step(deliveryOf(message('more', 1))))
  const asked = few.flat().find((effect) => effect.do === 'drop-oldest')
  if (asked?.do !== 'drop-oldest') throw new Error('a full queue drops nothing')
  session.step({ type: 'dropped', asked, rows: [{ position: 6, delivery: message('more', 1) }] })
  session.step({ type: 'purged' })
  return session.recording
}

const viaJson = (recording: Recording): Recording =>
  JSON.parse(
    JSON.stringify(recording, (_, value) =>
      value instanceof Uint8Array ? { bytes: bytesToBase64(value) } : value,
    ),
    (_, value) => (typeof value?.bytes === 'string' ? base64ToBytes(value.bytes) : value),
  )

test('the recorded life has every kind of input and of effect', () => {
  const { steps } = recorded()
  expect(new Set(steps.map(({ input }) => input.type))).toEqual(new Set(Object.keys(INPUTS)))
  const effects = steps.flatMap((step) => step.effects.map((effect) => effect.do))
  expect(new Set(effects)).toEqual(new Set(Object.keys(EFFECTS)))
})

test.each([
  ['a structured clone', (recording: Recording) => structuredClone(recording)],
  ['JSON with its bytes in base64', viaJson],
])('every input and every effect of a session survives %s, and so replays it', (_, through) => {
  const recording = recorded()
  const copy = through(recording)
  expect(copy).toEqual(recording)
  replay(copy)
})

test('a replay that leads to other effects is noticed', () => {
  const { start, steps } = recorded()
  expect(() => replay({ start, steps: steps.slice(1) })).toThrow('strictly deep-equal')
})
