// No timer of an actor prevents it from hibernating for long; and the check would find one.
import { describe, expect, test } from 'vitest'
import { sourcesIn } from './sources.ts'
import { ACTOR_TIMER_MS_MAX, ACTOR_TIMERS, REQUEST_TIMERS, unlistedTimers } from './timer-rules.ts'

const sources = sourcesIn('actors')

test('each timer of an actor is listed with its longest time and its reason, and there is no interval', () => {
  expect(sources.flatMap(unlistedTimers)).toEqual([])
})

test('no listed timer runs long, and each has a file and a reason', () => {
  const files = new Set(sources.map(({ file }) => file))
  for (const [file, { longestMs, why }] of Object.entries(ACTOR_TIMERS)) {
    expect(files, file).toContain(file)
    expect(longestMs, file).toBeLessThanOrEqual(ACTOR_TIMER_MS_MAX)
    expect(why.length, file).toBeGreaterThan(20)
  }
  for (const [file, why] of Object.entries(REQUEST_TIMERS)) {
    expect(files, file).toContain(file)
    expect(why.length, file).toBeGreaterThan(20)
  }
})

describe('a timer that is not listed is found', () => {
  test.each([
    'setInterval(() => this.ping(), 10_000)',
    'const timer = setTimeout(go, 5)',
    'setImmediate(go)',
    'this.platform.after(60_000, () => this.look())',
    'const cancel = platform.after(ms, done)',
  ])('in %j', (text) => {
    expect(unlistedTimers({ file: 'actors/leaf/leaf.ts', text })).toHaveLength(1)
  })

  test('in a file whose other timer is listed', () => {
    const text = 'platform.after(1, go); platform.after(2, go)'
    expect(unlistedTimers({ file: 'actors/uplink/uplink.ts', text })).toHaveLength(1)
  })

  test('but not in a comment, nor a cleared one', () => {
    const text = '// setInterval( would hold it\n/** platform.after( too */ clearTimeout(timer)'
    expect(unlistedTimers({ file: 'actors/leaf/leaf.ts', text })).toEqual([])
  })
})
