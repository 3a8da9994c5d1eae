// The retained messages of a root, stored at its home.

import type { Branch } from '../../../src/id/ids.ts'
import { branchOfTopic, isPresence } from '../../../src/id/root.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { matches } from '../../../src/mqtt/topic.ts'
import { packBatch } from '../../../src/relay/batch.ts'
import type { HandoverState, ImportedResponse, ReleaseResponse } from '../../../src/relay/home.ts'
import { type Delivery, encodeDelivery } from '../../../src/session/delivery.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import {
  LATE_RETAINED_MAX,
  RETAINED_BYTES_MAX,
  RETAINED_MESSAGES_MAX,
  RETAINED_OWN_BYTES,
  RETAINED_OWN_MESSAGES,
  RETAINED_PAGE_BYTES_MAX,
  RETAINED_PAGE_MESSAGES_MAX,
} from '../../limits.ts'
import type { Storage } from '../../platform.ts'
import { blobOf, MovedRows } from '../handover/moved-rows.ts'
import type { ImportedState, LeafPart, SyncedRows } from '../leaf-part.ts'
import type { LeafRetainedPage } from '../leaf-peer.ts'
import { RETAINED_SIZES } from '../schema.ts'
import type { Marks } from '../sync/marks.ts'

export interface RetainedRecord {
  readonly topic: string
  readonly record: Uint8Array
}

/** In the order of topics. */
export interface RetainedPage {
  readonly retained: readonly RetainedRecord[]
  /** The topic after which the next page begins; null after the last page. */
  readonly next: string | null
}

/** Topics after this one, about so many bytes. */
export interface PageAsked {
  readonly after: string
  readonly bytesMax: number
}

/** A former home's change: a retained message, or null if it was deleted, with the epoch of that home. */
interface LateRecord {
  readonly topic: string
  readonly record: Uint8Array | null
  readonly epoch: number
}

export class Retained implements LeafPart {
  private readonly storage: Storage
  private readonly marks: Marks
  /** Record sizes by topic, so that topics are known without reading records. */
  private readonly sizes = new Map<string, number>()
  private bytes = 0
  private notes = false
  /** The last presence event, in memory: each connection reads and replaces it. */
  private presence: RetainedRecord | null = null

  private readonly rows: MovedRows

  constructor(storage: Storage, marks: Marks) {
    this.storage = storage
    this.marks = marks
    this.rows = new MovedRows(storage, {
      kind: 'retained',
      table: 'retained',
      key: 'topic',
      columns: ['record'],
      first: '',
      add: (state, rows) => {
        for (const { key, record } of rows)
          if (!isPresence(String(key))) state.retained.push({ topic: String(key), record: blobOf(record) })
      },
    })
    for (const row of storage.rows(RETAINED_SIZES)) {
      this.sizes.set(String(row.topic), Number(row.bytes))
      this.bytes += Number(row.bytes)
    }
  }

  /** Whether a branch has retained messages. */
  hasAny(branch: Branch): boolean {
    if (isPresence(branch)) return this.sizes.has(branch)
    for (const topic of this.sizes.keys()) if (!isPresence(topic)) return true
    return false
  }

  /**
   * Replaces the topic's retained message; an empty payload deletes it. [MQTT-3.3.1-5] [MQTT-3.3.1-6]
   * @param epoch of this home, stored with the message
   * @param foreign below a device, published by somebody else: a part of the room is for the device itself
   */
  keep(
    message: Message,
    epoch: number,
    foreign = false,
  ): typeof Reason.Success | typeof Reason.QuotaExceeded {
    const before = this.sizes.get(message.topic)
    if (message.payload.length === 0) {
      this.storage.transaction(() => {
        this.noteChange(message.topic)
        if (before !== undefined) this.remove(message.topic, epoch)
      })
      return Reason.Success
    }
    const { acknowledged: _, ...kept } = message
    const record = encodeMessage({ ...kept, retainedAt: epoch })
    const messagesMax = RETAINED_MESSAGES_MAX - (foreign ? RETAINED_OWN_MESSAGES : 0)
    const bytesMax = RETAINED_BYTES_MAX - (foreign ? RETAINED_OWN_BYTES : 0)
    if (
      (before === undefined && this.sizes.size >= messagesMax) ||
      this.bytes - (before ?? 0) + record.length > bytesMax
    ) {
      return Reason.QuotaExceeded
    }
    this.storage.transaction(() => {
      this.noteChange(message.topic)
      this.write(message.topic, record)
    })
    return Reason.Success
  }

  /** Replaces the topic's retained message without a bound: for presence, of which a root has one. */
  put(topic: string, record: Uint8Array): void {
    this.write(topic, record)
  }

  /** The retained messages that match a filter. Deletes expired ones. */
  matching(filters: readonly string[], now: number, ...only: readonly string[]): RetainedRecord[] {
    const found: RetainedRecord[] = []
    for (const topic of only.length > 0 ? only : [...this.sizes.keys()]) {
      if (!filters.some((filter) => matches(filter, topic))) continue
      const record = this.read(topic)
      const { expiresAt, retainedAt = 0 } = decodeMessage(record)
      if (expiresAt === 0 || expiresAt > now) found.push({ topic, record })
      else this.remove(topic, retainedAt)
    }
    return found
  }

  /** A page of the branch's retained messages that match a filter, in the order of topics, after `after`. */
  branchPage(filters: readonly string[], after: string, now: number, branch: Branch): LeafRetainedPage {
    const { retained, next } = this.page(filters, now, { after, bytesMax: RETAINED_PAGE_BYTES_MAX }, branch)
    return { records: packBatch(retained.map(({ record }) => record)), next }
  }

  /**
   * A page of the retained messages that match a filter, in the order of topics. One message at least, however large.
   * @param branch absent: of all branches
   */
  page(
    filters: readonly string[],
    now: number,
    { after, bytesMax }: PageAsked,
    branch?: Branch,
  ): RetainedPage {
    const retained: RetainedRecord[] = []
    let bytes = 0
    for (const topic of [...this.sizes.keys()].sort()) {
      if (topic <= after || (branch !== undefined && branchOfTopic(topic) !== branch)) continue
      if (!filters.some((filter) => matches(filter, topic))) continue
      const last = retained.at(-1)
      const isFull =
        retained.length >= RETAINED_PAGE_MESSAGES_MAX || bytes + (this.sizes.get(topic) ?? 0) > bytesMax
      if (last !== undefined && isFull) return { retained, next: last.topic }
      const [found] = this.matching(filters, now, topic)
      if (found === undefined) continue
      retained.push(found)
      bytes += found.record.length
    }
    return { retained, next: null }
  }

  all(): RetainedRecord[] {
    return [...this.sizes.keys()].map((topic) => ({ topic, record: this.read(topic) }))
  }

  /** The topic's record, or null. */
  one(topic: string): Uint8Array | null {
    return this.sizes.has(topic) ? this.read(topic) : null
  }

  moved(): readonly MovedRows[] {
    return [this.rows]
  }

  /** The presence event changes without a mark, so no copy has it. */
  export(): Partial<HandoverState> {
    return {
      retained: [...this.sizes.keys()]
        .filter(isPresence)
        .map((topic) => ({ topic, record: this.read(topic) })),
    }
  }

  import({ retained }: ImportedState, fromStore: boolean): () => void {
    const own = this.unsynced()
    return () => {
      this.clear()
      // The store has rows of older epochs until these are void.
      this.marks.allGone('retained')
      for (const { topic, record } of retained) this.write(topic, record)
      for (const one of own) this.takeNewer(one)
      this.noting = false
      this.notes = fromStore
    }
  }

  async importRest({ retained }: ImportedResponse): Promise<void> {
    for (const one of retained) this.takeLate(one)
  }

  synced(): SyncedRows {
    return ({ kind, key }) => {
      if (kind !== 'retained') return null
      const topic = String(key)
      const record = this.one(topic)
      return { bytes: record?.length ?? 0, addTo: (change) => change.retained.push({ topic, record }) }
    }
  }

  /** Changes that the core's store has not confirmed, after a topic. */
  unsynced(after = '', limit = -1): LateRecord[] {
    return this.marks.unconfirmed('retained', after, limit).map(({ key, version }) => {
      const topic = String(key)
      const record = this.one(topic)
      return { topic, record, epoch: record === null ? version : epochOf(record) }
    })
  }

  /** The remainder for the next home: as many of those changes as fit into so many bytes, but one at least. */
  remainder(after: string, bytesMax: number): ReleaseResponse['retained'] {
    const changes: ReleaseResponse['retained'] = []
    for (let last = after, bytes = 0; changes.length < LATE_RETAINED_MAX; ) {
      const [next] = this.unsynced(last, 1)
      bytes += next?.record?.length ?? 0
      if (next === undefined || (changes.length > 0 && bytes > bytesMax)) break
      changes.push({ ...next })
      last = next.topic
    }
    return changes
  }

  /** The next home has the changes up to this topic. */
  taken(upTo: string): void {
    if (upTo !== '') this.marks.forget('retained', upTo)
  }

  /** A former home's change that no other home has. Dropped if this home has changed the topic since. */
  takeLate({ topic, record, epoch }: ReleaseResponse['retained'][number]): void {
    if (this.storage.exec('SELECT 1 FROM retained_changed WHERE topic = ?', topic).length > 0) return
    this.takeNewer({ topic, record, epoch })
  }

  /** Applies a change unless the topic's message is of a newer epoch. */
  private takeNewer({ topic, record, epoch }: LateRecord): void {
    const present = this.one(topic)
    if (present !== null && epochOf(present) > epoch) return
    if (record !== null) this.write(topic, record)
    else if (present !== null) this.remove(topic, epoch)
  }

  /** Whether this home notes the topics that it changes: while a former home may still send changes. */
  set noting(noting: boolean) {
    this.notes = noting
    if (!noting) this.storage.exec('DELETE FROM retained_changed')
  }

  clear(): void {
    if (this.sizes.size === 0) return
    this.storage.exec('DELETE FROM retained')
    this.presence = null
    this.sizes.clear()
    this.bytes = 0
  }

  private noteChange(topic: string): void {
    if (!this.notes) return
    this.storage.exec('INSERT OR IGNORE INTO retained_changed (topic) VALUES (?)', topic)
  }

  private read(topic: string): Uint8Array {
    if (this.presence?.topic === topic) return this.presence.record
    const [row] = this.storage.exec('SELECT record FROM retained WHERE topic = ?', topic)
    const record = new Uint8Array(row?.record as ArrayBuffer)
    if (isPresence(topic)) this.presence = { topic, record }
    return record
  }

  private write(topic: string, record: Uint8Array): void {
    // REPLACE would also write the index of topics, which costs a row.
    this.storage.exec(
      'INSERT INTO retained (topic, record) VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET record = excluded.record',
      topic,
      record,
    )
    // The presence event is synced with the session.
    if (isPresence(topic)) this.presence = { topic, record }
    else this.marks.put('retained', topic, this.sizes.has(topic))
    this.bytes += record.length - (this.sizes.get(topic) ?? 0)
    this.sizes.set(topic, record.length)
  }

  private remove(topic: string, epoch: number): void {
    this.storage.exec('DELETE FROM retained WHERE topic = ?', topic)
    if (this.presence?.topic === topic) this.presence = null
    this.marks.gone('retained', topic, epoch)
    this.bytes -= this.sizes.get(topic) ?? 0
    this.sizes.delete(topic)
  }
}

function epochOf(record: Uint8Array): number {
  return decodeMessage(record).retainedAt ?? 0
}

/** Encoded deliveries of retained messages for subscriptions. @param overtaken topics of which a newer message was delivered */
export function retainedDeliveries(
  subscriptions: readonly Subscription[],
  retained: readonly RetainedRecord[],
  overtaken: ReadonlySet<string>,
): Uint8Array[] {
  return subscriptions.flatMap((subscription) =>
    retained.flatMap(({ topic, record }) =>
      overtaken.has(topic) || !matches(subscription.filter, topic)
        ? []
        : [encodeDelivery(retainedDelivery(subscription, record), record)],
    ),
  )
}

/** A retained message as it goes to a subscription that matches. [MQTT-3.3.1-8] */
export function retainedDelivery({ qos, identifier }: Subscription, record: Uint8Array): Delivery {
  const message = decodeMessage(record)
  return {
    qos: qos < message.qos ? qos : message.qos,
    retain: true,
    identifiers: identifier > 0 ? [identifier] : [],
    share: null,
    message,
  }
}
