// Brings a Cassandra keyspace to the newest schema while other pods may be doing the same.
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, errors, type metadata, types } from 'cassandra-driver'
import { MIGRATION_LEASE_S, MIGRATION_WAIT_MS, SCHEMA_AGREEMENT_MS, SCHEMA_CHANGE_MS } from './limits.ts'
import { cassandraMigrations, type Migration } from './migrations.ts'

const SCOPE = 'schema'

/**
 * One pod at a time migrates, under a lease: a lightweight transaction that lapses if the pod dies. If the lease of a slow pod
 * lapses, two pods migrate at once. That is safe, since every statement has IF NOT EXISTS.
 *
 * Nothing guards the table of the lease itself. Two pods that create it at the same moment would make two tables with different
 * ids, and one pod's writes would vanish. So the table's id is derived from its name.
 */
export async function migrateCassandra(
  client: Client,
  keyspace: string,
  replication: Readonly<Record<string, number>>,
): Promise<void> {
  const migrations = cassandraMigrations(keyspace)
  if (pending(migrations, await appliedVersions(client, keyspace)).length === 0) return

  // Never change the replication of an existing keyspace: that needs a repair, which is the operator's decision.
  await change(client, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${toCql(replication)}`)
  await change(
    client,
    `CREATE TABLE IF NOT EXISTS ${keyspace}.schema_migration (
      scope text, lease_holder text STATIC, version int, name text, applied_at timestamp,
      PRIMARY KEY (scope, version)) WITH ID = ${tableId(keyspace, 'schema_migration')}`,
  )
  const holder = randomUUID()
  await takeLease(client, keyspace, holder)
  try {
    for (const migration of pending(migrations, await appliedVersions(client, keyspace))) {
      for (const statement of migration.statements) await change(client, statement)
      await client.execute(
        `INSERT INTO ${keyspace}.schema_migration (scope, version, name, applied_at) VALUES (?, ?, ?, ?) IF NOT EXISTS`,
        [SCOPE, migration.version, migration.name, new Date()],
        SERIAL_WRITE,
      )
    }
  } finally {
    await client.execute(
      `UPDATE ${keyspace}.schema_migration SET lease_holder = null WHERE scope = ? IF lease_holder = ?`,
      [SCOPE, holder],
      SERIAL_WRITE,
    )
  }
}

const SERIAL_WRITE = {
  prepare: true,
  consistency: types.consistencies.localQuorum,
  serialConsistency: types.consistencies.serial,
} as const

function pending(migrations: readonly Migration[], applied: ReadonlySet<number>): readonly Migration[] {
  return migrations.filter(({ version }) => !applied.has(version))
}

async function appliedVersions(client: Client, keyspace: string): Promise<ReadonlySet<number>> {
  try {
    const found = await client.execute(
      `SELECT version FROM ${keyspace}.schema_migration WHERE scope = ?`,
      [SCOPE],
      { prepare: true, isIdempotent: true, consistency: types.consistencies.serial },
    )
    // A partition that has only its static column shows as one row without a version.
    return new Set(found.rows.map((row) => Number(row.version ?? 0)))
  } catch (error) {
    // The keyspace or the table does not exist.
    if (error instanceof errors.ResponseError && error.code === types.responseErrorCodes.invalid)
      return new Set()
    throw error
  }
}

async function takeLease(client: Client, keyspace: string, holder: string): Promise<void> {
  const deadline = Date.now() + MIGRATION_WAIT_MS
  let failure: unknown
  while (Date.now() < deadline) {
    try {
      const taken = await client.execute(
        `UPDATE ${keyspace}.schema_migration USING TTL ${MIGRATION_LEASE_S} SET lease_holder = ?
         WHERE scope = ? IF lease_holder = null`,
        [holder, SCOPE],
        SERIAL_WRITE,
      )
      // An earlier try may have succeeded although its answer was lost.
      if (taken.wasApplied() || taken.first()?.get('lease_holder') === holder) return
    } catch (error) {
      failure = error
    }
    await sleep(100 + Math.random() * 400)
  }
  throw new Error('the schema lease stayed taken', { cause: failure })
}

/** The driver documents this method, but its types lack it. */
type AgreementMetadata = metadata.Metadata & { checkSchemaAgreement(): Promise<boolean> }

/** Runs one schema statement and waits until all nodes that are up know its result. */
async function change(client: Client, statement: string): Promise<void> {
  await client.execute(statement, [], { prepare: false, readTimeout: SCHEMA_CHANGE_MS, isIdempotent: true })
  const deadline = Date.now() + SCHEMA_AGREEMENT_MS
  while (!(await (client.metadata as AgreementMetadata).checkSchemaAgreement())) {
    if (Date.now() > deadline)
      throw new Error(`the nodes of Cassandra do not agree on the schema after: ${statement}`)
    await sleep(200)
  }
}

function toCql(replication: Readonly<Record<string, number>>): string {
  const copies = Object.entries(replication).map(([dataCenter, count]) => {
    if (!/^[\w.-]+$/.test(dataCenter) || !Number.isInteger(count) || count < 1)
      throw new Error(`not a replication: ${dataCenter}: ${count}`)
    return `'${dataCenter}': ${count}`
  })
  return `{'class': 'NetworkTopologyStrategy', ${copies.join(', ')}}`
}

/** In the form of a version 5 UUID; the same in every pod. */
function tableId(keyspace: string, table: string): string {
  const hex = createHash('sha256').update(`${keyspace}.${table}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
