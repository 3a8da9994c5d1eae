// A message that a narrow and a wide filter of one session match: one delivery, whichever way it comes by first.
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/mqtt/message.ts'
import type { SubscriptionRequest } from '../../src/mqtt/packet.ts'
import { delivery } from './actor.ts'
import { asked, liveSession, subscribe, wanted } from './packets.ts'

function overlapOf(
  filters: readonly (readonly [filter: string, identifier: number, more?: Partial<SubscriptionRequest>])[],
  message: Partial<Message> = {},
) {
  const session = liveSession(5)
  for (const [filter, subscriptionIdentifier, more] of filters)
    asked(session, {
      ...subscribe(1, wanted(filter, more)),
      properties: { subscriptionIdentifier },
    }).done([1])
  const one = delivery('rooms/1/x', { qos: 0 })
  return session.overlapOf({
    ...one,
    identifiers: [99],
    message: { ...one.message, qos: 1, origin: 'o', ...message },
  })
}

describe('one delivery', () => {
  test('has the highest QoS and every identifier [MQTT-3.3.4-2] [MQTT-3.3.4-3]', () => {
    const overlap = overlapOf([
      ['rooms/1/#', 1, { qos: 0 }],
      ['rooms/1/x', 2, { qos: 1 }],
      ['#', 3, { qos: 2 }],
      ['rooms/2/#', 4],
    ])
    expect(overlap?.delivery).toMatchObject({ qos: 1, retain: false, identifiers: [1, 2, 3] })
  })

  test('keeps RETAIN if one of the filters asks for it [MQTT-3.3.1-13]', () => {
    const filters = [
      ['rooms/1/x', 1, {}],
      ['#', 2, { retainAsPublished: true }],
    ] as const
    expect(overlapOf(filters, { retain: true })?.delivery.retain).toBe(true)
    expect(overlapOf(filters, { retain: false })?.delivery.retain).toBe(false)
  })
})

test.each([
  [
    'only narrow filters match',
    [
      ['rooms/1/x', 1],
      ['rooms/1/#', 2],
      ['+/2/x', 3],
    ],
    {},
  ],
  [
    'only wide filters match',
    [
      ['+/1/x', 1],
      ['#', 2],
      ['rooms/2/#', 3],
    ],
    {},
  ],
  [
    'the wide one is shared',
    [
      ['rooms/1/x', 1],
      ['$share/g/#', 2],
    ],
    {},
  ],
  [
    'the narrow one is shared',
    [
      ['$share/g/rooms/1/x', 1],
      ['#', 2],
    ],
    {},
  ],
  [
    'a filter has No Local',
    [
      ['rooms/1/x', 1, { noLocal: true }],
      ['#', 2],
    ],
    {},
  ],
  [
    'the message has no name',
    [
      ['rooms/1/x', 1],
      ['#', 2],
    ],
    { origin: undefined as never },
  ],
] as const)('a delivery stays as it is if %s', (_, filters, message) => {
  expect(overlapOf(filters, message)).toBeNull()
})

test('a filter that is ended no longer overlaps', () => {
  const session = liveSession(5)
  asked(session, subscribe(1, '#', 'rooms/1/x')).done([1, 1])
  const one = delivery('rooms/1/x')
  const named = { ...one, message: { ...one.message, origin: 'o' } }
  expect(session.overlapOf(named)).not.toBeNull()
  session.step({ type: 'unsubscribe', packetId: 2, filters: ['#'], properties: {} })
  expect(session.overlapOf(named)).toBeNull()
})
