// The schema of an actor class: the steps that make and change its tables. The number of steps is the schema's version.

/**
 * The statements of one step, without bindings. A step that has been released never changes: a new one is added behind it.
 * Step 1 makes what releases without a version made one table at a time, so each of its tables may be there already.
 */
export type Step = readonly string[]

/**
 * A table of few rows, all of which a wake reads with the version. Columns are names or expressions, as in
 * `length(record) AS bytes`, of numbers and texts: JSON carries no blob.
 */
export interface WakeTable {
  readonly table: string
  readonly columns: readonly string[]
}

/** A table with more rows than this is read by a statement of its own. A row has at most two names of 64 KiB. */
export const WAKE_ROWS_MAX = 8

export interface Schema {
  readonly steps: readonly Step[]
  /** The names of the tables that there are after the last step. */
  readonly tables: readonly string[]
  /** Those of them into which no step inserts a row. */
  readonly rowless: readonly string[]
  readonly wakes: readonly WakeTable[]
  /**
   * Reads the version, the rows of the wake's tables as JSON, and whether any other table has a row, in one row. Fails where a
   * table is missing: the version, or a table of a step that was not applied.
   */
  readonly opening: string
}

/** Holds the version. Its one row is written in the transaction that applies the steps. */
const VERSION_TABLE =
  'CREATE TABLE IF NOT EXISTS schema_version (one INTEGER PRIMARY KEY, version INTEGER NOT NULL)'

export const READ_VERSION = 'SELECT version FROM schema_version'

/** How SQLite refuses a statement that names a table which is not there. */
export const NO_TABLE = 'no such table: '

/** How SQLite refuses a value past the platform's bound. */
export const TOO_BIG = 'string or blob too big'

export const NO_VERSION = `${NO_TABLE}schema_version`

/** One row if the actor has tables. A host has its own beside them, whose names begin with `_cf_`; SQLite's begin with `sqlite_`. */
export const ANY_TABLE =
  "SELECT 1 FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 4) <> '_cf_' AND substr(name, 1, 7) <> 'sqlite_' LIMIT 1"

export function schemaOf(wakes: readonly WakeTable[], ...steps: readonly Step[]): Schema {
  const tables = new Set<string>()
  const inserted = new Set<string>()
  for (const statement of steps.flat()) {
    const made = /^CREATE TABLE (?:IF NOT EXISTS )?(\w+)/.exec(statement)?.[1]
    if (made !== undefined) tables.add(made)
    const dropped = /^DROP TABLE (?:IF EXISTS )?(\w+)/.exec(statement)?.[1]
    if (dropped !== undefined) tables.delete(dropped)
    const into = /^INSERT (?:OR \w+ )?INTO (\w+)/.exec(statement)?.[1]
    if (into !== undefined) inserted.add(into)
  }
  const filled = [...tables].map((table) => {
    const columns = wakes.find((one) => one.table === table)?.columns
    if (columns === undefined) return `EXISTS (SELECT 1 FROM ${table}) AS ${table}`
    const rows = `SELECT ${columns.join(', ')} FROM ${table} LIMIT ${WAKE_ROWS_MAX + 1}`
    return `(SELECT json_group_array(json_array(${columns.map(nameOf).join(', ')})) FROM (${rows})) AS ${table}`
  })
  return {
    steps,
    wakes,
    tables: [...tables],
    rowless: [...tables].filter((table) => !inserted.has(table)),
    opening: `SELECT ${['version', ...filled].join(', ')} FROM schema_version`,
  }
}

/** The name of a column of a wake's table. */
export function nameOf(column: string): string {
  return column.split(' AS ').at(-1) ?? column
}

/** The statements that bring a database from a version to the schema's own, separated by semicolons. */
export function upgradeFrom(version: number, { steps }: Schema): string {
  return [
    ...steps.slice(version).flat(),
    ...(version === 0 ? [VERSION_TABLE] : []),
    `INSERT OR REPLACE INTO schema_version (one, version) VALUES (1, ${steps.length})`,
  ].join(';\n')
}
