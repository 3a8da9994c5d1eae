// What a statement of an actor's store does to which table, read from its first words.

export interface Statement {
  /** It may add a row; others only read, change or remove rows that are there. */
  readonly inserts: boolean
  readonly writes: boolean
  /** The table that it is about, the first that it names. */
  readonly table: string
  /** Other tables that it reads. */
  readonly reads: readonly string[]
}

const FORM = /^(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|SELECT .*? FROM)\s+(\w+)/s

/** Of how many statements the form is remembered. Those with a list of ids in them do not come again. */
const REMEMBERED_MAX = 500

const remembered = new Map<string, Statement>()

/** Throws for a statement of another form: each begins with the table that it is about. */
export function statementOf(query: string): Statement {
  let statement = remembered.get(query)
  if (statement === undefined) {
    const table = FORM.exec(query)?.[1]
    if (table === undefined) throw new Error(`a statement of an unknown form: ${query}`)
    const named = [...query.matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)].map(([, name = '']) => name)
    const reads = [...new Set(named)].filter((name) => name !== table)
    statement = { inserts: query.startsWith('INSERT'), writes: !query.startsWith('SELECT'), table, reads }
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(query, statement)
  }
  return statement
}
