// No change of the edge–core contract without a change of its version: regions and core are deployed at different times.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { RELAY_PATH, RELAY_VERSION } from '../../src/relay/version.ts'
import { relaySchemas } from './schemas.ts'

/** The contract of this version. A version that was never deployed may be recorded anew without raising it. */
const RECORDED = { version: 1, hash: '91c081b21efdc13fa0f1d385d794a779' }

function hashOf(schemas: ReadonlyMap<string, z.ZodType>): string {
  const shapes = [...schemas]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => [name, z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })])
  return createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 32)
}

/** What is to be done, or null. */
function complaint(version: number, hash: string, recorded: typeof RECORDED): string | null {
  const record = `record { version: V, hash: '${hash}' } in test/relay/version.test.ts`
  if (version !== recorded.version)
    return `RELAY_VERSION is ${version} now: ${record.replace('V', `${version}`)}`
  if (hash === recorded.hash) return null
  return (
    `A schema of src/relay changed, but RELAY_VERSION is still ${version}. ` +
    `Raise it in src/relay/version.ts, and ${record.replace('V', `${version + 1}`)}`
  )
}

test('the schemas of the contract are those of its version', async () => {
  expect(complaint(RELAY_VERSION, hashOf(await relaySchemas()), RECORDED)).toBeNull()
})

test('a field more, a field less, or another bound changes the hash; the order of the schemas does not', () => {
  const a = z.object({ x: z.int().min(0) })
  const b = z.string()
  const hash = hashOf(
    new Map<string, z.ZodType>([
      ['a', a],
      ['b', b],
    ]),
  )
  expect(
    hashOf(
      new Map<string, z.ZodType>([
        ['b', b],
        ['a', a],
      ]),
    ),
  ).toBe(hash)
  for (const other of [a.extend({ y: b }), a.partial(), z.object({ x: z.int().min(1) }), z.object({})]) {
    expect(
      hashOf(
        new Map<string, z.ZodType>([
          ['a', other],
          ['b', b],
        ]),
      ),
    ).not.toBe(hash)
  }
})

test('the complaint says what to do', () => {
  const recorded = { version: 3, hash: 'old' }
  expect(complaint(3, 'old', recorded)).toBeNull()
  expect(complaint(3, 'new', recorded)).toMatch(/Raise it in src\/relay\/version.ts.*version: 4, hash: 'new'/)
  expect(complaint(4, 'new', recorded)).toMatch(/RELAY_VERSION is 4 now: record.*version: 4, hash: 'new'/)
})

test('the version stands in the path', () => {
  expect(RELAY_PATH).toBe(`/relay/v${RELAY_VERSION}`)
})
