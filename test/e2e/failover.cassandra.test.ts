// Fail-over with a real Cassandra.
import { randomBytes } from 'node:crypto'
import { Client } from 'cassandra-driver'
import { afterAll } from 'vitest'
import { CASSANDRA_ABSENT, cassandraContactPoints } from '../cassandra/contact-points.ts'
import { describeFailOver } from './failover-suite.ts'

const keyspace = `starling_e2e_${randomBytes(4).toString('hex')}`
let client: Client | null = null
afterAll(() => client?.shutdown())

async function contactPointOrThrow(): Promise<string> {
  const [contactPoint] = (await cassandraContactPoints()) ?? []
  if (contactPoint === undefined) throw new Error('no Cassandra')
  return contactPoint
}

async function connected(): Promise<Client> {
  if (client === null) {
    const contactPoints = [await contactPointOrThrow()]
    client = new Client({ contactPoints, localDataCenter: 'dc1' })
    await client.connect()
  }
  return client
}

describeFailOver(
  'Cassandra',
  async () => ({ cassandra: { contactPoint: await contactPointOrThrow(), keyspace } }),
  async (_system, root) => {
    const cassandra = await connected()
    const queue = await cassandra.execute(
      `SELECT count(*) AS n FROM ${keyspace}.root_queue WHERE fleet = 'default' AND root = ?`,
      [root],
      { prepare: true },
    )
    const state = await cassandra.execute(
      `SELECT value FROM ${keyspace}.root_state WHERE fleet = 'default' AND root = ? AND kind = 'session'`,
      [root],
      { prepare: true },
    )
    return { queued: Number(queue.first()?.n), session: String(state.first()?.value) }
  },
  CASSANDRA_ABSENT,
)
