// How the core connects to Cassandra: policies, timeouts, and which data centre is the near one.
import { lookup } from 'node:dns/promises'
import { type Client as CassandraClient, Client, policies, types } from 'cassandra-driver'
import type { SyncConsistency } from './cassandra-levels.ts'
import {
  CASSANDRA_CONNECT_MS,
  CASSANDRA_HEARTBEAT_MS,
  CASSANDRA_READ_MS,
  CASSANDRA_RECONNECT_FIRST_MS,
  CASSANDRA_RECONNECT_MAX_MS,
} from './limits.ts'

export interface CassandraOptions {
  /** `host:port`, at least one. */
  readonly contactPoints: readonly string[]
  /** The data centre that this core belongs to; `''`: the one of the first contact point that answers. */
  readonly localDataCenter: string
  readonly keyspace: string
  /**
   * Data centre → copies; one copy in the local one if absent. Claims need a majority of all copies, so a deployment
   * that must survive the loss of a data centre has copies in three (one copy in the third suffices to vote).
   */
  readonly replication?: Readonly<Record<string, number>>
  /** All cores of a deployment must have the same level. To change it, stop all of them first. */
  readonly syncConsistency?: SyncConsistency
  readonly username?: string
  readonly password?: string
}

export interface CassandraConnection {
  readonly client: CassandraClient
  readonly localDataCenter: string
}

export async function connectCassandra(options: CassandraOptions): Promise<CassandraConnection> {
  if (options.contactPoints.length === 0) throw new Error('no contact point of Cassandra is given')
  const localDataCenter = options.localDataCenter || (await discoverDataCenter(options))
  const client = new Client({
    ...connectionOptions(options, options.contactPoints),
    localDataCenter,
    policies: {
      // A replica of the row in this data centre coordinates; other data centres are never asked by this core.
      loadBalancing: new policies.loadBalancing.TokenAwarePolicy(
        new policies.loadBalancing.DCAwareRoundRobinPolicy(localDataCenter),
      ),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(
        CASSANDRA_RECONNECT_FIRST_MS,
        CASSANDRA_RECONNECT_MAX_MS,
      ),
      // By default the driver repeats a failed statement even if it is not idempotent.
      retry: new policies.retry.IdempotenceAwareRetryPolicy(new policies.retry.RetryPolicy()),
    },
  })
  await connectOrShutDown(client, options.contactPoints)
  return { client, localDataCenter }
}

async function discoverDataCenter(options: CassandraOptions): Promise<string> {
  const failures: unknown[] = []
  for (const point of options.contactPoints) {
    const client = new Client({
      ...connectionOptions(options, [point]),
      policies: { loadBalancing: new policies.loadBalancing.RoundRobinPolicy() },
    })
    try {
      await connectOrShutDown(client, [point])
      // A connected client knows the whole cluster: pick the host that answered at this address.
      const addresses = await addressesOf(point)
      const host = client.hosts.values().find((known) => addresses.has(known.address))
      if (host !== undefined) return host.datacenter
      failures.push(new Error(`the host at ${point} is not among the cluster's`))
    } catch (error) {
      failures.push(error)
    } finally {
      await client.shutdown()
    }
  }
  throw new AggregateError(failures, 'no contact point of Cassandra named its data centre')
}

async function addressesOf(point: string): Promise<ReadonlySet<string>> {
  const colon = point.lastIndexOf(':')
  const found = await lookup(point.slice(0, colon).replace(/^\[|\]$/g, ''), { all: true })
  return new Set(found.map(({ address }) => `${address}${point.slice(colon)}`))
}

function connectionOptions(options: CassandraOptions, contactPoints: readonly string[]) {
  return {
    contactPoints: [...contactPoints],
    ...(options.username === undefined
      ? {}
      : { credentials: { username: options.username, password: options.password ?? '' } }),
    encoding: { useBigIntAsLong: true },
    pooling: { heartBeatInterval: CASSANDRA_HEARTBEAT_MS, warmup: true },
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum, isIdempotent: false },
    socketOptions: { connectTimeout: CASSANDRA_CONNECT_MS, readTimeout: CASSANDRA_READ_MS, keepAlive: true },
  }
}

async function connectOrShutDown(client: CassandraClient, contactPoints: readonly string[]): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    await client.shutdown()
    throw new Error(`cannot connect to Cassandra at ${contactPoints.join(', ')}`, { cause: error })
  }
}
