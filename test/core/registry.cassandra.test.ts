// The registry's API over a real Cassandra; `REGISTRY_IMPORT=10000` imports as many as that.
import { randomBytes } from 'node:crypto'
import { describe } from 'vitest'
import { openCassandraStore } from '../../k8s-core/store/cassandra.ts'
import { CASSANDRA_ABSENT, cassandraContactPoints } from '../cassandra/contact-points.ts'
import type { Place } from './one-core.ts'
import { describeRegistryApi } from './registry-suite.ts'

const many = Number(process.env.REGISTRY_IMPORT ?? 2_000)

async function place(): Promise<Place> {
  const contactPoints = await cassandraContactPoints()
  if (contactPoints === null) throw new Error('there is no Cassandra')
  const keyspace = `registry_${randomBytes(8).toString('hex')}`
  const store = await openCassandraStore({ contactPoints, localDataCenter: '', keyspace })
  return { store, drop: async () => undefined }
}

describe.skipIf(CASSANDRA_ABSENT)('Cassandra', () => {
  describeRegistryApi('the registry, with Cassandra', place, many)
})
