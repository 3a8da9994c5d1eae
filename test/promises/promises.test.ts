import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROMISES } from './promises.ts'

const TEST = path.join(import.meta.dirname, '..')
const sources = readdirSync(TEST, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('promises'))
  .map((file) => readFileSync(path.join(TEST, file), 'utf8'))
  .join('\n')

describe('the list of promises', () => {
  it('has each of the eight once', () => {
    expect(PROMISES.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it.each(PROMISES.flatMap(({ number, tests }) => tests.map((name) => [number, name] as const)))(
    'promise %i is proven by a test that exists: %s',
    (_number, name) => {
      // A name may be made of a table's row: `$part is killed …`.
      const constant = name.replace(/^(core|eu|us) is killed/, '%s is killed')
      expect(sources.includes(name) || sources.includes(constant)).toBe(true)
    },
  )
})
