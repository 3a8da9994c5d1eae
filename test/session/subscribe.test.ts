// SUBSCRIBE and UNSUBSCRIBE: what is refused without asking a leaf, what is kept, what is answered.
import { describe, expect, test } from 'vitest'
import { WIDE_FILTERS_CHARACTERS_MAX } from '../../actors/limits.ts'
import { SUBSCRIPTIONS_PER_PACKET_MAX } from '../../src/mqtt/limits.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { WIDE_FILTERS_MAX } from '../../src/relay/wide.ts'
import {
  SUBSCRIPTIONS_MAX,
  WIDE_SUBSCRIPTIONS_BYTES_MAX,
  WIDE_SUBSCRIPTIONS_MAX,
} from '../../src/session/limits.ts'
import type { Session } from '../../src/session/session.ts'
import { asked, closing, liveSession, subscribe, wanted } from './packets.ts'

function suback(packetId: number, ...reasons: ReasonCode[]) {
  return [{ do: 'reply', packet: { type: 'suback', packetId, reasons, properties: {} } }]
}

function unsuback(packetId: number, ...reasons: ReasonCode[]) {
  return [{ do: 'reply', packet: { type: 'unsuback', packetId, reasons, properties: {} } }]
}

function withFilters(...filters: string[]): Session {
  const session = liveSession(5)
  asked(session, subscribe(1, ...filters)).done(filters.map(() => Reason.GrantedQoS1))
  return session
}

function unsubscribe(session: Session, packetId: number, ...filters: string[]) {
  return session.step({ type: 'unsubscribe', packetId, filters, properties: {} })
}

describe('SUBSCRIBE that asks for history', () => {
  test.each([
    ['$history/PT1H/devices/lamp/t', undefined, 'devices/lamp/t', 'PT1H', null],
    ['devices/lamp/t', '7d', 'devices/lamp/t', '7d', null],
    ['devices/lamp/#', '2026-07-01T12:00:00Z', 'devices/lamp/#', '2026-07-01T12:00:00Z', null],
    ['$history/PT1H/rooms/#', undefined, 'rooms/#', 'PT1H', Reason.TopicFilterInvalid],
    ['$history/PT1H/', undefined, '', 'PT1H', Reason.TopicFilterInvalid],
    ['$history/PT1H', undefined, '$history/PT1H', '', Reason.TopicFilterInvalid],
    ['devices/lamp/t', 'soon', 'devices/lamp/t', 'soon', Reason.TopicFilterInvalid],
    ['$share/g/devices/lamp/t', '7d', '$share/g/devices/lamp/t', '7d', Reason.TopicFilterInvalid],
    ['devices/lamp/t', undefined, 'devices/lamp/t', undefined, null],
  ] as const)('%s, history-from %s', (given, property, filter, from, refused) => {
    const session = liveSession(5)
    const properties = property === undefined ? {} : { userProperties: [['history-from', property]] as const }
    const { items } = asked(session, { ...subscribe(1, given), properties } as ReturnType<typeof subscribe>)
    expect(items).toMatchObject([{ subscription: { filter }, refused }])
    expect(items[0]?.from).toBe(from)
    expect(session.subscriptions.has(filter)).toBe(refused === null)
  })

  test('it is ended by either name', () => {
    for (const name of ['devices/lamp/t', '$history/PT1H/devices/lamp/t']) {
      const session = withFilters('devices/lamp/t')
      expect(unsubscribe(session, 2, name)).toMatchObject([
        { do: 'unsubscribe', filters: ['devices/lamp/t'] },
      ])
    }
  })
})

describe('SUBSCRIBE', () => {
  test('it is answered when the leaves have, with their reasons in the order of the filters', () => {
    const session = liveSession(5)
    const { items, done } = asked(session, subscribe(9, 'a/b', 'c/d/#'))
    expect(items.map(({ refused }) => refused)).toEqual([null, null])
    expect(done([Reason.GrantedQoS1, Reason.Success])).toEqual(suback(9, 1, 0))
    expect([...session.subscriptions.keys()]).toEqual(['a/b', 'c/d/#'])
  })

  test.each([
    ['a/#/b', Reason.TopicFilterInvalid],
    ['a+', Reason.TopicFilterInvalid],
    ['', Reason.TopicFilterInvalid],
    ['$share//a/b', Reason.TopicFilterInvalid],
    ['$share/group', Reason.TopicFilterInvalid],
    ['$share/gr+up/a/b', Reason.TopicFilterInvalid],
    ['$share/group/a/b', null],
    ['$share/group/$aws/things/lamp/shadow/#', Reason.TopicFilterInvalid],
    ['$aws/things/lamp/shadow/#', null],
    ['#', null],
    ['devices/+/telemetry', null],
    ['rooms/#', null],
    ['+', null],
    ['rooms', null],
    ['rooms/42/+/x', null],
  ])('the filter %j is met with %j', (filter, refused) => {
    const session = liveSession(5)
    const { items } = asked(session, subscribe(1, filter))
    expect(items[0]?.refused).toBe(refused)
    expect(session.subscriptions.has(filter)).toBe(refused === null)
  })

  test('one refused filter takes nothing from the others', () => {
    const session = liveSession(5)
    const { items } = asked(session, subscribe(1, 'a+', 'a/b', 'a/#/b'))
    expect(items.map(({ refused }) => refused)).toEqual([
      Reason.TopicFilterInvalid,
      null,
      Reason.TopicFilterInvalid,
    ])
    expect([...session.subscriptions.keys()]).toEqual(['a/b'])
  })

  test('past the bound a new filter is refused, while an old one may be renewed', () => {
    const session = liveSession(5)
    const filters = Array.from({ length: SUBSCRIPTIONS_MAX + 1 }, (_, i) => `a/${i}`)
    const { items } = asked(session, subscribe(1, ...filters, 'a/0'))
    expect(items.at(-3)?.refused).toBeNull()
    expect(items.at(-2)?.refused).toBe(Reason.QuotaExceeded)
    expect(items.at(-1)).toMatchObject({ refused: null, isNew: false })
    expect(session.subscriptions.size).toBe(SUBSCRIPTIONS_MAX)
  })

  test('filters beyond what one packet may ask are refused, the others granted', () => {
    const session = liveSession(5)
    const [effect] = session.step({ ...subscribe(7, 'a/b'), excess: 2 })
    if (effect?.do !== 'subscribe') throw new Error('no subscribe')
    expect(effect.items).toHaveLength(1)
    const answered = session.step({ type: 'subscribed', number: effect.number, reasons: [1] })
    expect(answered).toEqual(suback(7, 1, Reason.QuotaExceeded, Reason.QuotaExceeded))
  })

  test('what a session may have, one packet may ask', () => {
    expect(SUBSCRIPTIONS_PER_PACKET_MAX).toBeGreaterThanOrEqual(SUBSCRIPTIONS_MAX)
  })

  test('a filter has at most 1 KiB, of bytes, with its group', () => {
    const long = (bytes: number) => `a/b/${'ж'.repeat(bytes / 2 - 2)}`
    const { items } = asked(liveSession(5), subscribe(1, long(1024), long(1026), `$share/g/${long(1024)}`))
    expect(items.map(({ refused }) => refused)).toEqual([null, Reason.QuotaExceeded, Reason.QuotaExceeded])
  })

  test('the filters of a session have at most 256 KiB together, over its packets, and what ends makes room', () => {
    const session = liveSession(5)
    const long = (i: number) => `a/b/${String(i).padStart(1020, 'x')}`
    const first = asked(session, subscribe(1, ...Array.from({ length: 200 }, (_, i) => long(i))))
    const second = asked(session, subscribe(2, ...Array.from({ length: 57 }, (_, i) => long(200 + i))))
    const refused = [...first.items, ...second.items].map((item) => item.refused)
    expect(refused).toEqual([...Array.from({ length: 256 }, () => null), Reason.QuotaExceeded])
    expect(asked(session, subscribe(3, 'b')).items[0]?.refused).toBe(Reason.QuotaExceeded)
    unsubscribe(session, 4, long(7))
    expect(asked(session, subscribe(5, 'b')).items[0]?.refused).toBeNull()
  })

  test('one client has a share of the wide filters, and may have narrow ones beyond it', () => {
    const session = liveSession(5)
    const wide = Array.from({ length: WIDE_SUBSCRIPTIONS_MAX + 1 }, (_, i) => `+/${i}`)
    const { items } = asked(session, subscribe(1, ...wide, 'a/b', '+/0'))
    expect(items.map(({ refused }) => refused)).toEqual([
      ...Array.from({ length: WIDE_SUBSCRIPTIONS_MAX }, () => null),
      Reason.QuotaExceeded,
      null,
      null,
    ])
  })

  test('the share of wide filters is one of bytes too: ten such clients fit into a region', () => {
    const session = liveSession(5)
    const wide = Array.from({ length: 25 }, (_, i) => `+/${String(i).padStart(1022, 'x')}`)
    const { items } = asked(session, subscribe(1, ...wide))
    expect(items.filter(({ refused }) => refused === null)).toHaveLength(24)
    expect(10 * WIDE_SUBSCRIPTIONS_MAX).toBeLessThanOrEqual(WIDE_FILTERS_MAX)
    expect(10 * WIDE_SUBSCRIPTIONS_BYTES_MAX).toBeLessThanOrEqual(WIDE_FILTERS_CHARACTERS_MAX)
  })

  test('QoS 2 is granted, and all options are kept with the identifier', () => {
    const session = liveSession(5)
    const options = { qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 } as const
    const packet = subscribe(1, wanted('a/b', options))
    asked(session, { ...packet, properties: { subscriptionIdentifier: 77 } })
    expect(session.subscriptions.get('a/b')).toEqual({ filter: 'a/b', ...options, identifier: 77 })
  })

  test('a filter that the session has is replaced, and known not to be new [MQTT-3.8.4-3]', () => {
    const session = withFilters('a/b')
    const { items } = asked(session, subscribe(2, wanted('a/b', { qos: 0 }), 'c/d'))
    expect(items.map(({ isNew }) => isNew)).toEqual([false, true])
    expect(session.subscriptions.get('a/b')?.qos).toBe(0)
  })

  test('a new filter that fails at its leaf is forgotten', () => {
    const session = liveSession(5)
    const { done } = asked(session, subscribe(1, 'a/b', 'c/d'))
    expect(done([Reason.ServerUnavailable, Reason.GrantedQoS1])).toEqual(
      suback(1, Reason.ServerUnavailable, 1),
    )
    expect([...session.subscriptions.keys()]).toEqual(['c/d'])
  })

  test('an old filter that fails at its leaf is kept', () => {
    const session = withFilters('a/b')
    asked(session, subscribe(2, 'a/b')).done([Reason.ServerUnavailable])
    expect(session.subscriptions.has('a/b')).toBe(true)
  })

  test('a filter that fails is kept if it was asked for again meanwhile, and that was granted', () => {
    const session = liveSession(5)
    const first = asked(session, subscribe(1, 'a/b'))
    const second = asked(session, subscribe(2, 'a/b'))
    first.done([Reason.ServerUnavailable])
    second.done([Reason.GrantedQoS1])
    expect(session.subscriptions.has('a/b')).toBe(true)
  })

  test('a new filter that was asked for twice and failed twice is forgotten', () => {
    const session = liveSession(5)
    const { done } = asked(session, subscribe(1, 'a/b', 'a/b'))
    done([Reason.ServerUnavailable, Reason.ServerUnavailable])
    expect(session.subscriptions.size).toBe(0)
  })

  test('No Local on a shared subscription closes the connection [MQTT-3.8.3-4]', () => {
    const packet = subscribe(1, wanted('$share/g/a/b', { noLocal: true }))
    expect(liveSession(5).step(packet)).toEqual(closing(Reason.ProtocolError))
  })
})

describe('UNSUBSCRIBE', () => {
  test('each filter is answered for itself, and only what was there is taken from the leaves', () => {
    const session = withFilters('a/b', 'c/d')
    const [effect] = unsubscribe(session, 5, 'a/b', 'never/had', 'a/#/b', 'a/b')
    if (effect?.do !== 'unsubscribe') throw new Error('no unsubscribe')
    expect(effect.filters).toEqual(['a/b'])
    expect(session.step({ type: 'unsubscribed', number: effect.number })).toEqual(
      unsuback(
        5,
        Reason.Success,
        Reason.NoSubscriptionExisted,
        Reason.TopicFilterInvalid,
        Reason.NoSubscriptionExisted,
      ),
    )
    expect([...session.subscriptions.keys()]).toEqual(['c/d'])
  })

  test('where nothing is to be taken from a leaf, it is answered at once', () => {
    expect(unsubscribe(liveSession(5), 5, 'a/b')).toEqual(unsuback(5, Reason.NoSubscriptionExisted))
  })

  test('it makes room for a new subscription', () => {
    const session = withFilters(...Array.from({ length: SUBSCRIPTIONS_MAX }, (_, i) => `a/${i}`))
    expect(asked(session, subscribe(2, 'b/1')).items[0]?.refused).toBe(Reason.QuotaExceeded)
    unsubscribe(session, 3, 'a/7')
    expect(asked(session, subscribe(4, 'b/1')).items[0]?.refused).toBeNull()
  })
})

describe('retained messages that are still to come', () => {
  test('stay with the subscription when the client subscribes again, and end with it', () => {
    const session = withFilters('a/#', 'b/#')
    session.step({ type: 'retained-sent', filter: 'a/#', after: 'a/m' })
    expect(session.retaining.map(({ filter }) => filter)).toEqual(['a/#'])
    asked(session, subscribe(2, 'a/#')).done([Reason.GrantedQoS1])
    expect(session.subscriptions.get('a/#')?.retainedAfter).toBe('a/m')
    unsubscribe(session, 3, 'a/#')
    expect(session.retaining).toEqual([])
    asked(session, subscribe(4, 'a/#')).done([Reason.GrantedQoS1])
    expect(session.subscriptions.get('a/#')).not.toHaveProperty('retainedAfter')
  })

  test('are none once all were sent, or of a filter that the client has no more', () => {
    const session = withFilters('a/#')
    session.step({ type: 'retained-sent', filter: 'a/#', after: 'a/m' })
    session.step({ type: 'retained-sent', filter: 'a/#', after: null })
    session.step({ type: 'retained-sent', filter: 'gone/#', after: 'gone/m' })
    expect(session.retaining).toEqual([])
    expect([...session.subscriptions.keys()]).toEqual(['a/#'])
  })
})
