// Hundreds of simulated runs keep every promise; the same seed gives the same run; and bugs made on purpose are found.
import { describe, expect, test } from 'vitest'
import { MUTATIONS } from './mutations.ts'
import { REGRESSIONS } from './regressions.ts'
import { type Outcome, PRESENCE_SEEDS_FROM, runSeed, SHADOW_SEEDS_FROM, WIDE_SEEDS_FROM } from './scenario.ts'

const SEEDS = 500
const MUTATION_SEEDS_MAX = 200
const LONG_MS = 240_000

function told({ seed, breaches }: Outcome): string[] {
  return breaches.map(({ broken, what }) => `${broken}: ${what} (npm run -s sim -- --seed ${seed} --trace)`)
}

test(`${SEEDS} simulated runs with faults break no promise (promises 1 to 7)`, {
  timeout: LONG_MS,
}, async () => {
  const broken: string[] = []
  let delivered = 0
  let faults = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const outcome = await runSeed(seed)
    broken.push(...told(outcome))
    delivered += outcome.delivered
    faults += outcome.faults
  }
  expect(broken).toEqual([])
  expect(delivered).toBeGreaterThan(SEEDS * 50)
  expect(faults).toBeGreaterThan(SEEDS * 5)
})

test('200 simulated runs with wide filters break no promise', { timeout: LONG_MS }, async () => {
  const broken: string[] = []
  for (let i = 0; i < 200; i++) broken.push(...told(await runSeed(WIDE_SEEDS_FROM + i)))
  expect(broken).toEqual([])
})

test('200 simulated runs with presence show it to its watchers in order', { timeout: LONG_MS }, async () => {
  const broken: string[] = []
  for (let i = 0; i < 200; i++) broken.push(...told(await runSeed(PRESENCE_SEEDS_FROM + i)))
  expect(broken).toEqual([])
})

test('200 simulated runs with shadows lose no update that was acknowledged', {
  timeout: LONG_MS,
}, async () => {
  const broken: string[] = []
  for (let i = 0; i < 200; i++) broken.push(...told(await runSeed(SHADOW_SEEDS_FROM + i)))
  expect(broken).toEqual([])
})

test('the same seed gives the same history, whatever ran before it', { timeout: LONG_MS }, async () => {
  const first: string[] = []
  for (const seed of [1, 2, 3, 4, 5]) first.push((await runSeed(seed)).hash)
  const again: string[] = []
  for (const seed of [5, 4, 3, 2, 1]) again.unshift((await runSeed(seed)).hash)
  expect(again).toEqual(first)
  expect(new Set(first).size).toBe(5)
})

describe('runs that found a bug', () => {
  test.each(REGRESSIONS)('$seed: $what', { timeout: LONG_MS }, async ({ seed }) => {
    expect(told(await runSeed(seed))).toEqual([])
  })
})

describe('a bug made on purpose is found', () => {
  test.each(MUTATIONS)('$what', { timeout: LONG_MS }, async ({ breaks, after = 0, apply }) => {
    const undo = apply()
    try {
      const found = new Set<string>()
      let seed = after
      while (seed < after + MUTATION_SEEDS_MAX && !breaks.some((one) => found.has(one))) {
        for (const { broken } of (await runSeed(++seed)).breaches) found.add(broken)
      }
      expect(breaks.filter((one) => found.has(one))).not.toEqual([])
    } finally {
      undo()
    }
  })
})
