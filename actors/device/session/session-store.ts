// A session's rows in the actor's storage: its terms, subscriptions, queue and QoS 2 identifiers. A session that ends with its
// connection has no rows, unless its client acknowledges too slowly.
import { decodeDelivery, deliveryBytes, encodeDelivery } from '../../../src/session/delivery.ts'
import type { DropEffect } from '../../../src/session/effect.ts'
import type { OutgoingSnapshot, StoredDelivery } from '../../../src/session/stored-delivery.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import type { Marks } from '../../leaf/sync/marks.ts'
import { DROP_ROWS_MAX } from '../../limits.ts'
import type { SqlRow, Storage } from '../../platform.ts'
import { inLists } from '../../storage/in-lists.ts'
import { bulkOf, bulkText, type LiveBulk } from '../connection/attachment.ts'
import { IMPORTED_ROWS, SESSION_ROWS, SUBSCRIPTION_ROWS } from '../schema.ts'

export interface SessionRow {
  readonly id: string
  readonly expirySeconds: number
  /** Milliseconds since the epoch; null while connected. */
  readonly disconnectedAt: number | null
  readonly lastPosition: number
  readonly sentUpTo: number
  /** The new home got the queue up to this position with the hand-over; null before a hand-over. */
  readonly exportedUpTo: number | null
  /** After a hand-over: the leaves have removed the subscriptions, so no delivery comes for the session any more. */
  readonly fenced: boolean
}

export interface QueueSize {
  readonly stored: Pick<OutgoingSnapshot, 'storedMessages' | 'storedBytes' | 'sharedMessages' | 'sharedBytes'>
  /** The highest position, or 0. */
  readonly last: number
}

export class SessionStore {
  private readonly storage: Storage
  private readonly marks: Marks
  /** Whether the session outlives its connection, and so is synced; null before the row was read. */
  private outlives: boolean | null = null

  constructor(storage: Storage, marks: Marks) {
    this.storage = storage
    this.marks = marks
  }

  session(): SessionRow | null {
    const [row] = this.storage.rows(SESSION_ROWS)
    if (row === undefined) return null
    return {
      id: String(row.id),
      expirySeconds: Number(row.expiry_seconds),
      disconnectedAt: row.disconnected_at === null ? null : Number(row.disconnected_at),
      lastPosition: Number(row.last_position),
      sentUpTo: Number(row.sent_up_to),
      exportedUpTo: row.exported_up_to === null ? null : Number(row.exported_up_to),
      fenced: row.fenced === 1,
    }
  }

  saveSession(
    id: string,
    expirySeconds: number,
    disconnectedAt: number | null,
    outgoing: Pick<OutgoingSnapshot, 'lastPosition' | 'sentUpTo'>,
  ): void {
    const before = this.synced !== null
    const rows = this.storage.exec(
      `INSERT OR REPLACE INTO session (one, id, expiry_seconds, disconnected_at, last_position, sent_up_to) VALUES (1, ?, ?, ?, ?, ?) RETURNING ${SESSION_ROWS.columns.join(', ')}`,
      id,
      expirySeconds,
      disconnectedAt,
      outgoing.lastPosition,
      outgoing.sentUpTo,
    )
    this.storage.remember(SESSION_ROWS, rows)
    this.outlives = expirySeconds > 0
    this.synced?.one('session', before)
  }

  sentUpTo(position: number): void {
    this.storage.exec('UPDATE session SET sent_up_to = ?', position)
    this.synced?.one('session', true)
  }

  markExported(upTo: number): void {
    this.storage.exec('UPDATE session SET exported_up_to = ?', upTo)
  }

  markFenced(): void {
    this.storage.exec('UPDATE session SET fenced = 1')
  }

  /** Deletes all rows of the session. */
  clear(): void {
    this.marks.sessionEnded(this.synced !== null)
    this.outlives = false
    for (const table of ['session', 'subscription', 'queue', 'released', 'received', 'live_bulk'])
      this.storage.exec(`DELETE FROM ${table}`)
  }

  /** The id of the session that this home began with, or null. */
  imported(): string | null {
    const [row] = this.storage.rows(IMPORTED_ROWS)
    return row === undefined ? null : String(row.session)
  }

  saveImported(session: string): void {
    this.storage.exec('INSERT OR REPLACE INTO imported (one, session) VALUES (1, ?)', session)
  }

  // Subscriptions ---------------------------------------------------------------------------------------------------

  subscriptions(): Map<string, Subscription> {
    return new Map(
      this.storage
        .rows(SUBSCRIPTION_ROWS)
        .map((row) => [String(row.filter), JSON.parse(String(row.options)) as Subscription]),
    )
  }

  /** @param registered whether the filter's leaf in this region has the subscription */
  saveSubscription(subscription: Subscription, registered: boolean): void {
    const options = JSON.stringify(subscription)
    const { filter } = subscription
    const known = this.storage.known(SUBSCRIPTION_ROWS)
    const [before] =
      known?.filter((row) => row.filter === filter) ??
      this.rows('SELECT options, registered FROM subscription WHERE filter = ?', filter)
    if (before?.options === options && before.registered === Number(registered)) return
    this.storage.exec(
      'INSERT OR REPLACE INTO subscription (filter, options, registered) VALUES (?, ?, ?)',
      filter,
      options,
      Number(registered),
    )
    if (known !== null) {
      const others = known.filter((row) => row !== before)
      this.storage.remember(SUBSCRIPTION_ROWS, [
        ...others,
        { filter, options, registered: Number(registered) },
      ])
    }
    if (before?.options === options) return
    this.synced?.one('session', true)
    this.synced?.put('subscription', filter, before !== undefined)
  }

  /** Of a subscription that is stored: leaves alone whether it is registered. */
  saveOptions(subscription: Subscription): void {
    const { filter } = subscription
    const row = this.storage.rows(SUBSCRIPTION_ROWS).find((one) => one.filter === filter)
    if (row !== undefined) this.saveSubscription(subscription, row.registered === 1)
  }

  unregistered(): Subscription[] {
    return this.storage
      .rows(SUBSCRIPTION_ROWS)
      .flatMap(({ registered, options }) =>
        registered === 0 ? [JSON.parse(String(options)) as Subscription] : [],
      )
  }

  markRegistered(filters: readonly string[]): void {
    const known = this.storage.known(SUBSCRIPTION_ROWS)
    for (const filter of filters) {
      if (known?.some((row) => row.filter === filter && row.registered === 1)) continue
      this.storage.exec('UPDATE subscription SET registered = 1 WHERE filter = ?', filter)
    }
  }

  removeSubscription(filter: string): void {
    this.storage.exec('DELETE FROM subscription WHERE filter = ?', filter)
    this.synced?.one('session', true)
    this.synced?.gone('subscription', filter)
  }

  // Queue -----------------------------------------------------------------------------------------------------------

  queueSize(): QueueSize {
    const [row] = this.rows(
      'SELECT count(*) AS messages, coalesce(sum(bytes), 0) AS bytes, count(share) AS shared, coalesce(sum(bytes) FILTER (WHERE share IS NOT NULL), 0) AS shared_bytes, coalesce(max(position), 0) AS last FROM queue',
    )
    return {
      stored: {
        storedMessages: Number(row?.messages ?? 0),
        storedBytes: Number(row?.bytes ?? 0),
        sharedMessages: Number(row?.shared ?? 0),
        sharedBytes: Number(row?.shared_bytes ?? 0),
      },
      last: Number(row?.last ?? 0),
    }
  }

  /** What the effect asks for: rows from the oldest, until they have so many messages and so many bytes. */
  oldest({ shared, after, messages, bytes }: DropEffect): StoredDelivery[] {
    const found: StoredDelivery[] = []
    let foundBytes = 0
    for (let last = after; found.length < messages || foundBytes < bytes; ) {
      const rows = this.rows(
        `SELECT position, bytes, delivery FROM queue WHERE position > ? AND share IS ${shared ? 'NOT NULL' : 'NULL'} ORDER BY position LIMIT ?`,
        last,
        Math.min(DROP_ROWS_MAX, Math.max(1, messages - found.length)),
      )
      if (rows.length === 0) break
      for (const row of rows) {
        if (found.length >= messages && foundBytes >= bytes) break
        found.push(storedDelivery(row))
        foundBytes += Number(row.bytes)
        last = Number(row.position)
      }
    }
    return found
  }

  enqueue(entries: readonly StoredDelivery[]): void {
    for (const { position, delivery } of entries) {
      this.storage.exec(
        'INSERT OR REPLACE INTO queue (position, bytes, delivery, share) VALUES (?, ?, ?, ?)',
        position,
        deliveryBytes(delivery),
        encodeDelivery(delivery),
        delivery.share?.filter ?? null,
      )
      this.synced?.put('queue', position, false)
    }
    const last = entries.at(-1)
    if (last !== undefined) {
      this.storage.exec('UPDATE session SET last_position = max(last_position, ?)', last.position)
    }
  }

  /** Those of these positions that are in the queue. */
  inQueue(positions: readonly number[]): Set<number> {
    const rows = inLists(positions).flatMap((list) =>
      this.rows(`SELECT position FROM queue WHERE position IN (${list})`),
    )
    return new Set(rows.map(({ position }) => Number(position)))
  }

  dequeue(positions: readonly number[]): void {
    for (const list of inLists(positions)) this.storage.exec(`DELETE FROM queue WHERE position IN (${list})`)
    for (const position of positions) this.synced?.gone('queue', position)
  }

  /** The session's next home has these deliveries. */
  dequeueUpTo(position: number): void {
    if (position > 0) this.storage.exec('DELETE FROM queue WHERE position <= ?', position)
  }

  /** Deletes the deliveries that the core's store has: the next home read them from there. */
  dropConfirmed(): void {
    for (const { position } of this.rows('SELECT position FROM queue'))
      if (!this.marks.has('queue', Number(position)))
        this.storage.exec('DELETE FROM queue WHERE position = ?', Number(position))
  }

  /** The deliveries that the core's store may not have. */
  unconfirmed(): StoredDelivery[] {
    return this.queued(0, Number.MAX_SAFE_INTEGER, -1).filter(({ position }) =>
      this.marks.has('queue', position),
    )
  }

  /** One encoded delivery, or null. */
  queuedBytes(position: number): Uint8Array | null {
    const [row] = this.rows('SELECT delivery FROM queue WHERE position = ?', position)
    return row === undefined ? null : new Uint8Array(row.delivery as ArrayBuffer)
  }

  /** The first deliveries after a position: as many as fit into so many bytes, but one at least. */
  queuedPage(after: number, bytesMax: number, limit: number): StoredDelivery[] {
    let bytes = 0
    let upTo = after
    for (const row of this.rows(
      'SELECT position, bytes FROM queue WHERE position > ? ORDER BY position LIMIT ?',
      after,
      limit,
    )) {
      bytes += Number(row.bytes)
      if (upTo > after && bytes > bytesMax) break
      upTo = Number(row.position)
    }
    return this.queued(after, upTo, limit)
  }

  /** The first deliveries after a position, until they have so many bytes. */
  queuedInto(after: number, bytesMax: number, limit: number): StoredDelivery[] {
    return this.rows(
      'SELECT position, delivery FROM queue WHERE position > ? AND position <= (SELECT max(position) FROM (SELECT position, sum(bytes) OVER (ORDER BY position) - bytes AS before FROM (SELECT position, bytes FROM queue WHERE position > ? ORDER BY position LIMIT ?)) WHERE before < ?) ORDER BY position',
      after,
      after,
      limit,
      bytesMax,
    ).map(storedDelivery)
  }

  queued(after: number, upTo: number, limit: number): StoredDelivery[] {
    return this.rows(
      'SELECT position, delivery FROM queue WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
      after,
      upTo,
      limit,
    ).map(storedDelivery)
  }

  // Shared subscriptions --------------------------------------------------------------------------------------------

  /** The deliveries of shared subscriptions in the queue, after a position. */
  queuedShared(after: number, limit: number): StoredDelivery[] {
    return this.rows(
      'SELECT position, delivery FROM queue WHERE share IS NOT NULL AND position > ? ORDER BY position LIMIT ?',
      after,
      limit,
    ).map(storedDelivery)
  }

  // QoS 2 -----------------------------------------------------------------------------------------------------------

  /** The client has the delivery: from here to PUBCOMP only the position is stored. */
  release(position: number, stored: boolean): void {
    if (stored) this.dequeue([position])
    this.storage.exec('INSERT OR REPLACE INTO released (position) VALUES (?)', position)
    this.synced?.one('session', true)
  }

  complete(positions: readonly number[]): void {
    for (const list of inLists(positions))
      this.storage.exec(`DELETE FROM released WHERE position IN (${list})`)
    this.synced?.one('session', true)
  }

  released(): number[] {
    return this.rows('SELECT position FROM released ORDER BY position').map(({ position }) =>
      Number(position),
    )
  }

  /**
   * A QoS 2 message of the client is about to be published.
   * @param fresh an origin for a message that has none
   * @param dup whether an earlier PUBLISH may have stored an origin
   * @returns the message's origin
   */
  begin(packetId: number, fresh: string, dup: boolean): string {
    const [before] = dup ? this.rows('SELECT origin FROM received WHERE packet_id = ?', packetId) : []
    if (before !== undefined) return String(before.origin)
    this.storage.exec(
      'INSERT OR REPLACE INTO received (packet_id, origin, settled) VALUES (?, ?, 0)',
      packetId,
      fresh,
    )
    return fresh
  }

  /** The message has its outcome: until PUBREL a repeated PUBLISH only gets PUBREC again. */
  receive(packetId: number): void {
    this.storage.exec(
      "INSERT INTO received (packet_id, origin, settled) VALUES (?, '', 1) ON CONFLICT (packet_id) DO UPDATE SET settled = 1",
      packetId,
    )
    this.synced?.one('session', true)
  }

  dismiss(packetId: number): void {
    this.storage.exec('DELETE FROM received WHERE packet_id = ?', packetId)
    this.synced?.one('session', true)
  }

  received(): number[] {
    return this.rows('SELECT packet_id FROM received WHERE settled = 1').map((row) => Number(row.packet_id))
  }

  // State of a live connection that does not fit into its attachment -------------------------------------------------

  saveLiveBulk(bulk: LiveBulk): void {
    this.storage.exec('INSERT OR REPLACE INTO live_bulk (one, bulk) VALUES (1, ?)', bulkText(bulk))
  }

  liveBulk(): LiveBulk | null {
    const [row] = this.rows('SELECT bulk FROM live_bulk')
    return row === undefined ? null : bulkOf(String(row.bulk))
  }

  /** The marks, if the session is synced. */
  private get synced(): Marks | null {
    this.outlives ??= (this.session()?.expirySeconds ?? 0) > 0
    return this.outlives ? this.marks : null
  }

  private rows(query: string, ...bindings: (string | number)[]) {
    return this.storage.exec(query, ...bindings)
  }
}

function storedDelivery(row: SqlRow): StoredDelivery {
  return {
    position: Number(row.position),
    delivery: decodeDelivery(new Uint8Array(row.delivery as ArrayBuffer)),
  }
}
