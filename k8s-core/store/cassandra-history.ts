// History in Cassandra: a partition for each root and hour, rows written once with a time to live, and an index of the
// hours that have any.
import type { Client } from 'cassandra-driver'
import type { HistoryMessage, HistoryPlace } from '../../src/relay/history.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import { blobOf, bytesOf } from './cassandra-blob.ts'
import type { SyncLevels } from './cassandra-levels.ts'
import type { AtOnce } from './concurrency.ts'
import { pageOf, secondsLeft } from './history-row.ts'
import {
  HISTORY_BUCKET_MS,
  HISTORY_BUCKETS_PER_PAGE_MAX,
  HISTORY_INDEX_SLACK_S,
  HISTORY_NOTED_MAX,
  HISTORY_NOTED_MS,
} from './limits.ts'
import type { HistoryPage, HistoryRange } from './port.ts'

const NUMBER_MAX = Number.MAX_SAFE_INTEGER
/** The last hour that fits the column. */
const BUCKET_MAX = 2 ** 31 - 1
/** One hour can stand in the index several times, once for each time to live. */
const INDEX_ROWS_MAX = HISTORY_BUCKETS_PER_PAGE_MAX * 10

export class CassandraHistory {
  readonly #client: Client
  readonly #keyspace: string
  readonly #atOnce: AtOnce
  /** A reader in another data center must find every row that a home has a confirmation for. */
  readonly #levels: SyncLevels
  /** Until when an hour of a root need not be written to the index again. */
  readonly #noted = new Map<string, number>()

  constructor(client: Client, keyspace: string, atOnce: AtOnce, levels: SyncLevels) {
    this.#client = client
    this.#keyspace = keyspace
    this.#atOnce = atOnce
    this.#levels = levels
  }

  async put({
    fleet,
    root,
    clock,
    history,
  }: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>): Promise<void> {
    const rows = history.flatMap((row) => {
      const seconds = secondsLeft(row, clock)
      return seconds > 0 ? [{ row, seconds, bucket: bucketOf(row.at) }] : []
    })
    // The index first: rows that no index entry leads to would never be found.
    const hours = new Map(rows.map(({ row, bucket }) => [`${bucket} ${row.ttlSeconds}`, { row, bucket }]))
    await Promise.all(
      [...hours.values()].map(({ row, bucket }) => this.#note(fleet, root, bucket, row.ttlSeconds)),
    )
    await Promise.all(
      rows.map(({ row: { at, epoch, number, publisher, record }, seconds, bucket }) =>
        this.#write(
          `INSERT INTO ${this.#keyspace}.history (fleet, root, bucket, at, epoch, number, publisher, record)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?`,
          [
            ...[fleet, root, bucket, BigInt(Math.trunc(at)), BigInt(epoch), BigInt(number), publisher],
            ...[blobOf(record), seconds],
          ],
        ),
      ),
    )
  }

  async page(range: HistoryRange): Promise<HistoryPage> {
    const { order, limit } = range
    const { buckets, more } = await this.#buckets(range)
    const messages: HistoryMessage[] = []
    for (const [i, bucket] of buckets.entries()) {
      if (i === HISTORY_BUCKETS_PER_PAGE_MAX) return { messages, next: before(bucket, order) }
      messages.push(...(await this.#rows(range, bucket, limit - messages.length)))
      if (messages.length >= limit) return pageOf(messages, limit)
    }
    const last = buckets.at(-1)
    return { messages, next: more && last !== undefined ? behind(last, order) : null }
  }

  /** The hours with messages in the range, after its cursor, in its order. */
  async #buckets({ fleet, root, from, to, order, after }: HistoryRange): Promise<{
    readonly buckets: readonly number[]
    readonly more: boolean
  }> {
    if (to <= from) return { buckets: [], more: false }
    const first = bucketOf(order === 'oldest' && after !== null ? Math.max(after.at, from) : from)
    const end = order === 'newest' && after !== null ? Math.min(after.at, to - 1) : to - 1
    const found = await this.#client.execute(
      `SELECT bucket FROM ${this.#keyspace}.history_bucket
       WHERE fleet = ? AND root = ? AND bucket >= ? AND bucket <= ?
       ORDER BY bucket ${order === 'oldest' ? 'ASC' : 'DESC'} LIMIT ?`,
      [fleet, root, first, bucketOf(end), INDEX_ROWS_MAX],
      this.#levels.found,
    )
    const buckets = [...new Set(found.rows.map((row) => Number(row.bucket)))]
    return { buckets, more: found.rows.length === INDEX_ROWS_MAX }
  }

  async #rows(
    { fleet, root, from, to, order, after }: HistoryRange,
    bucket: number,
    limit: number,
  ): Promise<HistoryMessage[]> {
    const oldest = order === 'oldest'
    const edge = { at: oldest ? from : to, epoch: -1, number: -1 }
    const start = after === null || (oldest ? after.at < from : after.at >= to) ? edge : after
    const found = await this.#client.execute(
      `SELECT at, epoch, number, publisher, record FROM ${this.#keyspace}.history
       WHERE fleet = ? AND root = ? AND bucket = ?
       AND (at, epoch, number) ${oldest ? '>' : '<'} (?, ?, ?) AND (at) ${oldest ? '<' : '>='} (?)
       ORDER BY at ${oldest ? 'ASC' : 'DESC'}, epoch ${oldest ? 'ASC' : 'DESC'}, number ${oldest ? 'ASC' : 'DESC'} LIMIT ?`,
      [
        ...[fleet, root, bucket, big(start.at), BigInt(start.epoch), BigInt(start.number)],
        ...[big(oldest ? to : from), limit],
      ],
      this.#levels.found,
    )
    return found.rows.map((row) => ({
      at: Number(row.at),
      epoch: Number(row.epoch),
      number: Number(row.number),
      publisher: String(row.publisher),
      record: bytesOf(row.record),
    }))
  }

  /** Writes an hour, root and time to live to the index, unless this pod did so lately. */
  async #note(fleet: string, root: string, bucket: number, ttlSeconds: number): Promise<void> {
    const now = performance.now()
    const key = `${fleet} ${root} ${bucket} ${ttlSeconds}`
    if ((this.#noted.get(key) ?? 0) > now) return
    await this.#write(
      `INSERT INTO ${this.#keyspace}.history_bucket (fleet, root, bucket, ttl) VALUES (?, ?, ?, ?) USING TTL ?`,
      [fleet, root, bucket, ttlSeconds, ttlSeconds + HISTORY_INDEX_SLACK_S],
    )
    if (this.#noted.size >= HISTORY_NOTED_MAX) this.#noted.clear()
    this.#noted.set(key, now + HISTORY_NOTED_MS)
  }

  async #write(query: string, values: unknown[]): Promise<void> {
    await this.#atOnce.run(() => this.#client.execute(query, values, this.#levels.written))
  }
}

function bucketOf(at: number): number {
  return Math.min(Math.floor(at / HISTORY_BUCKET_MS), BUCKET_MAX)
}

function big(at: number): bigint {
  return BigInt(Math.trunc(at))
}

/** The cursor before an hour. */
function before(bucket: number, order: 'oldest' | 'newest'): HistoryPlace {
  return order === 'oldest'
    ? { at: bucket * HISTORY_BUCKET_MS - 1, epoch: NUMBER_MAX, number: NUMBER_MAX }
    : { at: (bucket + 1) * HISTORY_BUCKET_MS, epoch: 0, number: 0 }
}

/** The cursor after an hour. */
function behind(bucket: number, order: 'oldest' | 'newest'): HistoryPlace {
  return before(order === 'oldest' ? bucket + 1 : bucket - 1, order)
}
