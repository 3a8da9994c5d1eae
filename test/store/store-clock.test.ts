// The clock of a store on other machines: measured now and then, and off by no more than half of the way there and back.
import { beforeEach, expect, test } from 'vitest'
import { STORE_CLOCK_MEASURED_EVERY_MS, STORE_CLOCK_ROUND_TRIP_MS_MAX } from '../../k8s-core/store/limits.ts'
import { StoreClock } from '../../k8s-core/store/store-clock.ts'

const BEGUN = 1_700_000_000_000

let elapsed: number
/** How far the store's clock is ahead of where it was at first. */
let aheadMs: number
/** From the question to the store, and back. */
let way: { thereMs: number; backMs: number }
let asked: number
let down: boolean

beforeEach(() => {
  elapsed = 0
  aheadMs = 0
  way = { thereMs: 0, backMs: 0 }
  asked = 0
  down = false
})

const truth = () => BEGUN + aheadMs + elapsed

const open = () =>
  StoreClock.open(
    async () => {
      asked++
      elapsed += way.thereMs
      const said = truth()
      elapsed += way.backMs
      if (down) throw new Error('down')
      return said
    },
    () => elapsed,
  )

/** Uses the clock once more than a measurement lasts, and lets it measure. */
async function later(clock: StoreClock): Promise<void> {
  elapsed += STORE_CLOCK_MEASURED_EVERY_MS
  clock.now()
  await new Promise(setImmediate)
}

test('it says the store’s time, and goes on with it', async () => {
  way = { thereMs: 20, backMs: 20 }
  const clock = await open()
  expect(clock.now()).toBe(truth())
  elapsed += 30_000
  expect(clock.now()).toBe(truth())
})

test('half of the round trip counts as the way back', async () => {
  way = { thereMs: 0, backMs: 100 }
  const clock = await open()
  expect(clock.now()).toBe(truth() - 50)
})

test('the store is asked once a minute while it is used, and not at all while it is not', async () => {
  const clock = await open()
  for (let i = 0; i < 10; i++) clock.now()
  elapsed += STORE_CLOCK_MEASURED_EVERY_MS - 1
  clock.now()
  expect(asked).toBe(1)
  elapsed += 1
  for (let i = 0; i < 10; i++) clock.now()
  expect(asked).toBe(2)
  elapsed += 10 * STORE_CLOCK_MEASURED_EVERY_MS
  expect(asked).toBe(2)
})

test('what the store says later counts, and nobody waits for it', async () => {
  const clock = await open()
  aheadMs = 5_000
  elapsed += STORE_CLOCK_MEASURED_EVERY_MS
  expect(clock.now()).toBe(truth() - 5_000)
  await new Promise(setImmediate)
  expect(clock.now()).toBe(truth())
})

test('while the store does not answer it goes on with what it last said, and asks no more often', async () => {
  const clock = await open()
  down = true
  aheadMs = 5_000
  await later(clock)
  expect(clock.now()).toBe(truth() - 5_000)
  expect(asked).toBe(2)
  down = false
  await later(clock)
  expect(clock.now()).toBe(truth())
})

test('what was long on its way says less than what is known', async () => {
  const clock = await open()
  way = { thereMs: 0, backMs: STORE_CLOCK_ROUND_TRIP_MS_MAX + 1 }
  await later(clock)
  expect(asked).toBe(2)
  expect(clock.now()).toBe(truth())
})

test('where the store has not answered yet there is no clock', async () => {
  down = true
  await expect(open()).rejects.toThrow('down')
  down = false
  way = { thereMs: 0, backMs: STORE_CLOCK_ROUND_TRIP_MS_MAX + 2 }
  expect(Math.abs((await open()).now() - truth())).toBeLessThanOrEqual(STORE_CLOCK_ROUND_TRIP_MS_MAX / 2 + 1)
})
