// Packets that come faster than a session passes publishes on: they wait, in their order, and bounded.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Reason } from '../../src/mqtt/reason.ts'
import type { Effect } from '../../src/session/effect.ts'
import { INCOMING_BYTES_MAX, INCOMING_HELD_BYTES_MAX } from '../../src/session/limits.ts'
import type { Session } from '../../src/session/session.ts'
import { delivery } from './actor.ts'
import { ack, closing, deliveryOf, disconnect, liveSession, puback, publish, subscribe } from './packets.ts'

describe('more than may be on its way', () => {
  const MIB = 1024 * 1024

  function large(packetId: number, bytes = MIB, qos: 0 | 1 | 2 = packetId > 0 ? 1 : 0) {
    const packet = publish('a', packetId, qos)
    return { ...packet, message: { ...packet.message, payload: new Uint8Array(bytes - 1) } }
  }

  const passed = (effects: readonly Effect[]) =>
    effects.flatMap((effect) => (effect.do === 'publish' ? [effect] : []))

  /** Settles each publish as it is passed on. @returns the effects, but for those */
  function settleAll(session: Session, begun: readonly Effect[]): Effect[] {
    const all: Effect[] = []
    const waiting = [...begun]
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.do !== 'publish') all.push(next)
      else if (next.number > 0)
        waiting.push(...session.step({ type: 'published', number: next.number, reason: Reason.Success }))
    }
    return all
  }

  test.each([4, 5] as const)('waits, and is answered in its order, in version %i', (version) => {
    const session = liveSession(version, { incomingWindow: 4_096 })
    const ids = Array.from({ length: 20 }, (_, i) => i + 1)
    const begun = ids.flatMap((id) => session.step(large(id)))
    expect(passed(begun)).toHaveLength(INCOMING_BYTES_MAX / MIB)
    expect(settleAll(session, begun)).toEqual(ids.map((id) => puback(id)))
  })

  test('at 3.1.1 more publishes than the window are taken too', () => {
    const session = liveSession(4, { incomingWindow: 10 })
    const ids = Array.from({ length: 25 }, (_, i) => i + 1)
    const begun = ids.flatMap((id) => session.step(publish('a', id)))
    expect(passed(begun)).toHaveLength(10)
    expect(settleAll(session, begun)).toEqual(ids.map((id) => puback(id)))
  })

  test('at 3.1.1 exchanges without PUBREL fill the window, and PUBREL makes room', () => {
    const session = liveSession(4, { incomingWindow: 2 })
    for (const id of [1, 2]) settleAll(session, session.step(publish('a', id, 2)))
    expect(session.step(publish('a', 3, 2))).toEqual([])
    const [, , next] = session.step(ack('pubrel', 1))
    expect(next).toMatchObject({ do: 'publish', exchange: { packetId: 3 } })
  })

  test('at 5.0 the Receive Maximum counts what waits [MQTT-3.3.4-8]', () => {
    const session = liveSession(5, { incomingWindow: 6 })
    for (const id of [1, 2, 3, 4, 5, 6]) session.step(large(id))
    expect(session.step(large(7))).toEqual(closing(Reason.ReceiveMaximumExceeded))
  })

  test('one message that is larger than all that may be on its way is passed on alone', () => {
    const session = liveSession(5)
    expect(passed(session.step(large(1, INCOMING_BYTES_MAX + 1)))).toHaveLength(1)
    expect(session.step(publish('a', 2))).toEqual([])
  })

  test('what comes after a publish that waits does not overtake it: QoS 0, SUBSCRIBE, UNSUBSCRIBE', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    const begun = [1, 2, 3, 4].flatMap((id) => session.step(large(id)))
    for (const packet of [
      large(5),
      publish('a', 0),
      subscribe(6, 'a'),
      { type: 'unsubscribe', packetId: 7, filters: ['b'], properties: {} },
    ] as const)
      expect(session.step(packet)).toEqual([])
    const [first] = passed(begun)
    const effects = session.step({ type: 'published', number: first?.number ?? 0, reason: Reason.Success })
    expect(effects.map((effect) => effect.do)).toEqual(['reply', 'publish', 'publish', 'subscribe', 'reply'])
  })

  test('acknowledgements and PINGREQ do not wait', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    for (const id of [1, 2, 3, 4, 5]) session.step(large(id))
    expect(session.step({ type: 'pingreq' })).toEqual([{ do: 'reply', packet: { type: 'pingresp' } }])
    session.step(deliveryOf(delivery('x', { qos: 2 }), 1))
    expect(session.step(ack('pubrec', 1))).toMatchObject([{ do: 'release' }, { do: 'pubrel', packetId: 1 }])
  })

  test('is bounded: past the bound QoS 0 is dropped, and the connection is closed for QoS 1', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    let id = 0
    for (let bytes = 0; bytes + MIB < INCOMING_BYTES_MAX + INCOMING_HELD_BYTES_MAX; bytes += MIB)
      session.step(large(++id))
    expect(session.step(large(0))).toEqual([])
    expect(session.step(large(++id))).toEqual(closing(Reason.QuotaExceeded))
  })

  test('is bounded by the memory that the actor has for it: what waits already stays', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    for (const id of [1, 2, 3, 4, 5]) session.step(large(id))
    expect(session.heldBytes).toBeGreaterThan(MIB)
    session.step({ type: 'memory', heldBytesMax: 2 * MIB })
    expect(session.step(large(0))).toEqual([])
    expect(session.heldBytes).toBeLessThan(2 * MIB)
    expect(session.step(large(6))).toEqual(closing(Reason.QuotaExceeded))
  })

  test('is passed on when the client disconnects: DISCONNECT does not overtake it', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    for (const id of [1, 2, 3, 4, 5]) session.step(large(id))
    session.step(publish('a', 0))
    expect(session.step(disconnect()).map((effect) => effect.do)).toEqual([
      'publish',
      'publish',
      'discard-will',
      'close',
    ])
  })

  test('is passed on when the connection is lost', () => {
    const session = liveSession(5, { incomingWindow: 4_096 })
    for (const id of [1, 2, 3, 4, 5]) session.step(large(id))
    session.step(publish('a', 0))
    expect(passed(session.step({ type: 'disconnected' }))).toHaveLength(2)
    expect(session.step({ type: 'disconnected' })).toEqual([])
  })

  test('nothing is taken after a refusal at 3.1.1: all comes again, in its order', () => {
    const session = liveSession(4)
    const begun = [1, 2, 3, 4, 5].flatMap((id) => session.step(large(id)))
    const [first] = passed(begun)
    const refused = session.step({
      type: 'published',
      number: first?.number ?? 0,
      reason: Reason.QuotaExceeded,
    })
    expect(refused).toEqual(closing(Reason.QuotaExceeded))
    expect(passed(session.step({ type: 'disconnected' }))).toEqual([])
  })

  test('whatever the sizes and the order of outcomes, each is passed on and answered once, in its order', () => {
    const sent = fc.array(
      fc.record({
        qos: fc.constantFrom(0 as const, 1 as const),
        bytes: fc.integer({ min: 1, max: 2 * MIB }),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(
        sent,
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.constantFrom(4, 5),
        (packets, turns, version) => {
          const session = liveSession(version as 4 | 5, { incomingWindow: version === 4 ? 3 : 4_096 })
          const order: number[] = []
          const acknowledged: number[] = []
          const open: number[] = []
          const take = (effects: readonly Effect[]) => {
            for (const effect of effects) {
              if (effect.do === 'publish') order.push(effect.message.payload.length)
              if (effect.do === 'publish' && effect.number > 0) open.push(effect.number)
              if (effect.do === 'reply' && effect.packet.type === 'puback')
                acknowledged.push(effect.packet.packetId)
            }
          }
          const settle = (turn: number) => {
            const [number] = open.splice(turn % Math.max(1, open.length), 1)
            if (number !== undefined)
              take(session.step({ type: 'published', number, reason: Reason.Success }))
          }
          const ids: number[] = []
          packets.forEach(({ qos, bytes }, i) => {
            if (qos === 1) ids.push(i + 1)
            take(session.step(large(qos === 1 ? i + 1 : 0, bytes + 1)))
            const turn = turns[i]
            if (turn !== undefined && turn % 3 === 0) settle(turn)
          })
          while (open.length > 0) settle(order.length)
          expect(order).toEqual(packets.map(({ bytes }) => bytes))
          expect(acknowledged).toEqual(ids)
        },
      ),
      { numRuns: 50 },
    )
  })
})
