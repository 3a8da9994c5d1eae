// Synced states in the embedded store: each row remembers the (epoch, version) of its last write, and lower ones lose.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FleetId, Root } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import { syncTimestamp } from './home-row.ts'
import { SYNC_REMOVED_VERSIONS_KEPT, SYNC_VERSION_BITS } from './limits.ts'
import { clockAheadMs, syncedState } from './state-row.ts'

const NEWER = 'WHERE excluded.at > at'

const QUERIES = {
  state: `INSERT INTO root_state (fleet, root, kind, at, value) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET at = excluded.at, value = excluded.value ${NEWER}`,
  states: `SELECT kind, value, at >> ${SYNC_VERSION_BITS} AS epoch FROM root_state WHERE fleet = ? AND root = ?`,
  queue: `INSERT INTO root_queue (fleet, root, position, at, session, delivery) SELECT ?1, ?2, ?3, ?4, ?5, ?6
    WHERE NOT EXISTS (SELECT 1 FROM root_state WHERE fleet = ?1 AND root = ?2 AND kind = 'queue-void' AND at >= ?4)
    ON CONFLICT DO UPDATE SET at = excluded.at, session = excluded.session, delivery = excluded.delivery ${NEWER}`,
  queued: `SELECT position, session, delivery FROM root_queue
    WHERE fleet = ? AND root = ? AND delivery IS NOT NULL ORDER BY position`,
  voidQueue: 'DELETE FROM root_queue WHERE fleet = ? AND root = ? AND at <= ?',
  forgetQueue: 'DELETE FROM root_queue WHERE fleet = ? AND root = ? AND delivery IS NULL AND at < ?',
  retained: `INSERT INTO root_retained (fleet, root, topic, at, record) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE NOT EXISTS (SELECT 1 FROM root_state WHERE fleet = ?1 AND root = ?2 AND kind = 'retained-void' AND at >= ?4)
    ON CONFLICT DO UPDATE SET at = excluded.at, record = excluded.record ${NEWER}`,
  allRetained: `SELECT topic, record FROM root_retained
    WHERE fleet = ? AND root = ? AND record IS NOT NULL ORDER BY topic`,
  voidRetained: 'DELETE FROM root_retained WHERE fleet = ? AND root = ? AND at <= ?',
  shadow: `INSERT INTO root_shadow (fleet, root, path, at, shadow) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE NOT EXISTS (SELECT 1 FROM root_state WHERE fleet = ?1 AND root = ?2 AND kind = 'shadows-void' AND at >= ?4)
    ON CONFLICT DO UPDATE SET at = excluded.at, shadow = excluded.shadow ${NEWER}`,
  allShadows: `SELECT path, shadow FROM root_shadow
    WHERE fleet = ? AND root = ? AND shadow IS NOT NULL ORDER BY path`,
  oneShadow: 'SELECT shadow FROM root_shadow WHERE fleet = ? AND root = ? AND path = ?',
  voidShadows: 'DELETE FROM root_shadow WHERE fleet = ? AND root = ? AND at <= ?',
  forgetShadows: 'DELETE FROM root_shadow WHERE fleet = ? AND root = ? AND shadow IS NULL AND at < ?',
  forgetRetained: 'DELETE FROM root_retained WHERE fleet = ? AND root = ? AND record IS NULL AND at < ?',
} as const

export class SqliteStates {
  readonly #prepared: Record<keyof typeof QUERIES, StatementSync>

  constructor(database: DatabaseSync) {
    this.#prepared = Object.fromEntries(
      Object.entries(QUERIES).map(([name, query]) => [name, database.prepare(query)]),
    ) as Record<keyof typeof QUERIES, StatementSync>
  }

  /** In a transaction. */
  put(change: RootChange, now: number): boolean {
    const { fleet, root, epoch, version, session, interests } = change
    const at = syncTimestamp(epoch, version)
    const { state, queue, retained } = this.#prepared
    if (session !== undefined) state.run(fleet, root, 'session', at, JSON.stringify(session))
    if (interests !== undefined) state.run(fleet, root, 'interests', at, JSON.stringify(interests))
    const aheadMs = clockAheadMs(change, now)
    if (aheadMs !== null) state.run(fleet, root, 'clock', at, JSON.stringify(aheadMs))
    for (const { position, session: owner, delivery } of change.queue)
      queue.run(fleet, root, position, at, owner, delivery)
    for (const { topic, record } of change.retained) retained.run(fleet, root, topic, at, record)
    for (const { path, shadow } of change.shadows) this.#prepared.shadow.run(fleet, root, path, at, shadow)
    for (const [kind, version, voidRows] of [
      ['queue-void', change.queueVoidUpTo, this.#prepared.voidQueue],
      ['retained-void', change.retainedVoidUpTo, this.#prepared.voidRetained],
      ['shadows-void', change.shadowsVoidUpTo, this.#prepared.voidShadows],
    ] as const) {
      if (version === null) continue
      const upTo = syncTimestamp(epoch, version)
      state.run(fleet, root, kind, upTo, null)
      voidRows.run(fleet, root, upTo)
    }
    const old = at - BigInt(SYNC_REMOVED_VERSIONS_KEPT)
    this.#prepared.forgetQueue.run(fleet, root, old)
    this.#prepared.forgetRetained.run(fleet, root, old)
    this.#prepared.forgetShadows.run(fleet, root, old)
    return Number(this.#values(fleet, root).values.get('fence') ?? 0) <= epoch
  }

  /** In a transaction. */
  take(fleet: FleetId, root: Root, epoch: number, now: number): HandoverState {
    this.#prepared.state.run(fleet, root, 'fence', syncTimestamp(epoch, 0), String(epoch))
    const queue = this.#prepared.queued.all(fleet, root).map((row) => ({
      position: Number(row.position),
      session: String(row.session),
      delivery: row.delivery as Uint8Array,
    }))
    const retained = this.#prepared.allRetained.all(fleet, root).map((row) => ({
      topic: String(row.topic),
      record: row.record as Uint8Array,
    }))
    const shadows = this.#prepared.allShadows.all(fleet, root).map((row) => ({
      path: String(row.path),
      shadow: String(row.shadow),
    }))
    const { values, sessionEpoch } = this.#values(fleet, root)
    return syncedState(values, sessionEpoch, queue, retained, shadows, now)
  }

  shadow(fleet: FleetId, root: Root, path: string): string | null {
    const shadow = this.#prepared.oneShadow.get(fleet, root, path)?.shadow ?? null
    return shadow === null ? null : String(shadow)
  }

  #values(fleet: FleetId, root: Root): { values: Map<string, string>; sessionEpoch: number } {
    const values = new Map<string, string>()
    let sessionEpoch = 0
    for (const { kind, value, epoch } of this.#prepared.states.all(fleet, root)) {
      if (value !== null) values.set(String(kind), String(value))
      if (kind === 'session') sessionEpoch = Number(epoch)
    }
    return { values, sessionEpoch }
  }
}
