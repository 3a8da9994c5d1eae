// The registry in the embedded SQLite file: an entry, its index rows and its notices change in one transaction.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'
import type {
  DecideEntry,
  Entry,
  EntryKey,
  IndexPage,
  IndexQuery,
  IndexRow,
  Notice,
  RegistryStore,
} from './registry-port.ts'
import { afterPrefix, bucketOf, cut, nextVersion } from './registry-row.ts'

export class SqliteRegistry implements RegistryStore {
  readonly #database: DatabaseSync
  readonly #atomically: <T>(work: () => T) => T
  readonly #now: () => number
  readonly #prepared = new Map<string, StatementSync>()
  #changing: { readonly changes: (() => unknown)[]; readonly done: Promise<unknown[]> } | null = null

  constructor(database: DatabaseSync, atomically: <T>(work: () => T) => T, now: () => number) {
    this.#database = database
    this.#atomically = atomically
    this.#now = now
  }

  async entry(key: EntryKey): Promise<Entry | null> {
    return this.#read(key)
  }

  /** Changes that come in one moment share a transaction, since each transaction waits for the disk. */
  async change<T>(key: EntryKey, _start: 'absent' | 'read', decide: DecideEntry<T>): Promise<T> {
    this.#changing ??= { changes: [], done: nextTurn().then(() => this.#changeAll()) }
    const { changes, done } = this.#changing
    const at = changes.push(() => this.#change(key, decide)) - 1
    return (await done)[at] as T
  }

  #changeAll(): unknown[] {
    const changes = this.#changing?.changes ?? []
    this.#changing = null
    return this.#atomically(() => changes.map((change) => change()))
  }

  #change<T>(key: EntryKey, decide: DecideEntry<T>): T {
    const { fleet, kind, id } = key
    const former = this.#read(key)
    const version = nextVersion(former, this.#now())
    const { result, write } = decide(former, version)
    if (write === null) return result
    this.#run(
      'INSERT OR REPLACE INTO registry_entry (fleet, kind, id, version, body) VALUES (?, ?, ?, ?, ?)',
      fleet,
      kind,
      id,
      version,
      write.body,
    )
    for (const row of write.unindexed) this.#unindex(fleet, row, version)
    for (const { index, entry } of write.indexed)
      this.#run(
        'INSERT OR REPLACE INTO registry_index (fleet, name, bucket, entry, version) VALUES (?, ?, ?, ?, ?)',
        fleet,
        index.name,
        bucketOf(index, entry),
        entry,
        version,
      )
    for (const region of write.notify)
      this.#run(
        'INSERT OR REPLACE INTO registry_notice (region, fleet, client, version) VALUES (?, ?, ?, ?)',
        region,
        fleet,
        id,
        version,
      )
    return result
  }

  async indexed({ fleet, index, prefix, after, limit }: IndexQuery): Promise<IndexPage> {
    const rows = this.#all(
      `SELECT bucket, entry, version FROM registry_index
       WHERE fleet = ? AND name = ? AND (bucket, entry) > (?, ?) AND entry >= ? AND (? IS NULL OR entry < ?)
       ORDER BY bucket, entry LIMIT ?`,
      fleet,
      index.name,
      after?.bucket ?? -1,
      after?.entry ?? '',
      prefix,
      afterPrefix(prefix),
      afterPrefix(prefix),
      limit + 1,
    )
    return cut(
      rows.map(({ bucket, entry, version }) => ({
        bucket: Number(bucket),
        entry: String(entry),
        version: Number(version),
      })),
      limit,
    )
  }

  async unindex(fleet: FleetId, row: IndexRow, version: number): Promise<void> {
    this.#unindex(fleet, row, version)
  }

  async notices(region: RegionId, limit: number): Promise<Notice[]> {
    return this.#all(
      'SELECT fleet, client, version FROM registry_notice WHERE region = ? LIMIT ?',
      region,
      limit,
    ).map(({ fleet, client, version }) => ({
      region,
      fleet: fleet as FleetId,
      client: client as ClientId,
      version: Number(version),
    }))
  }

  async noticed({ region, fleet, client, version }: Notice): Promise<void> {
    this.#run(
      'DELETE FROM registry_notice WHERE region = ? AND fleet = ? AND client = ? AND version <= ?',
      region,
      fleet,
      client,
      version,
    )
  }

  #read({ fleet, kind, id }: EntryKey): Entry | null {
    const [row] = this.#all(
      'SELECT version, body FROM registry_entry WHERE fleet = ? AND kind = ? AND id = ?',
      fleet,
      kind,
      id,
    )
    if (row === undefined) return null
    return { version: Number(row.version), body: row.body === null ? null : String(row.body) }
  }

  #unindex(fleet: FleetId, { index, entry }: IndexRow, version: number): void {
    this.#run(
      'DELETE FROM registry_index WHERE fleet = ? AND name = ? AND bucket = ? AND entry = ? AND version <= ?',
      fleet,
      index.name,
      bucketOf(index, entry),
      entry,
      version,
    )
  }

  #run(query: string, ...values: (string | number | null)[]): void {
    this.#statement(query).run(...values)
  }

  #all(query: string, ...values: (string | number | null)[]) {
    return this.#statement(query).all(...values)
  }

  /** Prepared at first use, since the tables may not be there before `migrate`. */
  #statement(query: string): StatementSync {
    let statement = this.#prepared.get(query)
    if (statement === undefined) {
      statement = this.#database.prepare(query)
      this.#prepared.set(query, statement)
    }
    return statement
  }
}
