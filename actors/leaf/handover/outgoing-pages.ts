// At the former home: a root's state in pages. Large tables are copied while this region still is the home, and what changes
// meanwhile is noted. Another round copies that, and the last round follows when the next home has the directory's word.
import { type HandoverState, NO_STATE } from '../../../src/relay/home.ts'
import type { Page } from '../../../src/relay/page.ts'
import { COPY_CHANGES_MAX, COPY_IDLE_MS, COPY_ROUNDS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { type CopiedKind, isCopied, type MovedRows, type RowKey } from './moved-rows.ts'

/** The keys that changed of each kind; null: all rows of the kind. */
type Changes = Map<CopiedKind, Set<RowKey> | null>

/** In memory only: should this actor's memory be lost, the copy begins anew. */
interface Copy {
  readonly id: string
  /** Round 0 has all rows; each further one has what changed since the round before it began. */
  round: number
  changes: Changes | null
  /** What has changed since the round began. */
  noted: Changes
  /** Of the round. */
  bytes: number
  /** The first round that began after another region had become the home: nothing changes after it. */
  lastRound: number | null
  usedAt: number
}

/** Where the next page begins. `rest`: what is not copied. */
interface Place {
  readonly copy: string
  readonly round: number | 'rest'
  readonly kind: number
  readonly after: RowKey | null
}

export interface StatePage {
  readonly state: HandoverState
  readonly page: Page
}

/** Rows of which the sizes are read at once. */
const SIZES_AT_ONCE = 256

export class OutgoingPages {
  private readonly platform: Platform
  private readonly rows: () => readonly MovedRows[]
  private readonly head: () => readonly Partial<HandoverState>[]
  private copy: Copy | null = null

  /**
   * @param rows of all parts, in the order in which they are sent
   * @param head what each part sends with the last page
   */
  constructor(
    platform: Platform,
    rows: () => readonly MovedRows[],
    head: () => readonly Partial<HandoverState>[],
  ) {
    this.platform = platform
    this.rows = rows
    this.head = head
  }

  /** Whether the state is more than a page. */
  get isLong(): boolean {
    let bytes = 0
    for (const rows of this.rows()) bytes += rows.bytes()
    return bytes > this.platform.settings.pageBytesMax
  }

  /** Whether this cursor is of a copy that was made here, and goes on. */
  has(cursor: string): boolean {
    return this.placeOf(cursor) !== null
  }

  /** A row has changed, or all of a kind. */
  note(kind: CopiedKind, key: RowKey | null): void {
    const { copy } = this
    if (copy === null) return
    if (copy.lastRound === null && this.platform.now() - copy.usedAt > COPY_IDLE_MS) {
      this.copy = null
      return
    }
    const before = copy.noted.get(kind)
    if (before === null) return
    if (key === null || (before !== undefined && before.size >= COPY_CHANGES_MAX)) copy.noted.set(kind, null)
    else copy.noted.set(kind, (before ?? new Set()).add(key))
  }

  /** Nobody needs the copy any more. */
  end(): void {
    this.copy = null
  }

  whole(): HandoverState {
    const state = emptyState(this.platform.now())
    for (const rows of this.rows()) {
      const last = lastKey(rows)
      if (last !== null) rows.addRange(state, null, last)
    }
    return this.withHead(state)
  }

  /** @param fenced another region is the home: nothing changes here any more */
  page(cursor: string, fenced: boolean): StatePage {
    const found = this.placeOf(cursor)
    const copy = found?.copy ?? this.begin(fenced)
    let place = found?.place ?? { copy: copy.id, round: 0, kind: 0, after: null }
    const first = found === null
    copy.usedAt = this.platform.now()
    const state = emptyState(this.platform.now())
    for (let room = this.platform.settings.pageBytesMax; ; ) {
      const { round } = place
      if (round !== 'rest') this.beginRound(copy, round, fenced)
      const filled = this.fill(copy, place, state, room)
      room -= filled.bytes
      copy.bytes += filled.bytes
      if (filled.place !== null) return { state, page: { first, next: textOf(filled.place), copied: false } }
      if (round === 'rest') return { state: this.withHead(state), page: { first, next: null, copied: true } }
      if (fenced && copy.lastRound !== null && round >= copy.lastRound) {
        place = { copy: copy.id, round: 'rest', kind: 0, after: null }
        continue
      }
      const next = textOf({ copy: copy.id, round: round + 1, kind: 0, after: null })
      return { state, page: { first, next, copied: fenced || this.isCopied(copy) } }
    }
  }

  private begin(fenced: boolean): Copy {
    this.copy = {
      id: this.platform.randomId(),
      round: 0,
      changes: null,
      noted: new Map(),
      bytes: 0,
      lastRound: fenced ? 0 : null,
      usedAt: this.platform.now(),
    }
    return this.copy
  }

  /** A page may be asked for again: then its round has begun. */
  private beginRound(copy: Copy, round: number, fenced: boolean): void {
    if (round === copy.round) return
    copy.round = round
    copy.changes = copy.noted
    copy.noted = new Map()
    copy.bytes = 0
    if (fenced) copy.lastRound ??= round
  }

  /** The rounds become shorter while rows are copied faster than they change. */
  private isCopied({ noted, bytes, round }: Copy): boolean {
    return noted.size === 0 || bytes <= this.platform.settings.pageBytesMax || round + 1 >= COPY_ROUNDS_MAX
  }

  /** @returns the bytes that it has added, and where the round goes on; null if the round has ended */
  private fill(
    copy: Copy,
    from: Place,
    state: HandoverState,
    room: number,
  ): { readonly bytes: number; readonly place: Place | null } {
    const kinds = this.rows().filter(({ kind }) => isCopied(kind) === (from.round !== 'rest'))
    let { kind, after } = from
    let left = room
    /** A page has one row at least. */
    let some = room < this.platform.settings.pageBytesMax
    for (; kind < kinds.length; kind++, after = null) {
      const rows = kinds[kind] as MovedRows
      const next = this.next(copy, from.round, rows)
      if (next.voids && after === null) goneOf(state).kinds.push(rows.kind as CopiedKind)
      for (let begin = after; ; ) {
        const sizes = next.sizes(begin)
        let end = begin
        let full = false
        for (const { key, bytes } of sizes) {
          full = some && bytes > left
          if (full) break
          some = true
          left -= bytes
          end = key
        }
        if (end !== begin && end !== null) next.add(state, begin, end)
        if (full) return { bytes: room - left, place: { ...from, kind, after: end } }
        if (sizes.length < SIZES_AT_ONCE) break
        begin = end
      }
    }
    return { bytes: room - left, place: null }
  }

  /** The rows of a kind that a round has. */
  private next(copy: Copy, round: Place['round'], rows: MovedRows) {
    const changed =
      round === 'rest' || copy.changes === null ? null : copy.changes.get(rows.kind as CopiedKind)
    if (changed === null)
      return {
        voids: round !== 'rest' && copy.changes !== null,
        sizes: (begin: RowKey | null) => rows.sizes(begin, SIZES_AT_ONCE),
        add: (state: HandoverState, begin: RowKey | null, end: RowKey) => rows.addRange(state, begin, end),
      }
    const keys = [...(changed ?? [])].sort(inOrder)
    const behind = (begin: RowKey | null) =>
      keys.slice(begin === null ? 0 : keys.findIndex((key) => inOrder(key, begin) > 0) >>> 0)
    return {
      voids: false,
      sizes: (begin: RowKey | null) =>
        behind(begin)
          .slice(0, SIZES_AT_ONCE)
          .map((key) => ({ key, bytes: rows.sizeOf(key) })),
      add: (state: HandoverState, begin: RowKey | null, end: RowKey) => {
        for (const key of behind(begin)) {
          if (inOrder(key, end) > 0) return
          if (!rows.addOne(state, key)) goneKey(state, rows.kind as CopiedKind, key)
        }
      },
    }
  }

  /** The parts' shares, which come with the last page. */
  private withHead(state: HandoverState): HandoverState {
    for (const share of this.head()) merge(state, share)
    return state
  }

  private placeOf(cursor: string): { readonly copy: Copy; readonly place: Place } | null {
    const { copy } = this
    const place = placeIn(cursor)
    if (copy === null || place?.copy !== copy.id) return null
    if (place.round === 'rest') return copy.lastRound === null ? null : { copy, place }
    return place.round === copy.round || (place.round === copy.round + 1 && place.after === null)
      ? { copy, place }
      : null
  }
}

function emptyState(clock: number): HandoverState {
  return { ...NO_STATE, clock, retained: [], interests: [], shadows: [], presence: [] }
}

function goneOf(state: HandoverState): NonNullable<HandoverState['gone']> {
  state.gone ??= { kinds: [], subscriptions: [], queue: [], retained: [] }
  return state.gone
}

function goneKey(state: HandoverState, kind: CopiedKind, key: RowKey): void {
  const gone = goneOf(state)
  if (kind === 'queue') gone.queue.push(Number(key))
  else if (kind === 'retained') gone.retained.push(String(key))
  else gone.subscriptions.push(String(key))
}

/** Lists are joined: the page may have rows of the same kinds. */
function merge(
  state: HandoverState,
  { session, retained, commands, ...share }: Partial<HandoverState>,
): void {
  Object.assign(state, share)
  if (retained !== undefined) state.retained.push(...retained)
  if (commands !== undefined) state.commands = [...(state.commands ?? []), ...commands]
  if (session === undefined) return
  const rows = state.session
  state.session = session && {
    ...session,
    subscriptions: rows?.subscriptions ?? [],
    queue: rows?.queue ?? [],
    seen: rows?.seen ?? [],
  }
}

function lastKey(rows: MovedRows): RowKey | null {
  let last: RowKey | null = null
  for (;;) {
    const sizes = rows.sizes(last, SIZES_AT_ONCE)
    last = sizes.at(-1)?.key ?? last
    if (sizes.length < SIZES_AT_ONCE) return last
  }
}

function textOf(place: Place): string {
  return JSON.stringify(place)
}

/** Null for what is no cursor of such a copy: another process, or another region, may have made it. */
function placeIn(cursor: string): Place | null {
  try {
    const place = JSON.parse(cursor) as Place | null
    return typeof place === 'object' ? place : null
  } catch {
    return null
  }
}

/** Keys of one kind are all numbers or all texts. */
function inOrder(a: RowKey, b: RowKey): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
