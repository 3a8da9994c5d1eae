// Topic names, filters and their matching, against the specification's examples and a naive reference.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTopicFilter, isTopicName, matches, overlap, parseShared } from '../../src/mqtt/topic.ts'

describe('topic names', () => {
  test.each(['a', '/', '/a', 'a/', 'a//b', '$SYS/x', 'Accounts payable', 'é/€/😀', ' '])(
    '%j is one',
    (topic) => {
      expect(isTopicName(topic)).toBe(true)
    },
  )

  test.each(['', '+', '#', 'a/+', 'a#', 'a\0b', '\ud800'])('%j is none', (topic) => {
    expect(isTopicName(topic)).toBe(false)
  })

  test('65,535 bytes are the most', () => {
    expect(isTopicName('x'.repeat(65_535))).toBe(true)
    expect(isTopicName('x'.repeat(65_536))).toBe(false)
    expect(isTopicName('€'.repeat(21_845))).toBe(true)
    expect(isTopicName(`${'€'.repeat(21_845)}x`)).toBe(false)
  })

  test('only the bytes bound the levels: section 4.7.3', () => {
    expect(isTopicName('/'.repeat(65_535))).toBe(true)
    expect(isTopicFilter('+/'.repeat(32_767))).toBe(true)
    expect(matches('+/'.repeat(32_767), 'a/'.repeat(32_767))).toBe(true)
    expect(overlap('+/'.repeat(32_767), 'a/'.repeat(32_767))).toBe(true)
  })
})

describe('topic filters', () => {
  test.each([
    '#',
    '+',
    'a/#',
    'a/+/b',
    '+/+',
    '/+',
    '+/',
    '/#',
    '+/a/#',
    'a',
    '$SYS/#',
    '$share',
    '$shared/a',
  ])('%j is one', (filter) => {
    expect(isTopicFilter(filter)).toBe(true)
  })

  test.each(['', 'a#', '#/a', 'a/#/b', 'a+', '+a', 'a/b+/c', '##', '++', 'a/+#', 'a\0'])(
    '%j is none',
    (filter) => {
      expect(isTopicFilter(filter)).toBe(false)
    },
  )

  test('a shared one is taken apart', () => {
    expect(parseShared('$share/g/a/+/#')).toEqual({ group: 'g', filter: 'a/+/#' })
    expect(parseShared('$share/g//')).toEqual({ group: 'g', filter: '/' })
    expect(isTopicFilter('$share/g/#')).toBe(true)
  })

  test.each(['$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/g#/a', '$share/g/a#'])(
    'the shared %j is none',
    (filter) => {
      expect(isTopicFilter(filter)).toBe(false)
      expect(parseShared(filter)).toBeNull()
    },
  )

  test('what is not shared has no parts', () => {
    expect(parseShared('a/b')).toBeNull()
    expect(parseShared('$share')).toBeNull()
  })
})

describe('matching', () => {
  test.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'],
    ['#', 'sport'],
    ['#', '/'],
    ['sport/tennis/+', 'sport/tennis/player1'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['+/#', 'a'],
    ['a/+/c', 'a//c'],
    ['$SYS/#', '$SYS/x'],
    ['$SYS/monitor/+', '$SYS/monitor/Clients'],
    ['a/$b/+', 'a/$b/c'],
  ])('%s matches %s', (filter, topic) => {
    expect(matches(filter, topic)).toBe(true)
  })

  test.each([
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['a', 'A'],
    ['a', 'a/'],
    ['a/', 'a'],
    ['ab/#', 'a'],
    ['a/#', 'ab'],
    ['a/b/#', 'a'],
  ])('%s does not match %s', (filter, topic) => {
    expect(matches(filter, topic)).toBe(false)
  })

  test.each([
    ['#', '$SYS/x'],
    ['+/monitor/Clients', '$SYS/monitor/Clients'],
  ])('%s does not match %s, which begins with $ [MQTT-4.7.2-1] [MQTT-4.7.2-1, 3.1.1]', (filter, topic) => {
    expect(matches(filter, topic)).toBe(false)
  })

  test('it agrees with a naive reference', () => {
    const level = fc.constantFrom('', 'a', 'b', 'ab', '$s', 'é')
    const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
    const filters = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.constantFrom([], ['#']))
      .map(([levels, last]) => [...levels, ...last].join('/'))
    fc.assert(
      fc.property(
        topics.filter((t) => t !== ''),
        filters.filter((f) => f !== ''),
        (topic, filter) => {
          expect(isTopicName(topic)).toBe(true)
          expect(isTopicFilter(filter)).toBe(true)
          expect(matches(filter, topic)).toBe(naive(filter.split('/'), topic.split('/')))
        },
      ),
      { numRuns: 20_000 },
    )
  })
})

function naive(filter: string[], topic: string[]): boolean {
  if (topic[0]?.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '#') return topic.length >= i
    if (i >= topic.length || (filter[i] !== '+' && filter[i] !== topic[i])) return false
  }
  return filter.length === topic.length
}
