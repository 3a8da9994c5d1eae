// An actor's SQLite in memory, which outlives the actor's own memory.
import type { StatementSync } from 'node:sqlite'
import type { HostStorage, SqlRow, SqlValue } from '../../actors/platform.ts'
import { limitedDatabase } from './limited-database.ts'

const STATEMENTS_MAX = 200

export class FakeStorage implements HostStorage {
  /** How many statements were run. */
  execs = 0
  private readonly database = limitedDatabase()
  private readonly statements = new Map<string, StatementSync>()
  private depth = 0

  exec(query: string, ...bindings: SqlValue[]): SqlRow[] {
    this.execs++
    return this.statement(query)
      .all(...bindings)
      .map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asInWorkerd(value)])),
      )
  }

  get empty(): boolean {
    return this.database.prepare('SELECT 1 FROM sqlite_master LIMIT 1').get() === undefined
  }

  /** All that a write could change. */
  bytes(): unknown {
    const tables = this.database.prepare('SELECT name, sql FROM sqlite_master ORDER BY name').all()
    return tables.map(({ name, sql }) => [
      name,
      sql,
      sql === null || String(sql).startsWith('CREATE INDEX')
        ? []
        : this.database.prepare(`SELECT * FROM ${String(name)}`).all(),
    ])
  }

  run(statements: string): void {
    this.execs++
    this.database.exec(statements)
  }

  transaction<T>(write: () => T): T {
    const savepoint = `depth${this.depth++}`
    this.database.exec(`SAVEPOINT ${savepoint}`)
    try {
      const written = write()
      this.database.exec(`RELEASE ${savepoint}`)
      return written
    } catch (cause) {
      this.database.exec(`ROLLBACK TO ${savepoint}`)
      this.database.exec(`RELEASE ${savepoint}`)
      throw cause
    } finally {
      this.depth--
    }
  }

  private statement(query: string): StatementSync {
    let statement = this.statements.get(query)
    if (statement === undefined) {
      if (this.statements.size >= STATEMENTS_MAX) this.statements.clear()
      statement = this.database.prepare(query)
      this.statements.set(query, statement)
    }
    return statement
  }
}

function asInWorkerd(value: unknown): SqlRow[string] {
  if (value instanceof Uint8Array) return value.slice().buffer
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  throw new Error(`SQLite gave a ${typeof value}`)
}
