// No change of the edge–core contract without a change of its version: regions and core are deployed at different times.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { bytesSchema } from '../../src/relay/names.ts'
import {
  parseVersions,
  RELAY_VERSION_CURRENT,
  RELAY_VERSION_MIN,
  RELAY_VERSIONS,
  RELAY_VERSIONS_TEXT,
  type RelayVersion,
  relayPath,
  servedVersion,
} from '../../src/relay/version.ts'
import { relaySchemas } from './schemas.ts'

/** The contract of each version. The current one, while it was never deployed, may be recorded anew without raising it. */
const RECORDED: Readonly<Record<RelayVersion, string>> = {
  1: 'd1597c36991b94c4f10efc02469cda04',
  2: 'f45f43b0e335f396b6a7011a9d91b719',
}

/** The JSON schemas by which a version carries bytes: as base64 text, or as a part of a frame. */
const BYTES: Readonly<Record<RelayVersion, object>> = {
  1: z.toJSONSchema(z.base64()),
  2: { type: 'object', properties: { $part: { type: 'integer' } } },
}

function hashOf(version: RelayVersion, schemas: ReadonlyMap<string, z.ZodType>): string {
  const { $schema: _, ...bytes } = BYTES[version] as { $schema?: string }
  const shapes = [...schemas]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => [
      name,
      z.toJSONSchema(schema, {
        io: 'input',
        unrepresentable: 'any',
        override: ({ zodSchema, jsonSchema }) => {
          if (zodSchema === (bytesSchema as unknown)) Object.assign(jsonSchema, bytes)
        },
      }),
    ])
  return createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 32)
}

/** Those that a version has. */
async function schemasOf(version: RelayVersion): Promise<ReadonlyMap<string, z.ZodType>> {
  const schemas = new Map(await relaySchemas())
  // What was text everywhere then has a name of its own now.
  if (version === 1) schemas.delete('bytesSchema')
  return schemas
}

/** What is to be done, or null. */
function complaint(version: number, hash: string, recorded: string | undefined): string | null {
  if (recorded === undefined || recorded === '')
    return `Version ${version} is not recorded: write ${version}: '${hash}' in test/relay/version.test.ts`
  if (hash === recorded) return null
  return (
    `A schema of src/relay changed, and with it version ${version}. If that was deployed, append version ${version + 1} to ` +
    `src/relay/version.ts and keep the old form readable; if not, write ${version}: '${hash}' in test/relay/version.test.ts`
  )
}

test.each(RELAY_VERSIONS)('the schemas of version %i are those that were recorded', async (version) => {
  expect(complaint(version, hashOf(version, await schemasOf(version)), RECORDED[version])).toBeNull()
})

test('a field more, a field less, or another bound changes the hash; the order of the schemas does not', () => {
  const a = z.object({ x: z.int().min(0) })
  const b = z.string()
  const hash = (...schemas: [string, z.ZodType][]) => hashOf(RELAY_VERSION_CURRENT, new Map(schemas))
  expect(hash(['b', b], ['a', a])).toBe(hash(['a', a], ['b', b]))
  for (const other of [a.extend({ y: b }), a.partial(), z.object({ x: z.int().min(1) }), z.object({})])
    expect(hash(['a', other], ['b', b])).not.toBe(hash(['a', a], ['b', b]))
})

test('bytes and text differ in every version but the first', () => {
  const both = (version: RelayVersion) =>
    [bytesSchema, z.base64()].map((schema) => hashOf(version, new Map([['x', schema as z.ZodType]])))
  expect(new Set(both(1)).size).toBe(1)
  expect(new Set(both(2)).size).toBe(2)
})

test('the complaint says what to do', () => {
  expect(complaint(3, 'old', 'old')).toBeNull()
  expect(complaint(3, 'new', 'old')).toMatch(/append version 4.*write 3: 'new'/)
  expect(complaint(4, 'new', undefined)).toMatch(/write 4: 'new'/)
})

test('the range is without gaps, and stands in the path', () => {
  expect(RELAY_VERSIONS).toEqual(
    Array.from({ length: RELAY_VERSIONS.length }, (_, i) => RELAY_VERSION_MIN + i),
  )
  expect(RELAY_VERSIONS.at(-1)).toBe(RELAY_VERSION_CURRENT)
  expect(parseVersions(RELAY_VERSIONS_TEXT)).toEqual({ min: RELAY_VERSION_MIN, max: RELAY_VERSION_CURRENT })
  for (const version of RELAY_VERSIONS) {
    expect(relayPath(version)).toBe(`/relay/v${version}`)
    expect(servedVersion(`v${version}`)).toBe(version)
  }
})

test.each(['v0', `v${RELAY_VERSION_CURRENT + 1}`, 'v01', 'v1.0', 'V1', '1', 'v', '', undefined])(
  'a path of %j is not served',
  (part) => {
    expect(servedVersion(part)).toBeNull()
  },
)

test.each([
  null,
  '',
  '1',
  '2-1',
  '0-2',
  '1-2-3',
  '-1-2',
  '1–2',
  ' 1-2',
  '1-2, 1-2',
  'a-b',
  '1-99999',
  '1e0-2',
])('a header of %j is no range', (text) => {
  expect(parseVersions(text)).toBeNull()
})
