// The simulator itself: the same seed gives the same run, bugs made on purpose are found, and what it found has its test.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { MUTATIONS } from './mutations.ts'
import { FOUND } from './regressions.ts'
import { runSeed } from './scenario.ts'

const MUTATION_SEEDS_MAX = 200
const LONG_MS = 240_000

test('the same seed gives the same history, whatever ran before it', { timeout: LONG_MS }, async () => {
  const first: string[] = []
  for (const seed of [1, 2, 3, 4, 5]) first.push((await runSeed(seed)).hash)
  const again: string[] = []
  for (const seed of [5, 4, 3, 2, 1]) again.unshift((await runSeed(seed)).hash)
  expect(again).toEqual(first)
  expect(new Set(first).size).toBe(5)
})

describe('a bug that was found has its test', () => {
  test.each(FOUND)('$what', async ({ test: [file, title] }) => {
    expect(await readFile(path.join(import.meta.dirname, '..', file), 'utf8')).toContain(`'${title}`)
  })
})

describe('a bug made on purpose is found', () => {
  test.each(MUTATIONS)('$what', { timeout: LONG_MS }, async ({ breaks, kinds, from = 1, apply }) => {
    const undo = apply()
    try {
      const found = new Set<string>()
      let seed = from
      while (seed < from + MUTATION_SEEDS_MAX && !breaks.some((one) => found.has(one))) {
        for (const { broken } of (await runSeed(seed++, kinds && { kinds })).breaches) found.add(broken)
      }
      expect(breaks.filter((one) => found.has(one))).not.toEqual([])
    } finally {
      undo()
    }
  })
})
