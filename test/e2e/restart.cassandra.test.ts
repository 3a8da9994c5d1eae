import { randomBytes } from 'node:crypto'
import { CASSANDRA_ABSENT, cassandraContactPoints } from '../cassandra/contact-points.ts'
import { describeRestart } from './restart-suite.ts'

describeRestart(
  'Cassandra',
  async () => {
    const [contactPoint] = (await cassandraContactPoints()) ?? []
    if (contactPoint === undefined) throw new Error('no Cassandra')
    return { cassandra: { contactPoint, keyspace: `starling_e2e_${randomBytes(4).toString('hex')}` } }
  },
  CASSANDRA_ABSENT,
)
