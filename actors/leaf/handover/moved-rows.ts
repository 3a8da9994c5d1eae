// Rows that move with the root's home in pages: each kind is one table of an actor.
import type { HandoverState } from '../../../src/relay/home.ts'
import type { SqlRow, Storage } from '../../platform.ts'

/** A position, a topic, a filter, a path, an id. All keys of a kind are numbers, or all are texts. */
export type RowKey = number | string

/** Kinds that are copied while the former home still serves: what changes meanwhile is noted, and follows. */
export type CopiedKind = 'subscription' | 'queue' | 'retained'
/** The others are few. They follow when the former home has ended. */
export type MovedKind = CopiedKind | 'shadow' | 'command' | 'seen'

export interface RowSize {
  readonly key: RowKey
  readonly bytes: number
}

export interface MovedTable {
  readonly kind: MovedKind
  readonly table: string
  readonly key: string
  /** The columns that are read, by which `bytes` counts. */
  readonly columns: readonly string[]
  /** The lowest key is above this. */
  readonly first: 0 | ''
  /** Rows above this key stay; absent: none. */
  upTo?(): number
  /** No row moves. */
  none?(): boolean
  add(state: HandoverState, rows: readonly SqlRow[]): void
}

export class MovedRows {
  readonly kind: MovedKind
  private readonly storage: Storage
  private readonly of: MovedTable
  private readonly bytesOf: string

  constructor(storage: Storage, of: MovedTable) {
    this.storage = storage
    this.of = of
    this.kind = of.kind
    this.bytesOf = of.columns.map((column) => `coalesce(length(${column}), 0)`).join(' + ')
  }

  /** Of all rows, about. */
  bytes(): number {
    const { table } = this.of
    if (this.of.none?.() === true) return 0
    const [row] = this.storage.exec(`SELECT coalesce(sum(${this.bytesOf}), 0) AS bytes FROM ${table}`)
    return Number(row?.bytes ?? 0)
  }

  /** The first rows after a key, in the order of keys. @param after null: from the first row on */
  sizes(after: RowKey | null, limit: number): readonly RowSize[] {
    return this.read(`${this.bytesOf} AS bytes`, after, null, limit).map(({ key, bytes }) => ({
      key: key as RowKey,
      bytes: Number(bytes),
    }))
  }

  /** 0 if there is no such row. */
  sizeOf(key: RowKey): number {
    const { table, key: name } = this.of
    const [row] = this.storage.exec(`SELECT ${this.bytesOf} AS bytes FROM ${table} WHERE ${name} = ?`, key)
    return Number(row?.bytes ?? 0)
  }

  /** Adds the rows after one key up to another. */
  addRange(state: HandoverState, after: RowKey | null, upTo: RowKey): void {
    this.of.add(state, this.read(this.of.columns.join(', '), after, upTo, -1))
  }

  /** Adds a row. False if there is none. */
  addOne(state: HandoverState, key: RowKey): boolean {
    const { table, key: name, columns } = this.of
    if (this.of.none?.() === true || (this.of.upTo !== undefined && Number(key) > this.of.upTo()))
      return false
    const rows = this.storage.exec(
      `SELECT ${name} AS key, ${columns.join(', ')} FROM ${table} WHERE ${name} = ?`,
      key,
    )
    this.of.add(state, rows)
    return rows.length > 0
  }

  private read(columns: string, after: RowKey | null, upTo: RowKey | null, limit: number): SqlRow[] {
    const { table, key, first } = this.of
    if (this.of.none?.() === true) return []
    const bound = this.of.upTo?.()
    const highest = upTo ?? bound ?? null
    return this.storage.exec(
      `SELECT ${key} AS key, ${columns} FROM ${table} WHERE ${key} > ?1 AND (?2 IS NULL OR ${key} <= ?2) ORDER BY ${key} LIMIT ?3`,
      after ?? first,
      highest,
      limit,
    )
  }
}

export function isCopied(kind: MovedKind): kind is CopiedKind {
  return kind === 'subscription' || kind === 'queue' || kind === 'retained'
}

/** A blob of a row. */
export function blobOf(value: SqlRow[string] | undefined): Uint8Array {
  return new Uint8Array(value as ArrayBuffer)
}
