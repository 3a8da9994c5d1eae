// How a test file gets at Cassandra; see global-setup.ts for where it comes from.
import { inject } from 'vitest'
import type {} from './global-setup.ts'

/** Known before any test runs, for `describe.skipIf(CASSANDRA_ABSENT)`. */
export const CASSANDRA_ABSENT = inject('cassandra').kind === 'absent'

/** How long a `beforeAll` that asks for the contact points may take: a first start, with the jars to fetch, is slow. */
export const CASSANDRA_START_MS = 300_000

/** The contact points (`host:port`) of a Cassandra that takes requests, or null where there is none. */
export async function cassandraContactPoints(): Promise<string[] | null> {
  const cassandra = inject('cassandra')
  switch (cassandra.kind) {
    case 'given':
      return cassandra.contactPoints
    case 'on-demand': {
      const response = await fetch(cassandra.url)
      const text = await response.text()
      if (!response.ok) throw new Error(text)
      return JSON.parse(text) as string[]
    }
    case 'absent':
      return null
    default:
      return cassandra satisfies never
  }
}
