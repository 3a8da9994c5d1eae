// Marks of the rows that the core's store lacks. A mark is written in the transaction that changes its row, so it outlives the process.
import type { Platform, SqlRow, SqlValue } from '../../platform.ts'
import { SYNC_ROWS, UNSYNCED_ROWS } from '../schema.ts'

/** `session` and `interests` have one mark each. A `void` mark says that the store must drop all rows of a kind. */
export type MarkKind = 'session' | 'interests' | 'void' | RowKind
/** A subscription has no row in the store: it is part of the session. */
export type RowKind = 'queue' | 'retained' | 'shadow' | 'subscription'

export interface Mark {
  readonly kind: MarkKind
  /** A position, a topic, a shadow's path, a filter, or the kind of rows that is void. */
  readonly key: number | string
  /** Of a `void` mark: the version up to which rows are dropped. Of a deleted row: the epoch in which it was deleted. */
  readonly version: number
  /** When the first change that the store lacks was made. Milliseconds since 1970. */
  readonly since: number
}

const IN_ORDER =
  "CASE kind WHEN 'session' THEN 0 WHEN 'subscription' THEN 0 WHEN 'interests' THEN 1 WHEN 'queue' THEN 2 WHEN 'retained' THEN 3 WHEN 'shadow' THEN 4 ELSE 5 END, key"

const RANKS: Readonly<Record<string, number>> = {
  session: 0,
  subscription: 0,
  interests: 1,
  queue: 2,
  retained: 3,
  shadow: 4,
}

/** As IN_ORDER. */
function inOrder(a: SqlRow, b: SqlRow): number {
  const ranks = (RANKS[String(a.kind)] ?? 5) - (RANKS[String(b.kind)] ?? 5)
  if (ranks !== 0) return ranks
  if (typeof a.key === 'number' && typeof b.key === 'number') return a.key - b.key
  return String(a.key) < String(b.key) ? -1 : 1
}

export class Marks {
  /** Called with each change. */
  changed: () => void = () => undefined
  /** Called with each row that is written or deleted; null: all of the kind. */
  rowChanged: (kind: RowKind, key: number | string | null) => void = () => undefined
  private readonly platform: Pick<Platform, 'storage' | 'now'>
  private version = 0
  /** The round that was sent and has no answer; 0 for none. */
  private underWay = 0
  private some = false
  /** The session changes often: known without a statement. */
  private sessionMarked = false

  constructor(platform: Pick<Platform, 'storage' | 'now'>) {
    this.platform = platform
    const { storage } = platform
    this.version = Number(storage.rows(SYNC_ROWS)[0]?.version ?? 0)
    this.look()
  }

  /** Whether the store lacks anything. */
  get any(): boolean {
    return this.some
  }

  /** @param known whether the store may have an earlier state of it */
  one(kind: 'session' | 'interests', known: boolean): void {
    if (kind === 'session' && this.sessionMarked) return
    this.mark(kind, '', known)
    if (kind === 'session') this.sessionMarked = true
  }

  /** A row was written. @param known whether there was one before, which the store may have */
  put(kind: RowKind, key: number | string, known: boolean): void {
    this.rowChanged(kind, key)
    this.mark(kind, key, known)
  }

  /** A row was deleted. If the store never had it, its mark is deleted too. @param epoch in which it was deleted; 0 if that does not count */
  gone(kind: RowKind, key: number | string, epoch = 0): void {
    this.rowChanged(kind, key)
    const never =
      this.known?.some((row) => row.kind === kind && row.key === key && row.stored === 0) !== false &&
      this.exec(
        'DELETE FROM unsynced WHERE kind = ? AND key = ? AND stored = 0 RETURNING 1 AS one',
        kind,
        key,
      ).length > 0
    if (!never) this.mark(kind, key, true, epoch)
  }

  /** All rows of a kind were deleted. */
  allGone(kind: RowKind): void {
    this.rowChanged(kind, null)
    this.exec('DELETE FROM unsynced WHERE kind = ?', kind)
    this.mark('void', kind, true, this.nextVersion())
  }

  /** The session has ended. @param known whether the session was one that is synced */
  sessionEnded(known: boolean): void {
    this.sessionMarked = false
    this.rowChanged('queue', null)
    this.rowChanged('subscription', null)
    if (this.exec("SELECT 1 FROM unsynced WHERE kind = 'session' AND stored = 0").length > 0) {
      this.exec(
        "DELETE FROM unsynced WHERE kind = 'subscription' OR (kind IN ('session', 'queue') AND stored = 0)",
      )
      this.look()
    } else if (known) {
      this.exec("DELETE FROM unsynced WHERE kind = 'subscription'")
      this.allGone('queue')
      this.one('session', true)
    }
  }

  /** Whether the store lacks the row with this key; of the queue, any row up to this position. */
  lacks(kind: RowKind | 'interests', upTo: number | string): boolean {
    const { known } = this
    if (known !== null)
      return known.some(
        (row) => row.kind === kind && (kind === 'queue' ? Number(row.key) <= Number(upTo) : row.key === upTo),
      )
    const compare = kind === 'queue' ? '<=' : '='
    return (
      this.exec(`SELECT 1 FROM unsynced WHERE kind = ? AND key ${compare} ? LIMIT 1`, kind, upTo).length > 0
    )
  }

  has(kind: RowKind, key: number | string): boolean {
    const known = this.known?.some((row) => row.kind === kind && row.key === key)
    return known ?? this.exec('SELECT 1 FROM unsynced WHERE kind = ? AND key = ?', kind, key).length > 0
  }

  /** Rows that the store has not confirmed, after a key. */
  unconfirmed(kind: RowKind, after: number | string, limit: number): Pick<Mark, 'key' | 'version'>[] {
    return this.exec(
      'SELECT key, version FROM unsynced WHERE kind = ? AND key > ? ORDER BY key LIMIT ?',
      kind,
      after,
      limit,
    ).map(({ key, version }) => ({ key: key as number | string, version: Number(version) }))
  }

  /** The next home has these rows. */
  forget(kind: RowKind, upTo: number | string): void {
    this.exec('DELETE FROM unsynced WHERE kind = ? AND key <= ?', kind, upTo)
    this.look()
  }

  /** The first marks. `void` marks come last. */
  first(limit: number): Mark[] {
    const known = this.known
    const rows =
      known !== null && known.length <= limit
        ? known.toSorted(inOrder)
        : this.exec(`SELECT kind, key, version, since FROM unsynced ORDER BY ${IN_ORDER} LIMIT ?`, limit)
    return rows.map((row) => ({
      kind: String(row.kind) as MarkKind,
      key: row.key as number | string,
      version: Number(row.version),
      since: Number(row.since),
    }))
  }

  /** Begins a round with these marks. @returns the version of the round */
  begin(marks: readonly Mark[]): number {
    return this.platform.storage.transaction(() => {
      const round = this.nextVersion()
      const { known } = this
      if (known?.length === marks.length) {
        this.exec('UPDATE unsynced SET round = ?, stored = 1', round)
        this.remember(known.map((row) => ({ ...row, round, stored: 1 })))
      } else {
        for (const { kind, key } of marks)
          this.exec('UPDATE unsynced SET round = ?, stored = 1 WHERE kind = ? AND key = ?', round, kind, key)
      }
      this.sessionMarked = false
      this.underWay = round
      return round
    })
  }

  /** The round has failed: its marks stay. */
  failed(): void {
    this.underWay = 0
  }

  /** The store has the rows of this round. Rows that changed since keep their marks. */
  applied(round: number): void {
    this.underWay = 0
    const { known } = this
    this.exec('DELETE FROM unsynced WHERE round = ?', round)
    if (known !== null) this.remember(known.filter((row) => row.round !== round))
    this.look()
  }

  /** Another home syncs from now on. */
  clear(): void {
    this.sessionMarked = false
    if (this.some) this.exec('DELETE FROM unsynced')
    this.some = false
  }

  private mark(kind: MarkKind, key: number | string, stored: boolean, version = 0): void {
    const { known } = this
    const now = this.platform.now()
    this.exec(
      // While the mark's round is under way, the store lacks only this change; otherwise also the first one since.
      `INSERT INTO unsynced (kind, key, round, stored, version, since) VALUES (?1, ?2, 0, ?3, ?4, ?5)
       ON CONFLICT DO UPDATE SET round = 0, version = excluded.version,
       since = CASE WHEN round > 0 AND round = ?6 THEN excluded.since ELSE since END`,
      kind,
      key,
      Number(stored),
      version,
      now,
      this.underWay,
    )
    if (known !== null) this.remember(this.marked(known, { kind, key, stored: Number(stored), version }, now))
    this.some = true
    this.changed()
  }

  /** What the statement in `mark` makes of these rows. */
  private marked(
    rows: readonly SqlRow[],
    mark: { readonly kind: string; readonly key: number | string; stored: number; version: number },
    now: number,
  ): SqlRow[] {
    const before = rows.find(({ kind, key }) => kind === mark.kind && key === mark.key)
    if (before === undefined) return [...rows, { ...mark, round: 0, since: now }]
    const again = Number(before.round) > 0 && before.round === this.underWay
    const after = { ...before, round: 0, version: mark.version, since: again ? now : Number(before.since) }
    return rows.map((row) => (row === before ? after : row))
  }

  private get known(): readonly SqlRow[] | null {
    return this.platform.storage.known(UNSYNCED_ROWS)
  }

  private remember(rows: readonly SqlRow[]): void {
    this.platform.storage.remember(UNSYNCED_ROWS, rows)
  }

  private nextVersion(): number {
    this.version++
    this.exec('INSERT OR REPLACE INTO sync (one, version) VALUES (1, ?)', this.version)
    return this.version
  }

  private look(): void {
    this.some = (this.known ?? this.exec('SELECT 1 FROM unsynced LIMIT 1')).length > 0
  }

  private exec(query: string, ...bindings: SqlValue[]) {
    return this.platform.storage.exec(query, ...bindings)
  }
}
