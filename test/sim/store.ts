// The core's store in memory: the real rules of homes and epochs over a map, synced states as the embedded store has them.
import { DatabaseSync } from 'node:sqlite'
import {
  type Decision,
  decideClaim,
  decideConfirm,
  decideRelease,
  decideRestore,
  type HomeRow,
  homeOf,
} from '../../k8s-core/store/home-row.ts'
import { SQLITE_MIGRATIONS } from '../../k8s-core/store/migrations.ts'
import type { Store } from '../../k8s-core/store/port.ts'
import { SqliteHistory } from '../../k8s-core/store/sqlite-history.ts'
import { SqliteStates } from '../../k8s-core/store/sqlite-state.ts'

interface Pooled {
  readonly database: DatabaseSync
  readonly states: SqliteStates
  readonly history: SqliteHistory
}

export interface MemoryStore extends Store {
  /**
   * Home rows go back in time, each by as many writes as `steps` says, but none to before its first.
   * @returns of how many that has undone something
   */
  goBack(steps: () => number): number
}

/** Making one costs more than a run. */
const pool: Pooled[] = []

/** @param now its clock, ms since the epoch */
export function memoryStore(now: () => number): MemoryStore {
  const pooled = pool.pop() ?? newDatabase()
  /** All that was written of each root, the newest last. */
  const rows = new Map<string, HomeRow[]>()
  const decide = <T>(key: string, decision: Decision<T>): T => {
    if (decision.write !== null) {
      const written = rows.get(key)
      if (written === undefined) rows.set(key, [decision.write])
      else written.push(decision.write)
    }
    return decision.result
  }
  const keyOf = (fleet: string, root: string) => `${fleet} ${root}`
  const row = (key: string) => rows.get(key)?.at(-1) ?? null
  return {
    now,
    migrate: async () => undefined,
    home: async (fleet, root) => homeOf(row(keyOf(fleet, root))),
    recentHome: async (fleet, root) => homeOf(row(keyOf(fleet, root))),
    claimHome: async (fleet, root, region, epoch) => {
      const key = keyOf(fleet, root)
      return decide(key, decideClaim(row(key), region, epoch))
    },
    restoreHome: async (fleet, root, known, regions) => {
      const key = keyOf(fleet, root)
      return decide(key, decideRestore(row(key), known, regions))
    },
    confirmImport: async (fleet, root, epoch, from) => {
      const key = keyOf(fleet, root)
      return decide(key, decideConfirm(row(key), epoch, from))
    },
    releaseHome: async (fleet, root, epoch) => {
      const key = keyOf(fleet, root)
      return decide(key, decideRelease(row(key), epoch))
    },
    goBack: (steps) => {
      let undone = 0
      for (const written of rows.values()) {
        const by = Math.min(steps(), written.length - 1)
        written.length -= by
        if (by > 0) undone++
      }
      return undone
    },
    putState: async (change) => pooled.states.put(change, now()),
    takeState: async (fleet, root, epoch) => pooled.states.take(fleet, root, epoch, now()),
    shadow: async (fleet, root, path) => pooled.states.shadow(fleet, root, path),
    putHistory: async (change) => pooled.history.put(change, now()),
    history: async (range) => pooled.history.page(range, now()),
    ping: async () => undefined,
    close: async () => {
      for (const table of STATE_TABLES) pooled.database.exec(`DELETE FROM ${table}`)
      pool.push(pooled)
    },
  }
}

const STATE_TABLES = ['root_state', 'root_queue', 'root_retained', 'root_shadow', 'history']

function newDatabase(): Pooled {
  const database = new DatabaseSync(':memory:')
  for (const { statements } of SQLITE_MIGRATIONS) for (const statement of statements) database.exec(statement)
  return { database, states: new SqliteStates(database), history: new SqliteHistory(database) }
}
