// The setting that chooses what is kept, and the times that people write.
import { describe, expect, test } from 'vitest'
import { parseChosen } from '../../src/history/chosen.ts'
import { parseDuration, parseInstant } from '../../src/history/duration.ts'

describe('the setting', () => {
  test('gives each topic the longest time to live of the filters that match it', () => {
    const chosen = parseChosen(' devices/+/telemetry=7d, rooms/#=1d ,rooms/1/+=PT2H,a=b/c=90s,')
    expect(chosen.ttlSeconds('devices/lamp/telemetry')).toBe(7 * 86_400)
    expect(chosen.ttlSeconds('devices/lamp/other')).toBe(0)
    expect(chosen.ttlSeconds('rooms/1/a')).toBe(86_400)
    expect(chosen.ttlSeconds('a=b/c')).toBe(90)
    expect(parseChosen('').any).toBe(false)
    expect(parseChosen('').ttlSeconds('a')).toBe(0)
  })

  test.each([
    ['devices/lamp/#', true],
    ['devices/lamp/telemetry', true],
    ['devices/lamp/+', true],
    ['devices/lamp/other', false],
    ['devices/lamp', false],
    ['rooms', true],
    ['rooms/1/2/3', true],
    ['#', true],
    ['+/+/telemetry', true],
    ['+/+/other/#', true],
    ['presence/lamp', false],
    ['$SYS/#', false],
  ])('says of the filter %s whether any of its topics is kept: %s', (filter, kept) => {
    expect(parseChosen('devices/+/telemetry=7d,rooms/#=1d').mayKeep(filter)).toBe(kept)
    expect(parseChosen('').mayKeep(filter)).toBe(false)
  })

  test('chooses nothing of the server’s own topics by a wildcard at the beginning', () => {
    expect(parseChosen('#=1d').ttlSeconds('$SYS/x')).toBe(0)
  })

  test.each([
    ['rooms/#', 'no time to live'],
    ['rooms/#=', 'no time to live'],
    ['rooms/#=soon', 'no time to live'],
    ['rooms/#=59s', '60 s to 3650 days'],
    ['rooms/#=600w', '60 s to 3650 days'],
    ['rooms/a#=1d', 'no topic filter'],
    ['=1d', 'no topic filter'],
    ['$share/g/rooms/#=1d', 'shared subscription'],
    ['$aws/things/lamp/#=1d', 'begins with $'],
  ])('%s is refused, and it is said why', (setting, why) => {
    expect(() => parseChosen(`devices/#=1d,${setting}`)).toThrow(why)
    expect(() => parseChosen(`devices/#=1d,${setting}`)).toThrow(`'${setting}'`)
  })

  test('has a bounded number of filters', () => {
    const some = (count: number) => Array.from({ length: count }, (_, i) => `rooms/${i}=1d`).join(',')
    expect(parseChosen(some(100)).any).toBe(true)
    expect(() => parseChosen(some(101))).toThrow('at most 100')
  })
})

test.each([
  ['90s', 90],
  ['30m', 1_800],
  ['12h', 43_200],
  ['7d', 604_800],
  ['2w', 1_209_600],
  ['PT1H', 3_600],
  ['P7D', 604_800],
  ['P1DT2H3M4S', 93_784],
  ['P2W', 1_209_600],
  ['P', null],
  ['PT', null],
  ['P1DT', null],
  ['P1M', null],
  ['1.5h', null],
  ['-1h', null],
  ['', null],
])('the duration %s is %s seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

test('an instant is ISO 8601, milliseconds, or a duration before now', () => {
  const now = Date.parse('2026-07-01T12:00:00Z')
  expect(parseInstant('2026-07-01T10:30:00Z', now)).toBe(now - 5_400_000)
  expect(parseInstant('2026-07-01T12:30:00.250+02:00', now)).toBe(now - 5_400_000 + 250)
  expect(parseInstant('2026-07-01T10:30Z', now)).toBe(now - 5_400_000)
  expect(parseInstant('2026-07-01', now)).toBe(now - 12 * 3_600_000)
  expect(parseInstant('PT1H', now)).toBe(now - 3_600_000)
  expect(parseInstant('1h', now)).toBe(now - 3_600_000)
  expect(parseInstant(`${now}`, 0)).toBe(now)
  for (const wrong of ['yesterday', '2026-07-01T10:30', '2026-13-01', '1', '', 'July 1'])
    expect(parseInstant(wrong, now), wrong).toBeNull()
})
