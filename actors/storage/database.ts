// An actor's database: the host's SQLite under the actor's schema. The first statement of a wake reads the version, the rows of
// small tables, and which others have rows. Nothing is asked of a table without rows, and an actor that stores nothing touches
// no table.
import type { HostStorage, SqlRow, SqlValue, Storage } from '../platform.ts'
import {
  ANY_TABLE,
  NO_TABLE,
  NO_VERSION,
  nameOf,
  READ_VERSION,
  type Schema,
  TOO_BIG,
  upgradeFrom,
  WAKE_ROWS_MAX,
  type WakeTable,
} from './schema.ts'
import { statementOf } from './statement.ts'

/** `blank`: the actor has no table; its first INSERT makes all. */
type State =
  | { readonly is: 'unread' }
  | { readonly is: 'blank' }
  | Current
  | { readonly is: 'newer'; readonly error: NewerDatabase }

interface Current {
  readonly is: 'current'
  /** Tables that have no row for sure: nothing was inserted since they were read or made. */
  readonly rowless: Set<string>
  /** All rows of small tables that were not changed since they were read. */
  readonly rows: Map<string, readonly SqlRow[]>
}

/** A newer release wrote this database. This release cannot read it and does not write to it. */
export class NewerDatabase extends Error {
  constructor(found: number, known: number) {
    super(`the database has version ${found}, and this release knows versions up to ${known}`)
    this.name = 'NewerDatabase'
  }
}

export class Database implements Storage {
  private readonly host: HostStorage
  private readonly schema: Schema
  private readonly report: (what: string, cause: unknown) => void
  private state: State = { is: 'unread' }
  private first: () => void = () => undefined

  /** @param report is called once if the database is newer; it names the actor */
  constructor(host: HostStorage, schema: Schema, report: (what: string, cause: unknown) => void) {
    this.host = host
    this.schema = schema
    this.report = report
  }

  /**
   * Runs one statement, which begins with SELECT, INSERT, UPDATE or DELETE. A statement that finds no row to work on is not
   * run, and gives no row: an aggregate neither.
   * Throws `NewerDatabase` and runs nothing if a newer release wrote the database.
   */
  exec(query: string, ...bindings: SqlValue[]): SqlRow[] {
    const { inserts, writes, table } = statementOf(query)
    const state = this.opened()
    if (!inserts && (state.is === 'blank' || state.rowless.has(table))) return []
    const { rowless, rows } = state.is === 'blank' ? this.begin() : state
    if (inserts) rowless.delete(table)
    if (writes) rows.delete(table)
    return this.host.exec(query, ...bindings)
  }

  get blank(): boolean {
    return this.opened().is === 'blank'
  }

  beforeFirstRow(write: () => void): void {
    this.first = write
  }

  rows(wake: WakeTable): readonly SqlRow[] {
    const known = this.known(wake)
    if (known !== null) return known
    const read = this.host.exec(`SELECT ${wake.columns.join(', ')} FROM ${wake.table}`)
    this.remember(wake, read)
    return read
  }

  known({ table }: WakeTable): readonly SqlRow[] | null {
    const state = this.opened()
    if (state.is === 'blank' || state.rowless.has(table)) return []
    return state.rows.get(table) ?? null
  }

  remember({ table }: WakeTable, rows: readonly SqlRow[]): void {
    if (this.state.is !== 'current') return
    if (rows.length === 0) this.state.rowless.add(table)
    else if (rows.length <= WAKE_ROWS_MAX) this.state.rows.set(table, rows)
  }

  transaction<T>(write: () => T): T {
    try {
      return this.host.transaction(write)
    } catch (cause) {
      // What the transaction wrote is gone again, tables that it made too.
      if (this.state.is !== 'newer') this.state = { is: 'unread' }
      throw cause
    }
  }

  private begin(): Current {
    const state = this.upgrade(0)
    // Called again should the transaction around this fail: then the database is blank once more.
    this.first()
    return state
  }

  private opened(): Extract<State, { is: 'blank' | 'current' }> {
    if (this.state.is === 'unread') this.state = this.host.empty ? { is: 'blank' } : this.read()
    if (this.state.is === 'newer') throw this.state.error
    if (this.state.is === 'unread') throw new Error('a database that was read has a state')
    return this.state
  }

  private read(): State {
    const opened = this.open()
    if (opened === null) return { is: 'blank' }
    const known = this.schema.steps.length
    const { version } = opened
    if (version > known) {
      const error = new NewerDatabase(version, known)
      this.report('the database is refused', error)
      return { is: 'newer', error }
    }
    return version < known ? this.upgrade(version) : this.current(opened)
  }

  private current(opened: SqlRow): Current {
    const rows = new Map<string, readonly SqlRow[]>()
    for (const { table, columns } of this.schema.wakes) {
      const listed = opened[table]
      if (listed === undefined) continue
      const read = (JSON.parse(String(listed)) as SqlRow[string][][]).map(
        (values): SqlRow =>
          Object.fromEntries(columns.map((column, i) => [nameOf(column), values[i] ?? null])),
      )
      if (read.length <= WAKE_ROWS_MAX) rows.set(table, read)
    }
    const rowless = this.schema.tables.filter((table) => opened[table] === 0 || rows.get(table)?.length === 0)
    return { is: 'current', rowless: new Set(rowless), rows }
  }

  /** The version, 0 for a database of a release without versions, and what else the opening gives; null without any table. */
  private open(): ({ readonly version: number } & SqlRow) | null {
    try {
      return versionOf(this.host.exec(this.schema.opening))
    } catch (cause) {
      // Names of 64 KiB can make more than one value may have. Then each table is read by its own statement.
      if (String(cause).includes(TOO_BIG)) return versionOf(this.host.exec(READ_VERSION))
      if (!String(cause).includes(NO_TABLE)) throw cause
      // The cause names one missing table, which need not be the version's.
      try {
        return versionOf(this.host.exec(READ_VERSION))
      } catch (cause) {
        if (!String(cause).includes(NO_VERSION)) throw cause
        return this.host.exec(ANY_TABLE).length > 0 ? { version: 0 } : null
      }
    }
  }

  private upgrade(from: number): Current {
    const rowless = this.state.is === 'blank' ? this.schema.rowless : []
    this.host.transaction(() => this.host.run(upgradeFrom(from, this.schema)))
    const state: Current = { is: 'current', rowless: new Set(rowless), rows: new Map() }
    this.state = state
    return state
  }
}

function versionOf([row]: SqlRow[]): { readonly version: number } & SqlRow {
  return { ...row, version: Number(row?.version ?? 0) }
}
