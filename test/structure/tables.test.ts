// Parts of an actor share its SQLite, and each makes its own tables: no two may have the same name.
import { expect, test } from 'vitest'
import { sourcesIn } from './sources.ts'

test('every table of an actor is made in one place', () => {
  const tables = sourcesIn('actors').flatMap(({ text }) =>
    [...text.matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g)].map(([, name]) => name),
  )
  expect(tables.length).toBeGreaterThan(20)
  expect(tables.filter((name, i) => tables.indexOf(name) !== i)).toEqual([])
})
