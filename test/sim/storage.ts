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
const CREATE_TABLE = /^CREATE TABLE IF NOT EXISTS (\w+)/

export class SimStorage implements HostStorage {
  private readonly pooled: Pooled
  /** The tables that this actor has made; the database may have more, from actors before it. */
  private readonly made = new Set<string>()
  private depth = 0
  private ghost: { readonly savepoint: string; readonly made: number } | null = null
  private madeBefore = 0
  private rollBackAll = false

  constructor() {
    this.pooled = pool.pop() ?? {
      database: limitedDatabase(),
      statements: new Map(),
      tables: new Map(),
    }
  }

  /** Whether this actor has made the table. */
  has(table: string): boolean {
    return this.made.has(table)
  }

  /** Of what this actor has made; an actor before it may have made tables in the database. */
  get empty(): boolean {
    return this.made.size === 0
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
    if (this.depth === 0) this.madeBefore = this.made.size
    this.depth++
    const { database } = this.pooled
    database.exec(`SAVEPOINT ${savepoint}`)
    try {
      const written = write()
      // A life that ended inside takes the whole of it back; until the event is over it goes on as a ghost.
      if (this.depth === 1 && this.rollBackAll) {
        this.ghost = { savepoint, made: this.madeBefore }
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
    this.ghost = { savepoint: 'ghost', made: this.made.size }
  }

  /** The event is over. */
  exorcise(): void {
    this.rollBackAll = false
    if (this.ghost === null) return
    const { savepoint, made } = this.ghost
    this.rollBack(savepoint)
    for (const table of [...this.made].slice(made)) this.made.delete(table)
    this.ghost = null
  }

  /** Gives the database to whoever comes next. */
  close(): void {
    const { database, tables } = this.pooled
    // A run that failed may have left it in the middle of something.
    if (database.isTransaction) return
    for (const table of this.made) database.exec(`DELETE FROM ${table}`)
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
    if (table !== undefined) this.made.add(table)
  }

  private statement(query: string): Statement {
    const { database, statements } = this.pooled
    let statement = statements.get(query)
    if (statement === undefined) {
      const reads = query.startsWith('SELECT') || query.includes(' RETURNING ')
      statement = { prepared: database.prepare(query), reads }
      // One with a list of positions in it does not come again.
      if (!query.includes(' IN (')) statements.set(query, statement)
    }
    return statement
  }
}
