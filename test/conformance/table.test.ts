// The conformance table agrees with the tests, and says so when it does not.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Proof, proofsOf } from './collect.ts'
import { ofServer } from './statements.ts'
import { STATEMENTS_3_1_1 } from './statements-3-1-1.ts'
import { STATEMENTS_5 } from './statements-5.ts'
import { complaints, conformanceText } from './table.ts'

const COLLECTING_MS = 120_000

/** A proof of every statement on servers. */
const ALL: readonly Proof[] = (
  [
    ['5.0', STATEMENTS_5],
    ['3.1.1', STATEMENTS_3_1_1],
  ] as const
).flatMap(([version, list]) =>
  list.filter(ofServer).map(({ id }) => ({ version, id, file: 'x.test.ts', name: 'it is so', holds: true })),
)
const NO_REASONS = { '5.0': {}, '3.1.1': {} }

describe('docs/conformance.md', () => {
  it('is what the tests say, and every statement on servers has a test or a reason', {
    timeout: COLLECTING_MS,
  }, async () => {
    const write = path.join(import.meta.dirname, 'write.ts')
    const { VITEST: _, ...env } = process.env
    const said = await promisify(execFile)(process.execPath, [write, '--check'], { env }).then(
      () => '',
      (error: { stderr?: string }) => error.stderr ?? String(error),
    )
    expect(said).toBe('')
  })

  it.each([
    ['5.0', STATEMENTS_5, 251],
    ['3.1.1', STATEMENTS_3_1_1, 141],
  ] as const)('is made of all statements of %s, each once and in order', (_version, list, count) => {
    const ids = list.map(({ id }) => id)
    expect(ids).toHaveLength(count)
    const parts = (id: string) => id.split(/[.-]/).map(Number)
    const sorted = ids.toSorted((a, b) => {
      const at = parts(a).findIndex((part, i) => part !== parts(b)[i])
      return at < 0 ? 0 : (parts(a)[at] ?? 0) - (parts(b)[at] ?? 0)
    })
    expect(ids).toEqual(sorted)
    expect(new Set(ids).size).toBe(count)
  })

  it('counts a test that fails as expected as not yet', () => {
    const text = conformanceText(
      ALL.map((proof) => ({ ...proof, holds: proof.id !== '3.1.0-1' })),
      NO_REASONS,
    )
    expect(text).toContain('| 3.1.0-1 | The first packet of a client is CONNECT. | **not yet**: [x.test.ts]')
    expect(text).toContain(' 0 hold in part, 1 do not hold yet, 0 have no test')
  })
})

describe('the tags in a name', () => {
  it('name statements of 5.0 and of 3.1.1, and are no part of the name', () => {
    expect(proofsOf('a > b [MQTT-1.5.4-1] [MQTT-1.5.3-1, 3.1.1] c', 'x.test.ts', true)).toEqual([
      { version: '5.0', id: '1.5.4-1', file: 'x.test.ts', name: 'a > b c', holds: true },
      { version: '3.1.1', id: '1.5.3-1', file: 'x.test.ts', name: 'a > b c', holds: true },
    ])
  })
})

describe('it is a complaint', () => {
  it('that nothing is wrong only when nothing is', () => {
    expect(complaints(ALL, NO_REASONS)).toEqual([])
  })

  it('when a test names a statement that does not exist', () => {
    const wrong: Proof = { version: '5.0', id: '2.2.2-2', file: 'x.test.ts', name: 'it is so', holds: true }
    expect(complaints([...ALL, wrong], NO_REASONS)).toEqual([
      '5.0 has no statement MQTT-2.2.2-2, which a test names: it is so (x.test.ts)',
    ])
  })

  it('when a statement has neither a test nor a reason, and when it has both', () => {
    const without = ALL.filter(({ version, id }) => version !== '5.0' || id !== '3.1.0-1')
    const reasons = { '5.0': { '3.1.0-1': 'not seen from outside' }, '3.1.1': {} }
    expect(complaints(without, NO_REASONS)).toEqual(['MQTT-3.1.0-1 of 5.0 has neither a test nor a reason'])
    expect(complaints(without, reasons)).toEqual([])
    expect(complaints(ALL, reasons)).toEqual(['MQTT-3.1.0-1 of 5.0 has a test and needs no reason'])
  })

  it('when a reason is given for what is no statement on servers', () => {
    expect(complaints(ALL, { '5.0': { '3.1.2-20': 'clients ping' }, '3.1.1': {} })).toEqual([
      'a reason is given for MQTT-3.1.2-20, no statement of 5.0 on servers',
    ])
  })
})
