// Which root a topic or a filter belongs to, and that a filter with a root sees topics of no other.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClientId, Root } from '../../src/id/ids.ts'
import {
  clientOfRoot,
  couldMatchRoot,
  presenceBranch,
  reachOf,
  rootOfClient,
  rootOfFilter,
  rootOfTopic,
} from '../../src/id/root.ts'
import { isTopicFilter, isTopicName, matches } from '../../src/mqtt/topic.ts'

test.each([
  ['devices/lamp/telemetry/t', 'devices/lamp'],
  ['devices/lamp', 'devices/lamp'],
  ['rooms/42/chat', 'rooms/42'],
  ['rooms', 'rooms'],
  ['rooms/', 'rooms/'],
  ['/a/b', '/a'],
  ['/', '/'],
  ['//x', '/'],
  ['presence/lamp', 'devices/lamp'],
  ['presence/lamp/x', 'devices/lamp'],
  ['presence', 'presence'],
  ['presence/', 'presence/'],
])('the topic %j has the root %j', (topic, root) => {
  expect(rootOfTopic(topic)).toBe(root)
})

test.each([
  ['rooms/42/#', 'rooms/42'],
  ['rooms/42/+', 'rooms/42'],
  ['rooms/42', 'rooms/42'],
  ['rooms', 'rooms'],
  ['/a/#', '/a'],
  ['presence/lamp', 'devices/lamp'],
  ['presence/lamp/#', 'devices/lamp'],
])('the filter %j has the root %j', (filter, root) => {
  expect(rootOfFilter(filter)).toBe(root)
})

test.each([
  '#',
  '+',
  '+/x',
  'rooms/#',
  'rooms/+',
  'devices/+/telemetry',
  'presence/+',
  'presence/#',
  '+/lamp',
  '+/+/+',
  '/+',
  '/#',
])('the filter %j is wide', (filter) => {
  expect(rootOfFilter(filter)).toBeNull()
})

const level = fc.constantFrom('', 'a', 'b', 'devices', 'presence', 'lamp')
const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))

/** A filter near the topic: levels become `+`, the end becomes `#`, and sometimes a level is another. */
const pairs = topics.chain((topic) => {
  const levels = topic.split('/')
  const changes = fc.array(fc.constantFrom('keep', 'keep', 'plus', 'other'), {
    minLength: levels.length,
    maxLength: levels.length,
  })
  return fc.record({
    topic: fc.constant(topic),
    filter: fc.tuple(changes, fc.nat(6), fc.boolean()).map(([change, cut, hash]) => {
      const changed = levels.map((one, i) =>
        change[i] === 'plus' ? '+' : change[i] === 'other' ? `${one}x` : one,
      )
      return (hash ? [...changed.slice(0, cut), '#'] : changed).join('/')
    }),
  })
})

test('whatever a filter with a root matches has that root', () => {
  let matched = 0
  fc.assert(
    fc.property(pairs, ({ topic, filter }) => {
      if (!isTopicName(topic) || !isTopicFilter(filter) || !matches(filter, topic)) return
      const root = rootOfFilter(filter)
      if (root === null) return
      matched++
      expect(rootOfTopic(topic)).toBe(root)
    }),
    { seed: 1883, numRuns: 5000 },
  )
  expect(matched).toBeGreaterThan(500)
})

test('every filter without a root matches topics of more than one', () => {
  fc.assert(
    fc.property(pairs, ({ filter }) => {
      if (!isTopicFilter(filter) || rootOfFilter(filter) !== null) return
      const some = (name: string) => filter.replaceAll(/[+#]/g, name)
      expect(matches(filter, some('one'))).toBe(true)
      expect(matches(filter, some('two'))).toBe(true)
      expect(rootOfTopic(some('one'))).not.toBe(rootOfTopic(some('two')))
    }),
    { seed: 1883, numRuns: 2000 },
  )
})

test.each([
  ['#', 'sport', true],
  ['#', 'rooms/42', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['$SYS/#', 'rooms/42', false],
  ['sport/#', 'sport', true],
  ['sport/#', 'sport/tennis', true],
  ['sport/#', 'sports', false],
  ['sport/+/#', 'sport', false],
  ['+', 'sport', true],
  ['+', 'rooms/42', false],
  ['+/#', 'sport', true],
  ['+/+', 'sport', false],
  ['+/+', 'rooms/42', true],
  ['+/+/x', 'rooms/42', true],
  ['+/+/x', 'sport', false],
  ['rooms/+', 'rooms/42', true],
  ['rooms/+', 'rooms/', true],
  ['rooms/+', 'rooms', false],
  ['rooms/+', 'devices/lamp', false],
  ['devices/+/telemetry', 'devices/lamp', true],
  ['+/lamp/x', 'devices/lamp', true],
  ['+/lamp/x', 'devices/phone', false],
  ['/+', '/a', true],
  ['/+', 'a', false],
  ['presence/+', 'devices/lamp', true],
  ['presence/#', 'devices/lamp', true],
  ['presence/lamp', 'devices/lamp', true],
  ['presence/phone', 'devices/lamp', false],
  ['presence/+', 'rooms/42', false],
  ['presence/+', 'devices', false],
])('the filter %j could match a topic of the root %j: %j', (filter, root, could) => {
  expect(couldMatchRoot(filter, root as Root)).toBe(could)
})

test('a filter could match a root exactly where it matches one of its topics', () => {
  let matched = 0
  fc.assert(
    fc.property(pairs, ({ topic, filter }) => {
      if (!isTopicName(topic) || !isTopicFilter(filter)) return
      const root = rootOfTopic(topic)
      if (matches(filter, topic)) {
        matched++
        expect(couldMatchRoot(filter, root)).toBe(true)
      } else if (couldMatchRoot(filter, root)) {
        // The root, and below it what the filter asks for.
        const rest = filter.split('/').slice(root.split('/').length)
        const names = rest.filter((one) => one !== '#').map((one) => (one === '+' ? 'any' : one))
        const some = [root, presenceBranch(root) ?? root].map((branch) => [branch, ...names].join('/'))
        expect(some.some((one) => matches(filter, one))).toBe(true)
        for (const one of some) expect(rootOfTopic(one)).toBe(root)
      }
    }),
    { seed: 1883, numRuns: 5000 },
  )
  expect(matched).toBeGreaterThan(500)
})

describe('the leaf of a root', () => {
  test('is the client’s own actor under devices/<id>', () => {
    const root = rootOfClient('lamp' as ClientId)
    expect(root).toBe('devices/lamp')
    expect(clientOfRoot(root)).toBe('lamp')
    expect(clientOfRoot(rootOfTopic('devices/lamp/x/y'))).toBe('lamp')
  })

  test.each(['devices', 'devices/', 'rooms/42', 'mydevices/lamp', '/devices'])(
    'is no client’s for %j',
    (root) => {
      expect(clientOfRoot(root as Root)).toBeNull()
    },
  )
})

test.each([
  [['presence/+'], 'devices/lamp', 'presence'],
  [['presence/+', 'devices/+/x'], 'devices/lamp', 'any'],
  [['#'], 'devices/lamp', 'any'],
  [['rooms/+'], 'devices/lamp', 'nothing'],
  [['presence/+'], 'rooms/42', 'nothing'],
  [['presence/#'], 'presence', 'any'],
])('the filters %j reach of the root %j: %s', (filters, root, reach) => {
  expect(reachOf(filters, root as Root)).toBe(reach)
})
