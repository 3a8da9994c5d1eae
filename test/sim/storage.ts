// An actor's SQLite in memory. Databases are used again and again, with their statements: making one costs more than a run.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { HostStorage, SqlRow, SqlValue } from '../../actors/platform.ts'
import { limitedDatabase } from '../actors/limited-database.ts'

interface Statement {
  readonly prepared: StatementSync
  /** Gives rows. */
  readonly reads: boolean
}

interface Pooled {
  readonly database: DatabaseSync
  readonly statements: Map<string, Statement>
  /** Name to statement. */
  readonly tables: Map<string, string>
}

const pool: Pooled[] = []
/** In the place of `sqlite_master`: the tables that this actor has made. The database may have more, from actors before it. */
const MADE = '_cf_made'
const CREATE_TABLE = /^CREATE TABLE IF NOT EXISTS (\w+)/

export class SimStorage implements HostStorage {
  private readonly pooled: Pooled
  private depth = 0
  /** The savepoint of a life that is over. */
  private ghost: string | null = null
  private rollBackAll = false

  constructor() {
    const pooled = pool.pop()
    this.pooled = pooled ?? {
      database: limitedDatabase(),
      statements: new Map(),
      tables: new Map(),
    }
    if (pooled === undefined)
      this.pooled.database.exec(`CREATE TABLE ${MADE} (type TEXT NOT NULL, name TEXT PRIMARY KEY)`)
  }

  /** Whether this actor has made the table. */
  has(table: string): boolean {
    return this.exec(`SELECT 1 FROM ${MADE} WHERE name = ?`, table).length > 0
  }

  get empty(): boolean {
    return this.exec(`SELECT 1 FROM ${MADE} LIMIT 1`).length === 0
  }

  run(statements: string): void {
    for (const statement of statements.split(';\n'))
      if (statement.startsWith('CREATE ')) this.create(statement)
      else this.exec(statement)
  }

  exec(query: string, ...bindings: SqlValue[]): SqlRow[] {
    if (query.startsWith('CREATE ')) {
      this.create(query)
      return []
    }
    const { prepared, reads } = this.statement(query)
    if (!reads) {
      prepared.run(...bindings)
      return []
    }
    const rows = prepared.all(...bindings)
    for (const row of rows) {
      for (const name in row) {
        const value = row[name]
        // workerd gives an ArrayBuffer.
        if (value instanceof Uint8Array) (row as Record<string, unknown>)[name] = value.slice().buffer
      }
    }
    return rows as unknown as SqlRow[]
  }

  transaction<T>(write: () => T): T {
    const savepoint = `depth${this.depth}`
    this.depth++
    const { database } = this.pooled
    database.exec(`SAVEPOINT ${savepoint}`)
    try {
      const written = write()
      // A life that ended inside takes the whole of it back; until the event is over it goes on as a ghost.
      if (this.depth === 1 && this.rollBackAll) {
        this.ghost = savepoint
        this.rollBackAll = false
      } else database.exec(`RELEASE ${savepoint}`)
      return written
    } catch (cause) {
      this.rollBack(savepoint)
      throw cause
    } finally {
      this.depth--
    }
  }

  /** From here on nothing is kept: the process has died, although its code does not know yet. */
  haunt(): void {
    if (this.depth > 0) {
      this.rollBackAll = true
      return
    }
    this.pooled.database.exec('SAVEPOINT ghost')
    this.ghost = 'ghost'
  }

  /** The event is over. */
  exorcise(): void {
    this.rollBackAll = false
    if (this.ghost === null) return
    this.rollBack(this.ghost)
    this.ghost = null
  }

  /** Gives the database to whoever comes next. */
  close(): void {
    const { database, tables } = this.pooled
    // A run that failed may have left it in the middle of something.
    if (database.isTransaction) return
    for (const { name } of this.exec(`SELECT name FROM ${MADE}`)) database.exec(`DELETE FROM ${String(name)}`)
    database.exec(`DELETE FROM ${MADE}`)
    if (['orphan', 'backlog', 'outbox'].some((table) => tables.has(table)))
      database.exec('DELETE FROM sqlite_sequence')
    pool.push(this.pooled)
  }

  private rollBack(savepoint: string): void {
    const { database, tables } = this.pooled
    database.exec(`ROLLBACK TO ${savepoint}`)
    database.exec(`RELEASE ${savepoint}`)
    // Tables that were made for later actors too.
    for (const query of tables.values()) database.exec(query)
  }

  private create(query: string): void {
    const { database, tables } = this.pooled
    const table = CREATE_TABLE.exec(query)?.[1]
    const name = table ?? query
    if (!tables.has(name)) {
      database.exec(query)
      tables.set(name, query)
    }
    if (table !== undefined)
      this.exec(`INSERT OR IGNORE INTO ${MADE} (type, name) VALUES ('table', ?)`, table)
  }

  private statement(query: string): Statement {
    const { database, statements } = this.pooled
    let statement = statements.get(query)
    if (statement === undefined) {
      const reads = query.startsWith('SELECT') || query.includes(' RETURNING ')
      statement = { prepared: database.prepare(query.replaceAll('sqlite_master', MADE)), reads }
      // One with a list of positions in it does not come again.
      if (!query.includes(' IN (')) statements.set(query, statement)
    }
    return statement
  }
}
