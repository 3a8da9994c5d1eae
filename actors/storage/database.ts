// An actor's database: the host's SQLite under the actor's schema. The first statement of a wake reads the version and which
// tables there are, the second the rows of small ones and which others have rows. Nothing is asked of a table without rows, a
// table is made with its first row, and an actor that stores nothing touches no table.
import type { HostStorage, SqlRow, SqlValue, Storage } from '../platform.ts'
import {
  begunAt,
  madeWith,
  making,
  NO_VERSION,
  nameOf,
  openingOf,
  READ_TABLES,
  READ_VERSION,
  type Schema,
  TOO_BIG,
  upgradeFrom,
  WAKE_ROWS_MAX,
  type WakeTable,
} from './schema.ts'
import { statementOf } from './statement.ts'

/** `blank`: the actor has no table. */
type State =
  | { readonly is: 'unread' }
  | { readonly is: 'blank' }
  | Current
  | { readonly is: 'newer'; readonly error: NewerDatabase }

interface Current {
  readonly is: 'current'
  readonly made: Set<string>
  /** Tables without a row: they were not made, or nothing was inserted since they were read or made. */
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
    const { inserts, writes, table, reads } = statementOf(query)
    const state = this.opened()
    if (!inserts && (state.is === 'blank' || state.rowless.has(table))) return []
    const { made, rowless, rows } = state.is === 'blank' ? this.begin(table) : state
    for (const one of inserts ? [table, ...reads] : reads) if (!made.has(one)) this.make(one)
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

  /** @param table gets the first row of all */
  private begin(table: string): Current {
    const state: Current = {
      is: 'current',
      made: new Set(),
      rowless: new Set(this.schema.tables),
      rows: new Map(),
    }
    this.state = state
    this.make(table, begunAt(this.schema))
    // Called again should the transaction around this fail: then the database is blank once more.
    this.first()
    return state
  }

  private make(table: string, before: readonly string[] = []): void {
    if (this.state.is !== 'current') throw new Error('tables are made in a database that was opened')
    const { made } = this.state
    const missing = madeWith(table, this.schema).filter((one) => !made.has(one))
    this.run([...before, ...making(missing, this.schema)])
    for (const one of missing) made.add(one)
  }

  private run(statements: readonly string[]): void {
    this.host.transaction(() => this.host.run(statements.join(';\n')))
  }

  private opened(): Extract<State, { is: 'blank' | 'current' }> {
    if (this.state.is === 'unread') this.state = this.host.empty ? { is: 'blank' } : this.read()
    if (this.state.is === 'newer') throw this.state.error
    if (this.state.is === 'unread') throw new Error('a database that was read has a state')
    return this.state
  }

  private read(): State {
    const found = this.find()
    if (found === null) return { is: 'blank' }
    const known = this.schema.steps.length
    const { version } = found
    if (version > known) {
      const error = new NewerDatabase(version, known)
      this.report('the database is refused', error)
      return { is: 'newer', error }
    }
    return this.current(version < known ? this.upgrade(version, found.tables) : found.tables)
  }

  /** The version, 0 for a database of a release without versions, and the tables; null without any. */
  private find(): { readonly version: number; readonly tables: ReadonlySet<string> } | null {
    try {
      const [row] = this.host.exec(READ_VERSION)
      return { version: Number(row?.version ?? 0), tables: tablesOf(row) }
    } catch (cause) {
      if (!String(cause).includes(NO_VERSION)) throw cause
      const tables = tablesOf(this.host.exec(READ_TABLES)[0])
      return tables.size > 0 ? { version: 0, tables } : null
    }
  }

  private upgrade(from: number, before: ReadonlySet<string>): ReadonlySet<string> {
    const { statements, tables } = upgradeFrom(from, before, this.schema)
    this.run(statements)
    return tables
  }

  private current(tables: ReadonlySet<string>): Current {
    const opened = this.open(tables)
    const rows = new Map<string, readonly SqlRow[]>()
    const unmade = this.schema.tables.filter((table) => !tables.has(table))
    if (opened === null) return { is: 'current', made: new Set(tables), rowless: new Set(unmade), rows }
    const rowless = new Set(this.schema.tables.filter((table) => !opened[table]))
    for (const { table, columns } of this.schema.wakes) {
      if (rowless.has(table)) continue
      const read = (JSON.parse(String(opened[table])) as SqlRow[string][][]).map(
        (values): SqlRow =>
          Object.fromEntries(columns.map((column, i) => [nameOf(column), values[i] ?? null])),
      )
      if (read.length === 0) rowless.add(table)
      else if (read.length <= WAKE_ROWS_MAX) rows.set(table, read)
    }
    return { is: 'current', made: new Set(tables), rowless, rows }
  }

  /** Null where names of 64 KiB make more than one value may have. Then each table is read by its own statement. */
  private open(tables: ReadonlySet<string>): SqlRow | null {
    const opening = openingOf(this.schema, tables)
    if (opening === null) return {}
    try {
      return this.host.exec(opening)[0] ?? {}
    } catch (cause) {
      if (!String(cause).includes(TOO_BIG)) throw cause
      return null
    }
  }
}

function tablesOf(row: SqlRow | undefined): ReadonlySet<string> {
  return new Set(JSON.parse(String(row?.tables ?? '[]')) as string[])
}
