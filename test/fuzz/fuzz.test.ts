// Every fuzz property over a few cases with a fixed seed, and that a run finds what does not hold.
import { describe, expect, test } from 'vitest'
import { batchesOf, type Failure } from './fuzz.ts'
import { PROPERTIES as PLANTED } from './planted.ts'
import { type Failed, runBatches } from './pool.ts'
import { PROPERTIES } from './properties.ts'
import type { BatchResult } from './worker.ts'

const SEED = 1883
const CASES = 2_000

describe(`with seed ${SEED}, over ${CASES} cases each`, () => {
  test.each(PROPERTIES.map((property) => [property.name, property] as const))('%s holds', (_, property) => {
    let begun = 0
    const failure = property.run(SEED, CASES, () => begun++)
    expect(failure).toBeNull()
    expect(begun).toBe(CASES)
  })
})

function planted(name: string): (typeof PLANTED)[number] {
  const property = PLANTED.find((one) => one.name === name)
  if (property === undefined) throw new Error(`no ${name}`)
  return property
}

function inWorker(name: string, results: BatchResult[] = []): Promise<Failed | null> {
  const properties = [planted(name)]
  return runBatches(batchesOf(properties, SEED, 12_000), {
    module: new URL('./planted.ts', import.meta.url).href,
    properties,
    workers: 2,
    hangMs: 400,
    done: (result) => results.push(result),
  })
}

describe('a run', () => {
  test('finds the smallest case that fails, and finds it again by its path', () => {
    const failure = planted('small').run(SEED, CASES, () => undefined) as Failure
    expect(failure.counterexample).toBe('1001')
    expect(failure.error).toContain('too large')
    expect(planted('small').replay(failure.replay)).toMatchObject({ counterexample: '1001' })
    expect(planted('small').replay(`${SEED}:0`)?.counterexample ?? 'none').not.toBe('1001')
  })

  test('tries as many cases as it was asked for, in batches whose seeds differ and follow from the one', async () => {
    const results: BatchResult[] = []
    expect(await inWorker('holds', results)).toBeNull()
    expect(results.map(({ batch }) => batch.cases).sort((a, b) => a - b)).toEqual([2_000, 5_000, 5_000])
    expect(new Set(results.map(({ batch }) => batch.seed)).size).toBe(3)
    const again = batchesOf([planted('holds')], SEED, 12_000)
    expect(new Set(again.map(({ seed }) => seed))).toEqual(new Set(results.map(({ batch }) => batch.seed)))
    expect(again.every(({ seed }) => seed >= 0)).toBe(true)
    expect(batchesOf([planted('holds')], SEED + 1, 12_000)[0]?.seed).not.toBe(again[0]?.seed)
  })

  test('names a case that fails in a worker', async () => {
    expect(await inWorker('small')).toMatchObject({ name: 'small', failure: { counterexample: '1001' } })
  })

  test('names a case that does not end', async () => {
    const failed = await inWorker('ends')
    expect(failed).toMatchObject({ name: 'ends', failure: { counterexample: '42' } })
    expect(failed?.failure.error).toBe('no end within 400 ms')
  })

  test('fails where a case throws after its end', async () => {
    const failed = await inWorker('survives')
    expect(failed?.failure.error).toContain('thrown later, by 42')
  })
})
