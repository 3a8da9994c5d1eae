// History in the embedded store: one table in the order of time; expired rows are deleted by the next write.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RootChange } from '../../src/relay/sync.ts'
import { pageOf, secondsLeft } from './history-row.ts'
import type { HistoryPage, HistoryRange } from './port.ts'

const PAGE =
  'SELECT at, epoch, number, publisher, record FROM history WHERE fleet = ? AND root = ? AND expires_at > ?'

const QUERIES = {
  put: `INSERT OR IGNORE INTO history (fleet, root, at, epoch, number, expires_at, publisher, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  expire: 'DELETE FROM history WHERE expires_at <= ?',
  oldest: `${PAGE} AND at < ? AND (at, epoch, number) > (?, ?, ?) ORDER BY at, epoch, number LIMIT ?`,
  newest: `${PAGE} AND at >= ? AND (at, epoch, number) < (?, ?, ?) ORDER BY at DESC, epoch DESC, number DESC LIMIT ?`,
} as const

export class SqliteHistory {
  readonly #prepared: Record<keyof typeof QUERIES, StatementSync>

  constructor(database: DatabaseSync) {
    this.#prepared = Object.fromEntries(
      Object.entries(QUERIES).map(([name, query]) => [name, database.prepare(query)]),
    ) as Record<keyof typeof QUERIES, StatementSync>
  }

  /** In a transaction. */
  put(
    { fleet, root, clock, history }: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>,
    now: number,
  ): void {
    for (const row of history) {
      const seconds = secondsLeft(row, clock)
      const { at, epoch, number, publisher, record } = row
      if (seconds > 0)
        this.#prepared.put.run(...[fleet, root, at, epoch, number, now + seconds * 1000, publisher], record)
    }
    this.#prepared.expire.run(now)
  }

  page({ fleet, root, from, to, order, after, limit }: HistoryRange, now: number): HistoryPage {
    // A cursor at the edge of the range; a cursor inside it replaces this one.
    const edge = order === 'oldest' ? { at: from, epoch: -1, number: -1 } : { at: to, epoch: -1, number: -1 }
    const start = after === null || (order === 'oldest' ? after.at < from : after.at >= to) ? edge : after
    const rows = this.#prepared[order].all(
      ...[fleet, root, now, order === 'oldest' ? to : from],
      ...[start.at, start.epoch, start.number, limit],
    )
    return pageOf(
      rows.map((row) => ({
        at: Number(row.at),
        epoch: Number(row.epoch),
        number: Number(row.number),
        publisher: String(row.publisher),
        record: row.record as Uint8Array,
      })),
      limit,
    )
  }
}
