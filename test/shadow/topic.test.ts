// Which topics are a shadow's, and by which two names.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Root } from '../../src/id/ids.ts'
import { couldMatchRoot, rootOfFilter, rootOfTopic } from '../../src/id/root.ts'
import {
  aliasOf,
  canonicalTopic,
  isShadowTopic,
  parseShadowRequest,
  parseShadowTopic,
  topicNames,
} from '../../src/id/shadow-topic.ts'
import { matches } from '../../src/mqtt/topic.ts'

const LAMP = 'devices/lamp' as Root

test('a request names its device, its shadow and what is asked', () => {
  expect(parseShadowRequest('devices/lamp/shadow/update')).toEqual({
    client: 'lamp',
    path: 'shadow',
    verb: 'update',
  })
  expect(parseShadowRequest('devices/lamp/shadow/name/led:1/get')).toEqual({
    client: 'lamp',
    path: 'shadow/name/led:1',
    verb: 'get',
  })
})

test.each([
  'devices/lamp/shadow',
  'devices/lamp/shadow/update/accepted',
  'devices/lamp/shadow/updates',
  'devices/lamp/shadow/name/led',
  'devices/lamp/shadow/name//get',
  'devices/lamp/shadow/name/a.b/get',
  `devices/lamp/shadow/name/${'n'.repeat(65)}/get`,
  'devices/lamp/shadows/update',
  'rooms/lamp/shadow/update',
  '$aws/things/lamp/shadow/update',
])('%s is no request', (topic) => {
  expect(parseShadowRequest(topic)).toBeNull()
})

test('what follows the shadow may have levels', () => {
  expect(parseShadowTopic('devices/lamp/shadow/name/n/update/delta')?.rest).toBe('update/delta')
  expect(parseShadowTopic('devices/lamp/shadow/update/delta')).toMatchObject({
    path: 'shadow',
    rest: 'update/delta',
  })
})

describe('AWS IoT’s names', () => {
  test('go to ours and back', () => {
    expect(canonicalTopic('$aws/things/lamp/shadow/name/n/get')).toBe('devices/lamp/shadow/name/n/get')
    expect(aliasOf('devices/lamp/shadow/update')).toBe('$aws/things/lamp/shadow/update')
    for (const other of [
      'devices/lamp/state',
      'devices/lamp/shadow',
      'rooms/1/shadow/x',
      'devices/shadow/x',
    ]) {
      expect(aliasOf(other)).toBeNull()
      expect(canonicalTopic(other)).toBe(other)
    }
    for (const other of ['$aws/things/lamp/jobs/x', '$aws/things/lamp/shadow', '$aws/rules/x', '$SYS/x'])
      expect(canonicalTopic(other)).toBe(other)
  })

  test('belong to the root of the device', () => {
    expect(rootOfTopic('$aws/things/lamp/shadow/get')).toBe(LAMP)
    expect(rootOfFilter('$aws/things/lamp/#')).toBe(LAMP)
    for (const wide of ['$aws/#', '$aws/+/lamp/#', '$aws/things/#', '$aws/things/+/shadow/#'])
      expect(rootOfFilter(wide)).toBeNull()
  })

  test('one matches only by a filter that begins with $, and a filter never matches both names', () => {
    const level = fc.constantFrom('$aws', 'things', 'devices', 'lamp', 'desk', 'shadow', 'update', '+')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 6 }), fc.boolean())
      .map(([levels, open]) => (open ? [...levels, '#'] : levels).join('/'))
    fc.assert(
      fc.property(filter, (one) => {
        const names = topicNames('devices/lamp/shadow/update')
        const matching = names.filter((name) => matches(one, name))
        expect(matching.length).toBeLessThanOrEqual(1)
        if (matching.length === 0) return
        // Whoever keeps the filter is asked about the topic: its own root's leaf, or a WideActor.
        expect(rootOfFilter(one) ?? LAMP).toBe(LAMP)
        expect(couldMatchRoot(one, LAMP)).toBe(true)
        expect(matching[0]?.startsWith('$')).toBe(one.startsWith('$'))
      }),
      { numRuns: 20_000 },
    )
  })

  test('shadow topics are recognised whoever is the client', () => {
    expect(isShadowTopic('devices/lamp/shadow/x')).toBe(true)
    expect(isShadowTopic('devices/lamp/shadowy/x')).toBe(false)
  })
})
