// The tables of an actor are made by the steps of its schema and by nothing else; no two parts of an actor make the same one.
import { expect, test } from 'vitest'
import { SCHEMAS } from '../../actors/storage/schemas.ts'
import { sourcesIn } from './sources.ts'

const MADE = /CREATE (?:TABLE|INDEX) (?:IF NOT EXISTS )?(\w+)/g

test('every table of an actor is made in one place', () => {
  for (const { steps } of Object.values(SCHEMAS)) {
    const made = steps.flat().flatMap((statement) => [...statement.matchAll(MADE)].map(([, name]) => name))
    expect(made.filter((name, i) => made.indexOf(name) !== i)).toEqual([])
  }
  expect(SCHEMAS.device.tables.length).toBeGreaterThan(20)
})

test('only a schema makes, changes or drops tables, and only actors/storage looks for them', () => {
  const outside = sourcesIn('actors').filter(
    ({ file }) => !file.startsWith('actors/storage/') && !file.endsWith('/schema.ts'),
  )
  const breaches = outside.filter(({ text }) =>
    /\b(?:CREATE|ALTER|DROP) (?:TABLE|INDEX|VIEW|TRIGGER)\b|sqlite_master|sqlite_schema|PRAGMA|schema_version/.test(
      text,
    ),
  )
  expect(breaches.map(({ file }) => file)).toEqual([])
})
