// The registry in Cassandra: entries by lightweight transactions, indexes by plain writes. After a crash an index may have rows
// without an entry, but never lacks a row.
import { randomUUID } from 'node:crypto'
import { type Client, type QueryOptions, types } from 'cassandra-driver'
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'
import { settle } from './cassandra-settle.ts'
import { REGISTRY_ATTEMPT_MS, REGISTRY_NOTICE_SHARDS, REGISTRY_REMOVED_KEPT_S } from './limits.ts'
import type {
  DecideEntry,
  Entry,
  EntryDecision,
  EntryKey,
  EntryWrite,
  IndexPage,
  IndexQuery,
  IndexRow,
  Notice,
  RegistryStore,
} from './registry-port.ts'
import { afterPrefix, bucketOf, keyText, nextVersion, pageOf } from './registry-row.ts'

/** A majority of all copies: every data center sees a revocation at once. */
const QUORUM: QueryOptions = {
  prepare: true,
  isIdempotent: true,
  consistency: types.consistencies.quorum,
}

/** SERIAL over all data centers, as for homes; a plain read at QUORUM sees every commit. */
const COMPARE_AND_SET: QueryOptions = {
  prepare: true,
  isIdempotent: false,
  consistency: types.consistencies.quorum,
  serialConsistency: types.consistencies.serial,
}

const SERIAL_READ: QueryOptions = {
  prepare: true,
  isIdempotent: true,
  consistency: types.consistencies.serial,
}

/** `token` is new with each write. */
interface StoredEntry extends Entry {
  readonly token: string
}

interface Attempt<T> extends EntryDecision<T> {
  /** The token of the entry that the decision was made on; null if there was no entry. */
  readonly former: string | null
  readonly version: number
}

export class CassandraRegistry implements RegistryStore {
  readonly #client: Client
  readonly #keyspace: string
  readonly #now: () => number

  constructor(client: Client, keyspace: string, now: () => number) {
    this.#client = client
    this.#keyspace = keyspace
    this.#now = now
  }

  async entry(key: EntryKey): Promise<Entry | null> {
    const stored = await this.#read(key, QUORUM)
    return stored === null ? null : { version: stored.version, body: stored.body }
  }

  /**
   * Index rows are written before the entry and deleted after it, so a crash leaves only surplus rows. The timestamp of an index
   * row is the entry's version, so a delayed delete cannot remove the row of a later version. A lost answer is settled as for
   * homes: see `cassandra.ts`.
   */
  async change<T>(key: EntryKey, start: 'absent' | 'read', decide: DecideEntry<T>): Promise<T> {
    const token = randomUUID()
    let attempt: Attempt<T> | null = null
    const { result, write, version } = await settle<Attempt<T>>(keyText(key), async (round) => {
      const former = round === 0 && start === 'absent' ? null : await this.#read(key, SERIAL_READ)
      if (attempt !== null && former?.token === token) return { result: attempt }
      // The same entry leads to the same attempt: an earlier try may still be applied.
      if (attempt === null || attempt.former !== (former?.token ?? null)) {
        const decidedFor = nextVersion(former, this.#now())
        attempt = { former: former?.token ?? null, version: decidedFor, ...decide(former, decidedFor) }
      }
      if (attempt.write === null) return { result: attempt }
      const since = performance.now()
      await this.#announce(key, attempt.write, attempt.version)
      // A surplus row is deleted by a reader once the row is old enough.
      if (performance.now() - since > REGISTRY_ATTEMPT_MS) return null
      return (await this.#write(key, attempt, attempt.write, token)) ? { result: attempt } : null
    })
    if (write !== null && write.unindexed.length > 0) {
      // Readers ignore a row that could not be deleted here, and delete it.
      await Promise.allSettled(write.unindexed.map((row) => this.unindex(key.fleet, row, version)))
    }
    return result
  }

  async indexed(query: IndexQuery): Promise<IndexPage> {
    const { fleet, index, prefix } = query
    const end = afterPrefix(prefix)
    return pageOf(query, async (bucket, after, limit) => {
      const [from, start] = after !== null && after >= prefix ? ['>', after] : ['>=', prefix]
      const found = await this.#client.execute(
        `SELECT entry, version FROM ${this.#keyspace}.registry_index
         WHERE fleet = ? AND name = ? AND bucket = ? AND entry ${from} ?${end === null ? '' : ' AND entry < ?'} LIMIT ?`,
        [fleet, index.name, bucket, start, ...(end === null ? [] : [end]), limit],
        QUORUM,
      )
      return found.rows.map((row) => ({ entry: String(row.entry), version: Number(row.version) }))
    })
  }

  async unindex(fleet: FleetId, { index, entry }: IndexRow, version: number): Promise<void> {
    await this.#client.execute(
      `DELETE FROM ${this.#keyspace}.registry_index USING TIMESTAMP ?
       WHERE fleet = ? AND name = ? AND bucket = ? AND entry = ?`,
      [BigInt(version), fleet, index.name, bucketOf(index, entry), entry],
      QUORUM,
    )
  }

  async notices(region: RegionId, limit: number): Promise<Notice[]> {
    const found = await Promise.all(
      Array.from({ length: REGISTRY_NOTICE_SHARDS }, (_, shard) =>
        this.#client.execute(
          `SELECT fleet, client, version FROM ${this.#keyspace}.registry_notice WHERE shard = ? AND region = ? LIMIT ?`,
          [shard, region, Math.ceil(limit / REGISTRY_NOTICE_SHARDS)],
          QUORUM,
        ),
      ),
    )
    return found.flatMap(({ rows }) =>
      rows.map((row) => ({
        region,
        fleet: String(row.fleet) as FleetId,
        client: String(row.client) as ClientId,
        version: Number(row.version),
      })),
    )
  }

  async noticed({ region, fleet, client, version }: Notice): Promise<void> {
    await this.#client.execute(
      `DELETE FROM ${this.#keyspace}.registry_notice USING TIMESTAMP ?
       WHERE shard = ? AND region = ? AND fleet = ? AND client = ?`,
      [BigInt(version), shardOf(client), region, fleet, client],
      QUORUM,
    )
  }

  /** Writes the rows that must exist before the entry changes. */
  async #announce({ fleet, id }: EntryKey, write: EntryWrite, version: number): Promise<void> {
    const at = BigInt(version)
    await Promise.all([
      ...write.indexed.map(({ index, entry }) =>
        this.#client.execute(
          `INSERT INTO ${this.#keyspace}.registry_index (fleet, name, bucket, entry, version)
           VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          [fleet, index.name, bucketOf(index, entry), entry, at, at],
          QUORUM,
        ),
      ),
      ...write.notify.map((region) =>
        this.#client.execute(
          `INSERT INTO ${this.#keyspace}.registry_notice (shard, region, fleet, client, version)
           VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          [shardOf(id), region, fleet, id, at, at],
          QUORUM,
        ),
      ),
    ])
  }

  async #read({ fleet, kind, id }: EntryKey, options: QueryOptions): Promise<StoredEntry | null> {
    const found = await this.#client.execute(
      `SELECT version, write_id, body FROM ${this.#keyspace}.registry_entry WHERE fleet = ? AND kind = ? AND id = ?`,
      [fleet, kind, id],
      options,
    )
    const row = found.first()
    // An entry that was removed long ago has lost its version too.
    if (row === null || row.version === null) return null
    return {
      version: Number(row.version),
      token: String(row.write_id),
      body: row.body === null ? null : String(row.body),
    }
  }

  async #write(
    { fleet, kind, id }: EntryKey,
    { former, version }: Attempt<unknown>,
    { body }: EntryWrite,
    token: string,
  ): Promise<boolean> {
    const life = body === null ? `USING TTL ${REGISTRY_REMOVED_KEPT_S}` : ''
    const written = await this.#client.execute(
      `UPDATE ${this.#keyspace}.registry_entry ${life} SET version = ?, write_id = ?, body = ?
       WHERE fleet = ? AND kind = ? AND id = ? IF write_id = ${former === null ? 'null' : '?'}`,
      [BigInt(version), token, body, fleet, kind, id, ...(former === null ? [] : [former])],
      COMPARE_AND_SET,
    )
    return written.wasApplied()
  }
}

function shardOf(client: string): number {
  return bucketOf({ name: 'notices', buckets: REGISTRY_NOTICE_SHARDS }, client)
}
