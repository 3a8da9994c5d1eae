// An actor's database: the host's SQLite under the actor's schema. The first statement of a wake reads the version and which
// tables have rows. Nothing is asked of a table without rows, and an actor that stores nothing touches no table.
import type { HostStorage, SqlRow, SqlValue, Storage } from '../platform.ts'
import { ANY_TABLE, NO_TABLE, NO_VERSION, READ_VERSION, type Schema, upgradeFrom } from './schema.ts'
import { statementOf } from './statement.ts'

/**
 * `blank`: the actor has no table; its first INSERT makes all. `current`: with the tables that had no row when they were last
 * read or made, and into which nothing was inserted since.
 */
type State =
  | { readonly is: 'unread' }
  | { readonly is: 'blank' }
  | { readonly is: 'current'; readonly rowless: Set<string> }
  | { readonly is: 'newer'; readonly error: NewerDatabase }

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
    const { inserts, table } = statementOf(query)
    const state = this.opened()
    if (!inserts) {
      if (state.is === 'blank' || state.rowless.has(table)) return []
      return this.host.exec(query, ...bindings)
    }
    const { rowless } = state.is === 'blank' ? this.upgrade(0) : state
    rowless.delete(table)
    return this.host.exec(query, ...bindings)
  }

  transaction<T>(write: () => T): T {
    const before = this.state
    try {
      return this.host.transaction(write)
    } catch (cause) {
      // Tables that were made in the transaction are gone again.
      this.state = before
      throw cause
    }
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
    const { version, ...filled } = opened
    if (version > known) {
      const error = new NewerDatabase(version, known)
      this.report('the database is refused', error)
      return { is: 'newer', error }
    }
    if (version < known) return this.upgrade(version)
    return { is: 'current', rowless: new Set(this.schema.tables.filter((table) => filled[table] === 0)) }
  }

  /** The version, 0 for a database of a release without versions, and 0 for each table without rows; null without any table. */
  private open(): ({ readonly version: number } & SqlRow) | null {
    try {
      return versionOf(this.host.exec(this.schema.opening))
    } catch (cause) {
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

  private upgrade(from: number): Extract<State, { is: 'current' }> {
    const rowless = this.state.is === 'blank' ? this.schema.rowless : []
    this.host.transaction(() => this.host.run(upgradeFrom(from, this.schema)))
    const state: State = { is: 'current', rowless: new Set(rowless) }
    this.state = state
    return state
  }
}

function versionOf([row]: SqlRow[]): { readonly version: number } & SqlRow {
  return { ...row, version: Number(row?.version ?? 0) }
}
