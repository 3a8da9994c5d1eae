// Synced states in Cassandra: plain writes with timestamps of (epoch, version), so that nothing is read before a write.
import type { Client, types } from 'cassandra-driver'
import type { FleetId, Root } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import { blobOf, bytesOf } from './cassandra-blob.ts'
import type { SyncLevels } from './cassandra-levels.ts'
import type { AtOnce } from './concurrency.ts'
import { epochOf, syncTimestamp } from './home-row.ts'
import { clockAheadMs, syncedState } from './state-row.ts'

type Statement = readonly [query: string, values: unknown[]]

export class CassandraStates {
  readonly #client: Client
  readonly #keyspace: string
  /** Bounds the statements under way: all roots of all regions may sync at once. */
  readonly #atOnce: AtOnce
  readonly #levels: SyncLevels

  constructor(client: Client, keyspace: string, atOnce: AtOnce, levels: SyncLevels) {
    this.#client = client
    this.#keyspace = keyspace
    this.#atOnce = atOnce
    this.#levels = levels
  }

  async put(change: RootChange, now: number): Promise<boolean> {
    const { puts, takes } = this.#statements(change, now)
    // Deletes come last: a sync that breaks off must leave surplus rows rather than lose rows.
    await Promise.all(puts.map((statement) => this.#execute(statement)))
    await Promise.all(takes.map((statement) => this.#execute(statement)))
    // Read the fence after the writes: a fence that is not there yet is set after them, and its home finds them.
    const found = await this.#client.execute(
      `SELECT value FROM ${this.#keyspace}.root_state WHERE fleet = ? AND root = ? AND kind = 'fence'`,
      [change.fleet, change.root],
      this.#levels.written,
    )
    return Number(found.first()?.get('value') ?? 0) <= change.epoch
  }

  async take(fleet: FleetId, root: Root, epoch: number, now: number): Promise<HandoverState> {
    await this.#client.execute(
      `INSERT INTO ${this.#keyspace}.root_state (fleet, root, kind, value) VALUES (?, ?, 'fence', ?) USING TIMESTAMP ?`,
      [fleet, root, String(epoch), syncTimestamp(epoch, 0)],
      this.#levels.found,
    )
    const values = new Map<string, string>()
    let sessionEpoch = 0
    for (const row of await this.#rows('kind, value, writetime(value) AS at', 'root_state', fleet, root)) {
      if (row.value !== null) values.set(String(row.kind), String(row.value))
      if (row.kind === 'session' && row.at !== null) sessionEpoch = epochOf(BigInt(String(row.at)))
    }
    const queue = (await this.#rows('position, session, delivery', 'root_queue', fleet, root)).map((row) => ({
      position: Number(row.position),
      session: String(row.session),
      delivery: bytesOf(row.delivery),
    }))
    const retained = (await this.#rows('topic, record', 'root_retained', fleet, root)).map((row) => ({
      topic: String(row.topic),
      record: bytesOf(row.record),
    }))
    const shadows = (await this.#rows('path, shadow', 'root_shadow', fleet, root)).map((row) => ({
      path: String(row.path),
      shadow: String(row.shadow),
    }))
    return syncedState(values, sessionEpoch, queue, retained, shadows, now)
  }

  async shadow(fleet: FleetId, root: Root, path: string): Promise<string | null> {
    const found = await this.#client.execute(
      `SELECT shadow FROM ${this.#keyspace}.root_shadow WHERE fleet = ? AND root = ? AND path = ?`,
      [fleet, root, path],
      this.#levels.near,
    )
    const row = found.first()
    return row === null ? null : String(row.get('shadow'))
  }

  async #execute([query, values]: Statement): Promise<void> {
    await this.#atOnce.run(() => this.#client.execute(query, values, this.#levels.written))
  }

  #statements(change: RootChange, now: number): { readonly puts: Statement[]; readonly takes: Statement[] } {
    const { fleet, root, epoch, version, session, interests } = change
    const at = syncTimestamp(epoch, version)
    const table = (name: string) => `${this.#keyspace}.${name}`
    const puts: Statement[] = []
    const state = (kind: string, value: unknown): Statement => [
      `INSERT INTO ${table('root_state')} (fleet, root, kind, value) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`,
      // Never null: a null would have no timestamp of its own.
      [fleet, root, kind, JSON.stringify(value), at],
    ]
    if (session !== undefined) puts.push(state('session', session))
    if (interests !== undefined) puts.push(state('interests', interests))
    const aheadMs = clockAheadMs(change, now)
    if (aheadMs !== null) puts.push(state('clock', aheadMs))
    const takes: Statement[] = []
    for (const { position, session: owner, delivery } of change.queue) {
      if (delivery === null) {
        takes.push([
          `DELETE FROM ${table('root_queue')} USING TIMESTAMP ? WHERE fleet = ? AND root = ? AND position = ?`,
          [at, fleet, root, BigInt(position)],
        ])
      } else {
        puts.push([
          `INSERT INTO ${table('root_queue')} (fleet, root, position, session, delivery) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          [fleet, root, BigInt(position), owner, blobOf(delivery), at],
        ])
      }
    }
    for (const { topic, record } of change.retained) {
      if (record === null) {
        takes.push([
          `DELETE FROM ${table('root_retained')} USING TIMESTAMP ? WHERE fleet = ? AND root = ? AND topic = ?`,
          [at, fleet, root, topic],
        ])
      } else {
        puts.push([
          `INSERT INTO ${table('root_retained')} (fleet, root, topic, record) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`,
          [fleet, root, topic, blobOf(record), at],
        ])
      }
    }
    for (const { path, shadow } of change.shadows) {
      if (shadow === null) {
        takes.push([
          `DELETE FROM ${table('root_shadow')} USING TIMESTAMP ? WHERE fleet = ? AND root = ? AND path = ?`,
          [at, fleet, root, path],
        ])
      } else {
        puts.push([
          `INSERT INTO ${table('root_shadow')} (fleet, root, path, shadow) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`,
          [fleet, root, path, shadow, at],
        ])
      }
    }
    for (const [name, upTo] of [
      ['root_queue', change.queueVoidUpTo],
      ['root_retained', change.retainedVoidUpTo],
      ['root_shadow', change.shadowsVoidUpTo],
    ] as const) {
      if (upTo === null) continue
      takes.push([
        `DELETE FROM ${table(name)} USING TIMESTAMP ? WHERE fleet = ? AND root = ?`,
        [syncTimestamp(epoch, upTo), fleet, root],
      ])
    }
    return { puts, takes }
  }

  async #rows(columns: string, table: string, fleet: FleetId, root: Root): Promise<types.Row[]> {
    const found = await this.#client.execute(
      `SELECT ${columns} FROM ${this.#keyspace}.${table} WHERE fleet = ? AND root = ?`,
      [fleet, root],
      this.#levels.found,
    )
    const rows: types.Row[] = []
    // The driver iterates over all pages, but its types lack that.
    for await (const row of found as unknown as AsyncIterable<types.Row>) rows.push(row)
    return rows
  }
}
