// The store in Cassandra: the durable directory of a deployment, shared by the cores of all regions.
import { randomUUID } from 'node:crypto'
import { type Client, type QueryOptions, types } from 'cassandra-driver'
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import { type CassandraOptions, connectCassandra } from './cassandra-connect.ts'
import { CassandraHistory } from './cassandra-history.ts'
import { type SyncLevels, syncLevels } from './cassandra-levels.ts'
import { migrateCassandra } from './cassandra-migrate.ts'
import { CassandraRegistry } from './cassandra-registry.ts'
import { settle } from './cassandra-settle.ts'
import { CassandraStates } from './cassandra-state.ts'
import { AtOnce } from './concurrency.ts'
import {
  assertEpoch,
  assertRoot,
  type Decision,
  decideClaim,
  decideConfirm,
  decideRelease,
  decideRestore,
  type HomeRow,
  homeOf,
  importFromOf,
  importFromText,
} from './home-row.ts'
import { SYNC_STATEMENTS_MAX } from './limits.ts'
import type { ClaimResult, HistoryPage, HistoryRange, Home, RegisteringStore } from './port.ts'
import { StoreClock } from './store-clock.ts'

/** Connects, and rejects if no contact point answers. The keyspace need not exist before `migrate`. */
export async function openCassandraStore(options: CassandraOptions): Promise<RegisteringStore> {
  if (!KEYSPACE.test(options.keyspace)) throw new Error(`not a keyspace name: ${options.keyspace}`)
  const { client, localDataCenter } = await connectCassandra(options)
  const levels = syncLevels(options.syncConsistency)
  try {
    const clock = await StoreClock.open(() => clockOf(client))
    const replication = options.replication ?? { [localDataCenter]: 1 }
    return new CassandraStore(client, clock, options.keyspace, replication, levels)
  } catch (error) {
    await client.shutdown()
    throw new Error('Cassandra does not say what time it is', { cause: error })
  }
}

/**
 * The clock of the coordinating node. Any node will do: Cassandra's nodes must agree on the time anyway, since rows expire by it.
 * Not prepared: preparing would cost another round trip the first time.
 */
async function clockOf(client: Client): Promise<number> {
  const found = await client.execute('SELECT toUnixTimestamp(now()) AS now FROM system.local', [], {
    prepare: false,
    isIdempotent: true,
    consistency: types.consistencies.one,
  })
  const now = Number(found.first()?.get('now'))
  if (!Number.isFinite(now)) throw new Error('the node answered without a time')
  return now
}

/** Lower case: the name becomes part of statements without quotes. */
const KEYSPACE = /^[a-z][a-z0-9_]{0,47}$/

const { localQuorum, serial } = types.consistencies

const ORDINARY: QueryOptions = { prepare: true, isIdempotent: true, consistency: localQuorum }

/**
 * SERIAL, not LOCAL_SERIAL: the cores of several data centres claim the same homes, and LOCAL_SERIAL would let each
 * data centre elect a winner of its own. The price is a majority over all data centres, paid when a home moves only.
 */
const COMPARE_AND_SET: QueryOptions = {
  prepare: true,
  isIdempotent: false,
  consistency: localQuorum,
  serialConsistency: serial,
}

/** A serial read first completes or rules out a claim that is under way; a quorum read could see either state. */
const SERIAL_READ: QueryOptions = { prepare: true, isIdempotent: true, consistency: serial }

/** `token` is new with each write: it names the row's version, and a writer recognises its own write by it. */
interface StoredRow extends HomeRow {
  readonly token: string
}

class CassandraStore implements RegisteringStore {
  readonly #client: Client
  readonly #clock: StoreClock
  readonly #keyspace: string
  readonly #replication: Readonly<Record<string, number>>
  readonly registry: CassandraRegistry
  readonly #states: CassandraStates
  readonly #history: CassandraHistory

  constructor(
    client: Client,
    clock: StoreClock,
    keyspace: string,
    replication: Readonly<Record<string, number>>,
    levels: SyncLevels,
  ) {
    this.#client = client
    this.#clock = clock
    this.#keyspace = keyspace
    this.#replication = replication
    const atOnce = new AtOnce(SYNC_STATEMENTS_MAX)
    this.#states = new CassandraStates(client, keyspace, atOnce, levels)
    this.#history = new CassandraHistory(client, keyspace, atOnce, levels)
    this.registry = new CassandraRegistry(client, keyspace, () => this.now())
  }

  now(): number {
    return this.#clock.now()
  }

  async migrate(): Promise<void> {
    await migrateCassandra(this.#client, this.#keyspace, this.#replication)
  }

  async home(fleet: FleetId, root: Root): Promise<Home | null> {
    // A serial read takes part in the election, so it too may lose against contending claims and time out.
    return settle(`the home of ${fleet}/${root}`, async () => ({
      result: homeOf(await this.#readHome(fleet, root)),
    }))
  }

  async recentHome(fleet: FleetId, root: Root): Promise<Home | null> {
    return homeOf(await this.#readHome(fleet, root, ORDINARY))
  }

  async claimHome(fleet: FleetId, root: Root, region: RegionId, expectedEpoch: number): Promise<ClaimResult> {
    assertRoot(root)
    assertEpoch(expectedEpoch, 0)
    // A claim that expects no home is mostly a root's first: start with the write, and save the read.
    const start = expectedEpoch === 0 ? 'assume-no-row' : 'read'
    return this.#compareAndSet(fleet, root, start, (row) => decideClaim(row, region, expectedEpoch))
  }

  async restoreHome(
    fleet: FleetId,
    root: Root,
    known: HomeAnswer,
    regions: readonly RegionId[],
  ): Promise<Home | null> {
    assertRoot(root)
    assertEpoch(known.epoch, 1)
    return this.#compareAndSet(fleet, root, 'read', (row) => decideRestore(row, known, regions))
  }

  async confirmImport(fleet: FleetId, root: Root, epoch: number, from: RegionId): Promise<boolean> {
    assertEpoch(epoch, 1)
    return this.#compareAndSet(fleet, root, 'read', (row) => decideConfirm(row, epoch, from))
  }

  async releaseHome(fleet: FleetId, root: Root, epoch: number): Promise<boolean> {
    assertEpoch(epoch, 1)
    return this.#compareAndSet(fleet, root, 'read', (row) => decideRelease(row, epoch))
  }

  async putState(change: RootChange): Promise<boolean> {
    assertRoot(change.root)
    return this.#states.put(change, this.now())
  }

  async takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState> {
    return this.#states.take(fleet, root, epoch, this.now())
  }

  async shadow(fleet: FleetId, root: Root, path: string): Promise<string | null> {
    return this.#states.shadow(fleet, root, path)
  }

  async putHistory(change: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>): Promise<void> {
    assertRoot(change.root)
    await this.#history.put(change)
  }

  async history(range: HistoryRange): Promise<HistoryPage> {
    return this.#history.page(range)
  }

  async ping(): Promise<void> {
    await this.#client.execute(
      `SELECT version FROM ${this.#keyspace}.schema_migration WHERE scope = 'schema' LIMIT 1`,
      [],
      ORDINARY,
    )
  }

  async close(): Promise<void> {
    await this.#client.shutdown()
  }

  /**
   * Applies a decision to the row that it was made from, or decides again if the row has changed.
   *
   * A lightweight transaction that fails (a timeout, a lost connection) may have been applied, or may be applied later by its
   * coordinator. So the row is read again at SERIAL. With our token the write was applied. With another token it never will be,
   * since its condition is false for ever. An unchanged row leads to the same decision under the same token, so it does not
   * matter which of the two writes is applied.
   */
  async #compareAndSet<T>(
    fleet: FleetId,
    root: Root,
    start: 'assume-no-row' | 'read',
    decide: (row: HomeRow | null) => Decision<T>,
  ): Promise<T> {
    const token = randomUUID()
    let attempted: { readonly result: T } | null = null
    return settle(`the home of ${fleet}/${root}`, async (round) => {
      const skipRead = round === 0 && start === 'assume-no-row'
      const row = skipRead ? null : await this.#readHome(fleet, root)
      if (attempted !== null && row?.token === token) return attempted
      const { result, write } = decide(row)
      if (write === null) return { result }
      attempted = { result }
      return (await this.#writeHome(fleet, root, row, write, token)) ? attempted : null
    })
  }

  async #readHome(fleet: FleetId, root: Root, level = SERIAL_READ): Promise<StoredRow | null> {
    const found = await this.#client.execute(
      `SELECT epoch, region, import_from, write_id FROM ${this.#keyspace}.home WHERE fleet = ? AND root = ?`,
      [fleet, root],
      level,
    )
    const row = found.first()
    if (row === null) return null
    return {
      epoch: Number(row.epoch),
      region: row.region as RegionId | null,
      importFrom: importFromOf(row.import_from),
      token: String(row.write_id),
    }
  }

  async #writeHome(
    fleet: FleetId,
    root: Root,
    former: StoredRow | null,
    row: HomeRow,
    token: string,
  ): Promise<boolean> {
    const values = [BigInt(row.epoch), row.region, importFromText(row.importFrom), token, fleet, root]
    const written =
      former === null
        ? await this.#client.execute(
            `INSERT INTO ${this.#keyspace}.home (epoch, region, import_from, write_id, fleet, root)
             VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS`,
            values,
            COMPARE_AND_SET,
          )
        : await this.#client.execute(
            `UPDATE ${this.#keyspace}.home SET epoch = ?, region = ?, import_from = ?, write_id = ?
             WHERE fleet = ? AND root = ? IF write_id = ?`,
            [...values, former.token],
            COMPARE_AND_SET,
          )
    return written.wasApplied()
  }
}
