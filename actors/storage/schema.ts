// The schema of an actor class: the steps that make and change its tables. The number of steps is the schema's version.
// A table is made when its first row is about to be stored: a database with a few tables is small, and cheap to make.

/**
 * The statements of one step, without bindings, each about the table that it names first. A step that has been released never
 * changes: a new one is added behind it. Step 1 makes what releases without a version made one table at a time, so each of its
 * tables may be there already.
 */
export type Step = readonly string[]

/**
 * A table of few rows, all of which a wake reads. Columns are names or expressions, as in
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
  /** The names of the tables that there can be after the last step. */
  readonly tables: readonly string[]
  readonly wakes: readonly WakeTable[]
  /** Tables that are made together, as one of them gets its first row soon after another. The first group comes with the version. */
  readonly groups: readonly (readonly string[])[]
}

/** Holds the version. Its one row is written before any other table is made. */
const VERSION_TABLE =
  'CREATE TABLE IF NOT EXISTS schema_version (one INTEGER PRIMARY KEY, version INTEGER NOT NULL)'

/** The names of the actor's tables, as JSON. A host has its own beside them, which begin with `_cf_`; SQLite's begin with `sqlite_`. */
const TABLES =
  "SELECT json_group_array(name) AS tables FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 4) <> '_cf_' AND substr(name, 1, 7) <> 'sqlite_'"

/** The first statement of a life. Fails where no version was ever written. */
export const READ_VERSION = `SELECT version, (${TABLES}) AS tables FROM schema_version`

/** The tables of a database without a version. */
export const READ_TABLES = TABLES

/** How SQLite refuses a value past the platform's bound. */
export const TOO_BIG = 'string or blob too big'

/** How SQLite refuses a statement about a database without a version. */
export const NO_VERSION = 'no such table: schema_version'

/** @param groups of tables that are made together; a table of none is made alone */
export function schemaOf(
  wakes: readonly WakeTable[],
  steps: readonly Step[],
  groups: readonly (readonly string[])[] = [],
): Schema {
  const tables = new Set<string>()
  for (const { does, table } of steps.flat().map(changeOf)) {
    if (does === 'create') tables.add(table)
    if (does === 'drop') tables.delete(table)
  }
  for (const table of [...wakes.map((wake) => wake.table), ...groups.flat()])
    if (!tables.has(table)) throw new Error(`a schema makes no table ${table}`)
  return { steps, tables: [...tables], wakes, groups }
}

/**
 * Reads, in one row, the rows of the wake's tables as JSON, and whether each other table has a row. Names only tables that there
 * are; null without any.
 */
export function openingOf({ tables, wakes }: Schema, made: ReadonlySet<string>): string | null {
  const filled = tables
    .filter((table) => made.has(table))
    .map((table) => {
      const columns = wakes.find((one) => one.table === table)?.columns
      if (columns === undefined) return `EXISTS (SELECT 1 FROM ${table}) AS ${table}`
      const rows = `SELECT ${columns.join(', ')} FROM ${table} LIMIT ${WAKE_ROWS_MAX + 1}`
      return `(SELECT json_group_array(json_array(${columns.map(nameOf).join(', ')})) FROM (${rows})) AS ${table}`
    })
  return filled.length === 0 ? null : `SELECT ${filled.join(', ')}`
}

/** The name of a column of a wake's table. */
export function nameOf(column: string): string {
  return column.split(' AS ').at(-1) ?? column
}

/** The tables that come with a table's first row: those of its group, and of the first group. */
export function madeWith(table: string, { groups }: Schema): readonly string[] {
  return [...(groups[0] ?? []), ...(groups.find((one) => one.includes(table)) ?? [table])]
}

/** The statements that make tables as the newest step has them. */
export function making(tables: readonly string[], { steps }: Schema): readonly string[] {
  return steps.flat().filter((statement) => {
    const { does, table } = changeOf(statement)
    return tables.includes(table) && (does === 'create' || does === 'change')
  })
}

export const begunAt = ({ steps }: Schema): readonly string[] => [VERSION_TABLE, versionRow(steps.length)]

/**
 * The statements that bring a database from a version to the schema's own, and the tables that it has then. A table that is not
 * there is not made, unless rows move into it.
 */
export function upgradeFrom(
  version: number,
  before: ReadonlySet<string>,
  { steps }: Schema,
): { readonly statements: readonly string[]; readonly tables: ReadonlySet<string> } {
  const statements: string[] = []
  const tables = new Set(before)
  const done = steps.slice(0, version).flat()
  for (const statement of steps.slice(version).flat()) {
    const { does, table, reads } = changeOf(statement)
    if (does === 'rows' && reads.every((one) => tables.has(one))) {
      if (!tables.has(table)) statements.push(...making([table], { ...NO_SCHEMA, steps: [done] }))
      tables.add(table)
    }
    if (tables.has(table)) statements.push(statement)
    if (does === 'drop') tables.delete(table)
    done.push(statement)
  }
  if (version === 0) statements.push(VERSION_TABLE)
  return { statements: [...statements, versionRow(steps.length)], tables }
}

const NO_SCHEMA = { tables: [], wakes: [], groups: [] }

const versionRow = (version: number) =>
  `INSERT OR REPLACE INTO schema_version (one, version) VALUES (1, ${version})`

/** What a statement of a step does to which table. `rows`: it moves rows, from the tables that it reads. */
interface Change {
  readonly does: 'create' | 'change' | 'drop' | 'rows'
  readonly table: string
  readonly reads: readonly string[]
}

const FORMS: readonly (readonly [Change['does'], RegExp])[] = [
  ['create', /^CREATE TABLE (?:IF NOT EXISTS )?(\w+)/],
  ['change', /^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+)/],
  ['change', /^ALTER TABLE (\w+) (?!RENAME TO)/],
  ['drop', /^DROP TABLE (?:IF EXISTS )?(\w+)/],
  ['rows', /^INSERT (?:OR \w+ )?INTO (\w+)[^;]*\bSELECT\b/],
]

function changeOf(statement: string): Change {
  for (const [does, form] of FORMS) {
    const table = form.exec(statement)?.[1]
    if (table === undefined) continue
    const reads =
      does === 'rows' ? [...statement.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, name = '']) => name) : []
    return { does, table, reads }
  }
  throw new Error(`a step's statement of an unknown form: ${statement}`)
}
