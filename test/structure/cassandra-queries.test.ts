// Every query of Cassandra goes by keys: none that reads what it then throws away, and no secondary index.
import { expect, test } from 'vitest'
import { cassandraMigrations } from '../../k8s-core/store/migrations.ts'
import { sourcesIn } from './sources.ts'

/** What the rules find in a query's text. */
function filtering(text: string): string[] {
  return [...text.matchAll(/ALLOW\s+FILTERING|CREATE\s+(?:CUSTOM\s+)?INDEX|CREATE\s+MATERIALIZED/gi)].map(
    ([found]) => found,
  )
}

test('no query of Cassandra filters, and no table has a secondary index or a view', () => {
  const sources = sourcesIn('k8s-core').filter(({ file }) => file.includes('/cassandra'))
  expect(sources.length).toBeGreaterThan(5)
  expect(sources.filter(({ text }) => filtering(text).length > 0)).toEqual([])
  const schema = cassandraMigrations('k').flatMap(({ statements }) => statements)
  expect(schema.length).toBeGreaterThan(5)
  expect(schema.flatMap(filtering)).toEqual([])
})

test.each([
  'SELECT a FROM t WHERE b = 1 ALLOW FILTERING',
  'create index on t (a)',
  'CREATE CUSTOM INDEX i ON t (a)',
])('the rule finds %j', (text) => {
  expect(filtering(text)).toHaveLength(1)
})
