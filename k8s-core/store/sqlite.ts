// The store in one embedded SQLite file: for laptops and tests, and for several processes on one machine.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { RootChange } from '../../src/relay/sync.ts'
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
  syncTimestamp,
} from './home-row.ts'
import { SQLITE_BUSY_MS } from './limits.ts'
import { SQLITE_MIGRATIONS } from './migrations.ts'
import type { ClaimResult, HistoryPage, HistoryRange, Home, RegisteringStore } from './port.ts'
import { SqliteHistory } from './sqlite-history.ts'
import { SqliteRegistry } from './sqlite-registry.ts'
import { SqliteStates } from './sqlite-state.ts'

/**
 * Opens the file at `path`; creates it and its folder if they are missing.
 * @param now the clock of the machine that all processes on this file share
 */
export async function openSqliteStore(file: string, now: () => number = Date.now): Promise<RegisteringStore> {
  mkdirSync(path.dirname(file), { recursive: true })
  const database = new DatabaseSync(file, { timeout: SQLITE_BUSY_MS })
  try {
    await useWriteAheadLog(database)
    // A commit is on disk before it is answered: acknowledged is durable.
    database.exec('PRAGMA synchronous = FULL')
  } catch (error) {
    database.close()
    throw new Error(`cannot open the store ${file}`, { cause: error })
  }
  return new SqliteStore(database, now)
}

/** A change of the journal mode does not wait for other processes as statements do, so wait here. */
async function useWriteAheadLog(database: DatabaseSync): Promise<void> {
  const deadline = Date.now() + SQLITE_BUSY_MS
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}

interface Statements {
  readonly readHome: StatementSync
  readonly writeHome: StatementSync
}

class SqliteStore implements RegisteringStore {
  readonly registry: SqliteRegistry
  readonly now: () => number
  readonly #database: DatabaseSync
  /** Prepared at first use, since the tables may not be there before `migrate`. */
  #statements: Statements | null = null
  #states: SqliteStates | null = null
  #history: SqliteHistory | null = null
  #putting: {
    readonly changes: { readonly change: RootChange; readonly now: number }[]
    readonly done: Promise<boolean[]>
  } | null = null

  constructor(database: DatabaseSync, now: () => number) {
    this.#database = database
    this.now = now
    this.registry = new SqliteRegistry(database, (work) => this.#atomically(work), now)
  }

  async migrate(): Promise<void> {
    this.#atomically(() => {
      this.#database.exec(
        'CREATE TABLE IF NOT EXISTS schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT',
      )
      const applied = this.#database.prepare('SELECT version FROM schema_migration WHERE version = ?')
      const note = this.#database.prepare(
        'INSERT INTO schema_migration (version, name, applied_at) VALUES (?, ?, ?)',
      )
      for (const migration of SQLITE_MIGRATIONS) {
        if (applied.get(migration.version) !== undefined) continue
        for (const statement of migration.statements) this.#database.exec(statement)
        note.run(migration.version, migration.name, new Date().toISOString())
      }
    })
  }

  async home(fleet: FleetId, root: Root): Promise<Home | null> {
    return homeOf(this.#readHome(fleet, root))
  }

  recentHome(fleet: FleetId, root: Root): Promise<Home | null> {
    return this.home(fleet, root)
  }

  async claimHome(fleet: FleetId, root: Root, region: RegionId, expectedEpoch: number): Promise<ClaimResult> {
    assertRoot(root)
    assertEpoch(expectedEpoch, 0)
    return this.#compareAndSet(fleet, root, (row) => decideClaim(row, region, expectedEpoch))
  }

  async restoreHome(
    fleet: FleetId,
    root: Root,
    known: HomeAnswer,
    regions: readonly RegionId[],
  ): Promise<Home | null> {
    assertRoot(root)
    assertEpoch(known.epoch, 1)
    return this.#compareAndSet(fleet, root, (row) => decideRestore(row, known, regions))
  }

  async confirmImport(fleet: FleetId, root: Root, epoch: number, from: RegionId): Promise<boolean> {
    assertEpoch(epoch, 1)
    return this.#compareAndSet(fleet, root, (row) => decideConfirm(row, epoch, from))
  }

  async releaseHome(fleet: FleetId, root: Root, epoch: number): Promise<boolean> {
    assertEpoch(epoch, 1)
    return this.#compareAndSet(fleet, root, (row) => decideRelease(row, epoch))
  }

  /** What comes in one moment is one transaction: each waits for the disk. */
  async putState(change: RootChange): Promise<boolean> {
    assertRoot(change.root)
    syncTimestamp(change.epoch, change.version)
    this.#putting ??= { changes: [], done: nextTurn().then(() => this.#putAll()) }
    const { changes, done } = this.#putting
    const at = changes.push({ change, now: this.now() }) - 1
    return (await done)[at] === true
  }

  #putAll(): boolean[] {
    const changes = this.#putting?.changes ?? []
    this.#putting = null
    this.#states ??= new SqliteStates(this.#database)
    const states = this.#states
    return this.#atomically(() => changes.map(({ change, now }) => states.put(change, now)))
  }

  async takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState> {
    this.#states ??= new SqliteStates(this.#database)
    const states = this.#states
    return this.#atomically(() => states.take(fleet, root, epoch, this.now()))
  }

  async shadow(fleet: FleetId, root: Root, path: string): Promise<string | null> {
    this.#states ??= new SqliteStates(this.#database)
    return this.#states.shadow(fleet, root, path)
  }

  async putHistory(change: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>): Promise<void> {
    assertRoot(change.root)
    this.#history ??= new SqliteHistory(this.#database)
    const history = this.#history
    this.#atomically(() => history.put(change, this.now()))
  }

  async history(range: HistoryRange): Promise<HistoryPage> {
    this.#history ??= new SqliteHistory(this.#database)
    return this.#history.page(range, this.now())
  }

  async ping(): Promise<void> {
    this.#database.prepare('SELECT version FROM schema_migration LIMIT 1').get()
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #compareAndSet<T>(fleet: FleetId, root: Root, decide: (row: HomeRow | null) => Decision<T>): T {
    return this.#atomically(() => {
      const { result, write } = decide(this.#readHome(fleet, root))
      if (write !== null)
        this.#prepared().writeHome.run(
          fleet,
          root,
          write.epoch,
          write.region,
          importFromText(write.importFrom),
        )
      return result
    })
  }

  /** IMMEDIATE takes the write lock before the read, so that no other process writes in between. */
  #atomically<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #readHome(fleet: FleetId, root: Root): HomeRow | null {
    const row = this.#prepared().readHome.get(fleet, root)
    if (row === undefined) return null
    return { epoch: Number(row.epoch), region: region(row.region), importFrom: importFromOf(row.import_from) }
  }

  #prepared(): Statements {
    this.#statements ??= prepareStatements(this.#database)
    return this.#statements
  }
}

function prepareStatements(database: DatabaseSync): Statements {
  return {
    readHome: database.prepare('SELECT epoch, region, import_from FROM home WHERE fleet = ? AND root = ?'),
    writeHome: database.prepare(
      'INSERT OR REPLACE INTO home (fleet, root, epoch, region, import_from) VALUES (?, ?, ?, ?, ?)',
    ),
  }
}

function region(value: SQLOutputValue | undefined): RegionId | null {
  return typeof value === 'string' ? (value as RegionId) : null
}
