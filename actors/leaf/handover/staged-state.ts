// At the next home: pages of a root's state that have come, until the last one. They are in storage with the cursor of the next
// page, so a process that dies between two pages goes on where it was.
import type { HandoverState } from '../../../src/relay/home.ts'
import { NO_PAGE, type Page, type PageWanted } from '../../../src/relay/page.ts'
import { STAGED_KEPT_MS, STAGED_ROWS_AT_ONCE } from '../../limits.ts'
import type { Platform, SqlValue } from '../../platform.ts'
import type { ImportedState } from '../leaf-part.ts'
import { blobOf, type MovedKind, type RowKey } from './moved-rows.ts'

/** Kind of the one row that says where the next page begins. */
const PLACE = 'place'

interface StagedPlace extends PageWanted {
  /** Milliseconds since 1970. */
  readonly at: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class StagedState {
  private readonly platform: Platform

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** What has come so far. */
  get place(): PageWanted {
    const [row] = this.exec('SELECT value FROM staged WHERE kind = ?', PLACE)
    if (row === undefined) return NO_PAGE
    const { cursor, copied } = parsed<StagedPlace>(blobOf(row.value))
    return { cursor, copied }
  }

  /** @param state by this region's clock */
  add(state: HandoverState, { first, next, copied }: Page): void {
    this.platform.storage.transaction(() => {
      if (first) this.clear()
      this.addRows(state)
      const at = this.platform.now()
      // The last page is asked for again, should the process die before the import.
      if (next !== null) this.put(PLACE, '', text({ cursor: next, copied, at } satisfies StagedPlace))
    })
    this.platform.wakeBy(this.platform.now() + STAGED_KEPT_MS)
  }

  /** Deletes what nobody has asked to go on with for long. */
  prune(): void {
    const [row] = this.exec('SELECT value FROM staged WHERE kind = ?', PLACE)
    if (row === undefined) return
    const until = parsed<StagedPlace>(blobOf(row.value)).at + STAGED_KEPT_MS
    if (until <= this.platform.now()) this.clear()
    else this.platform.wakeBy(until)
  }

  /** All pages, of which this is the last, as a state whose lists are read from storage. @param page absent: the state is whole */
  completedBy(state: HandoverState, page: Page | undefined): ImportedState {
    if (page === undefined || page.first) return state
    this.add(state, page)
    const { session } = state
    return {
      ...state,
      session: session && {
        ...session,
        subscriptions: this.list('subscription', (_, value) => parsed(value)),
        queue: this.list('queue', (key, delivery) => ({ position: Number(key), delivery })),
        seen: this.list('seen', (_, value) => decoder.decode(value)),
      },
      retained: this.list('retained', (key, record) => ({ topic: String(key), record })),
      shadows: this.list('shadow', (_, value) => parsed(value)),
      ...(state.commands !== undefined && { commands: this.list('command', (_, value) => parsed(value)) }),
    }
  }

  clear(): void {
    this.exec('DELETE FROM staged')
  }

  private addRows({ gone, session, retained, shadows, commands = [] }: HandoverState): void {
    if (gone !== undefined) {
      for (const kind of gone.kinds) this.exec('DELETE FROM staged WHERE kind = ?', kind)
      for (const key of gone.subscriptions) this.remove('subscription', key)
      for (const key of gone.queue) this.remove('queue', key)
      for (const key of gone.retained) this.remove('retained', key)
    }
    for (const one of session?.subscriptions ?? []) this.put('subscription', one.filter, text(one))
    for (const { position, delivery } of session?.queue ?? []) this.put('queue', position, delivery)
    for (const { topic, record } of retained) this.put('retained', topic, record)
    for (const one of shadows) this.put('shadow', one.path, text(one))
    for (const one of commands) this.put('command', one.id, text(one))
    const seen = session?.seen ?? []
    if (seen.length === 0) return
    const [last] = this.exec("SELECT coalesce(max(key), 0) AS key FROM staged WHERE kind = 'seen'")
    for (const [i, name] of seen.entries())
      this.put('seen', Number(last?.key ?? 0) + 1 + i, encoder.encode(name))
  }

  private list<T>(kind: MovedKind, of: (key: RowKey, value: Uint8Array) => T): Iterable<T> {
    const read = (after: RowKey | null) =>
      after === null
        ? this.exec(
            'SELECT key, value FROM staged WHERE kind = ? ORDER BY key LIMIT ?',
            kind,
            STAGED_ROWS_AT_ONCE,
          )
        : this.exec(
            'SELECT key, value FROM staged WHERE kind = ? AND key > ? ORDER BY key LIMIT ?',
            kind,
            after,
            STAGED_ROWS_AT_ONCE,
          )
    return {
      *[Symbol.iterator]() {
        for (let rows = read(null); rows.length > 0; rows = read(rows.at(-1)?.key as RowKey))
          for (const { key, value } of rows) yield of(key as RowKey, blobOf(value))
      },
    }
  }

  private put(kind: MovedKind | typeof PLACE, key: RowKey, value: Uint8Array): void {
    this.exec('INSERT OR REPLACE INTO staged (kind, key, value) VALUES (?, ?, ?)', kind, key, value)
  }

  private remove(kind: MovedKind, key: RowKey): void {
    this.exec('DELETE FROM staged WHERE kind = ? AND key = ?', kind, key)
  }

  private exec(query: string, ...bindings: SqlValue[]) {
    return this.platform.storage.exec(query, ...bindings)
  }
}

function text(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

function parsed<T>(value: Uint8Array): T {
  return JSON.parse(decoder.decode(value)) as T
}
