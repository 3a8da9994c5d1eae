// The rows of a device's shadows at its home, and requests applied to them, each in one transaction.
import type { Root } from '../../../src/id/ids.ts'
import { clientOfRoot } from '../../../src/id/root.ts'
import { parseShadowRequest, type ShadowVerb, shadowName } from '../../../src/id/shadow-topic.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import type { LateShadow, ShadowRow } from '../../../src/relay/shadow.ts'
import { decodeShadow, encodeShadow, type Shadow } from '../../../src/shadow/document.ts'
import { SHADOW_DELETED_KEPT_MS, SHADOWS_CHARACTERS_MAX, SHADOWS_MAX } from '../../../src/shadow/limits.ts'
import { type ShadowError, TOO_LARGE } from '../../../src/shadow/request.ts'
import { type Answer, type Applied, deltaOf, rejected, step } from '../../../src/shadow/step.ts'
import { changesOf, requestsOf, type UnsyncedChanges, withChange } from '../../../src/shadow/unsynced.ts'
import { MovedRows } from '../../leaf/handover/moved-rows.ts'
import type { Marks } from '../../leaf/sync/marks.ts'
import { LATE_SHADOWS_MAX } from '../../limits.ts'
import type { Storage } from '../../platform.ts'

const NO_BYTES = new Uint8Array(0)
const encoder = new TextEncoder()

/** The outcome of a request. */
export interface Answered {
  readonly path: string
  readonly changed: boolean
  /** To be published after the request, in this order. */
  readonly messages: readonly Message[]
  /** The body of the first message. */
  readonly body: Answer['body']
  readonly error: ShadowError | null
  /** The shadow after the request. */
  readonly shadow: Shadow | null
}

export class ShadowStore {
  private readonly storage: Storage
  private readonly root: Root
  private readonly marks: Marks
  private readonly now: () => number
  /** Characters by path; null before the first write. */
  private sizes: Map<string, number> | null = null

  readonly moved: MovedRows

  constructor(storage: Storage, root: Root, marks: Marks, now: () => number) {
    this.moved = new MovedRows(storage, {
      kind: 'shadow',
      table: 'shadow',
      key: 'path',
      columns: ['shadow', 'late'],
      first: '',
      add: (state, rows) => {
        for (const { key, shadow } of rows) state.shadows.push(this.whole(String(key), String(shadow)))
      },
    })
    this.storage = storage
    this.root = root
    this.marks = marks
    this.now = now
  }

  /** Applies a message that is a request to a shadow; null for any other. */
  answer({ topic, payload }: Message): Answered | null {
    const request = parseShadowRequest(topic)
    if (request === null || request.client !== clientOfRoot(this.root)) return null
    return this.apply(request.path, request.verb, payload)
  }

  apply(path: string, verb: ShadowVerb, payload: Uint8Array): Answered {
    const now = this.now()
    const before = this.one(path)
    let stepped = step(before, verb, payload, now, shadowName(path) ?? clientOfRoot(this.root) ?? '')
    if (stepped.applied !== null && !this.save(path, before, stepped.applied)) {
      const { clientToken } = (stepped.answers[0]?.body ?? {}) as { readonly clientToken?: string }
      stepped = rejected(verb, TOO_LARGE, now, clientToken)
    }
    const { answers, applied, error } = stepped
    const messages = answers.map((answer) => this.messageOf(path, answer))
    const shadow = applied?.shadow ?? before
    return { path, changed: applied !== null, messages, body: answers[0]?.body ?? {}, error, shadow }
  }

  one(path: string): Shadow | null {
    const [row] = this.rows('SELECT shadow FROM shadow WHERE path = ?', path)
    return row === undefined ? null : decodeShadow(String(row.shadow))
  }

  /** The JSON that is synced; null if there is no such shadow. */
  encoded(path: string): string | null {
    const [row] = this.rows('SELECT shadow FROM shadow WHERE path = ?', path)
    return row === undefined ? null : String(row.shadow)
  }

  /** The delta of each shadow whose desired and reported states differ. */
  deltas(): Message[] {
    return this.rows('SELECT path, shadow FROM shadow WHERE differs = 1 ORDER BY path').flatMap((row) => {
      const delta = deltaOf(decodeShadow(String(row.shadow)), this.now())
      return delta === null ? [] : [this.messageOf(String(row.path), delta)]
    })
  }

  private whole(path: string, shadow: string): ShadowRow {
    const late = this.unsynced(path)
    return { path, shadow, ...(late !== null && { requests: requestsOf(late) }) }
  }

  /**
   * Stores the former home's shadows. The core's store still has rows of older epochs; they are void from now on.
   * @param own what this region had yet from when it was the home itself
   * @returns what of that is refused
   */
  import(rows: Iterable<ShadowRow>, own: readonly LateShadow[]): Answered[] {
    this.clear()
    let some = false
    for (const { path, shadow, requests = [] } of rows) {
      if (!some) this.marks.allGone('shadow')
      some = true
      this.write(path, decodeShadow(shadow), changesOf(requests))
    }
    return own
      .flatMap(({ path, requests }) =>
        requests.map(({ verb, body }) => this.apply(path, verb, encoder.encode(body))),
      )
      .filter(({ error }) => error !== null)
  }

  /** The changes that the core's store may not have, after a path. */
  late(after: string, limit = LATE_SHADOWS_MAX): LateShadow[] {
    return this.marks.unconfirmed('shadow', after, limit).map(({ key }) => {
      const path = String(key)
      const late = this.unsynced(path)
      return { path, requests: late === null ? [] : requestsOf(late) }
    })
  }

  /** The next home has the changes up to this path. */
  taken(upTo: string): void {
    if (upTo !== '') this.marks.forget('shadow', upTo)
  }

  clear(): void {
    this.storage.exec('DELETE FROM shadow')
    this.sizes = null
  }

  /** The requests of a former home that only that home had, in order. */
  requestsOf({ path, requests }: LateShadow): Message[] {
    return requests.map(({ verb, body }) => this.message(`${path}/${verb}`, body))
  }

  /** False if the device's shadows have no room for it. */
  private save(path: string, before: Shadow | null, applied: Applied): boolean {
    const after = applied.shadow
    if (before === null) this.forgetDeleted()
    if (applied.verb === 'update' && !this.hasRoomFor(path, encodeShadow(after).length)) return false
    this.write(path, after, withChange(this.unsynced(path), applied))
    return true
  }

  /** The changes that the core's store has not confirmed. Null if the shadow has no mark: the store has them all. */
  private unsynced(path: string): UnsyncedChanges | null {
    if (!this.marks.has('shadow', path)) return null
    const [row] = this.rows('SELECT late FROM shadow WHERE path = ?', path)
    return row?.late == null ? null : (JSON.parse(String(row.late)) as UnsyncedChanges)
  }

  private hasRoomFor(path: string, characters: number): boolean {
    this.sizes ??= new Map(
      this.rows('SELECT path, length(shadow) AS size FROM shadow').map((row) => [
        String(row.path),
        Number(row.size),
      ]),
    )
    let sum = characters
    for (const [other, size] of this.sizes) if (other !== path) sum += size
    return (this.sizes.has(path) || this.sizes.size < SHADOWS_MAX) && sum <= SHADOWS_CHARACTERS_MAX
  }

  private write(path: string, shadow: Shadow, late: UnsyncedChanges | null): void {
    const text = encodeShadow(shadow)
    this.storage.transaction(() => {
      const known = this.rows('SELECT 1 FROM shadow WHERE path = ?', path).length > 0
      this.storage.exec(
        'INSERT OR REPLACE INTO shadow (path, shadow, deleted_at, differs, late) VALUES (?, ?, ?, ?, ?)',
        path,
        text,
        shadow.document === null ? shadow.changedAt : null,
        Number(deltaOf(shadow, 0) !== null),
        late === null ? null : JSON.stringify(late),
      )
      this.marks.put('shadow', path, known)
    })
    this.sizes?.set(path, text.length)
  }

  /** Versions of shadows that were deleted long ago. */
  private forgetDeleted(): void {
    const old = this.rows('SELECT path FROM shadow WHERE deleted_at < ?', this.now() - SHADOW_DELETED_KEPT_MS)
    for (const { path } of old) {
      this.storage.exec('DELETE FROM shadow WHERE path = ?', String(path))
      this.marks.gone('shadow', String(path))
      this.sizes?.delete(String(path))
    }
  }

  private messageOf(path: string, { topic, body }: Answer): Message {
    return this.message(`${path}/${topic}`, JSON.stringify(body))
  }

  private message(below: string, body: string): Message {
    return {
      topic: `${this.root}/${below}`,
      qos: 1,
      retain: false,
      properties: NO_BYTES,
      payload: encoder.encode(body),
      expiresAt: 0,
    }
  }

  private rows(query: string, ...bindings: (string | number)[]) {
    return this.storage.exec(query, ...bindings)
  }
}
