// Messages of chosen topics on their way to the history in the core's store. They are stored here until the store has them, even if
// another region has become the home: the region that accepted a message sends it.

import type { ClientId } from '../../../src/id/ids.ts'
import type { Kept, Message } from '../../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../../src/relay/batch.ts'
import type { HistoryPlace, HistoryRow } from '../../../src/relay/history.ts'
import type { HandoverState } from '../../../src/relay/home.ts'
import {
  CLOCKS_DIFFER_MS_MAX,
  HISTORY_BYTES_PER_ROUND_MAX,
  HISTORY_ROW_BYTES_MAX,
  HISTORY_ROWS_PER_ROUND_MAX,
  HISTORY_WAITING_BYTES_MAX,
  HISTORY_WAITING_MESSAGES_MAX,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { ImportedState, LeafPart } from '../leaf-part.ts'
import { HISTORY_KEPT_ROWS } from '../schema.ts'
import { decodeEntry, type Entry, encodeEntry } from './history-entry.ts'

/** The messages that one round of syncing sends. */
export interface HistoryRound {
  readonly rows: HistoryRow[]
  /** The stored rows up to this number are in the round. */
  readonly storedUpTo: number
  /** How many of the messages in memory are in the round. */
  readonly volatile: number
  /** Whether the round has all messages. */
  readonly all: boolean
}

export class History implements LeafPart {
  /** Called with each message for the store. */
  changed: () => void = () => undefined
  private readonly platform: Platform
  /** Messages of QoS 0: in memory, unless the core is out of reach. */
  private volatile: Entry[] = []
  /** Messages that are stored at the end of this event. */
  private fresh: Entry[] = []
  private storing: Promise<void> | null = null
  private messages = 0
  private bytes = 0
  private number = 0
  private at = 0
  private saidFull = false

  constructor(platform: Platform) {
    this.platform = platform
    const [kept] = platform.storage.rows(HISTORY_KEPT_ROWS)
    const [size] = platform.storage.exec(
      'SELECT coalesce(sum(messages), 0) AS messages, coalesce(sum(length(entries)), 0) AS bytes, coalesce(max(last), 0) AS last FROM history',
    )
    this.messages = Number(size?.messages ?? 0)
    this.bytes = Number(size?.bytes ?? 0)
    this.number = Math.max(Number(kept?.number ?? 0), Number(size?.last ?? 0))
    this.at = Number(kept?.at ?? 0)
    if (this.messages === 0) return
    const [last] = platform.storage.exec('SELECT entries FROM history ORDER BY last DESC LIMIT 1')
    for (const bytes of unpackBatch(new Uint8Array(last?.entries as ArrayBuffer)))
      this.at = Math.max(this.at, decodeEntry(bytes).at)
  }

  /** Whether the store lacks messages. */
  get any(): boolean {
    return this.messages > 0
  }

  /** The last message; number 0 if there was none. */
  get last(): Pick<HistoryPlace, 'at' | 'number'> {
    return { at: this.at, number: this.number }
  }

  export(): Partial<HandoverState> {
    return this.number > 0 ? { keptAt: this.at } : {}
  }

  /** Rows of an earlier term stay. Messages that are added here get no time before the former home's last one. */
  import({ keptAt = 0 }: ImportedState): () => void {
    return () => {
      this.at = Math.max(this.at, Math.floor(Math.min(keptAt, this.platform.now() + CLOCKS_DIFFER_MS_MAX)))
    }
  }

  /** Whether a message must be refused because too many wait for the store. QoS 0 is never refused. */
  refuses({ topic, qos, payload }: Message): boolean {
    return qos > 0 && this.isFull(payload.length) && this.platform.settings.history.ttlSeconds(topic) > 0
  }

  /**
   * Numbers a message of a chosen topic and adds it. Without room, a message of QoS 0 or of the server is dropped and leaves a gap
   * in the numbers.
   * @returns null if the message is not added; else its place, and when it is stored: null for QoS 0
   */
  keep(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    epoch: number,
  ): { readonly kept: Kept; readonly stored: Promise<void> | null } | null {
    const ttlSeconds = this.platform.settings.history.ttlSeconds(message.topic)
    if (ttlSeconds === 0) return null
    const number = ++this.number
    if (this.isFull(message.payload.length)) {
      if (!this.saidFull)
        this.platform.report('messages are missing in the history: too many wait for the core', null)
      this.saidFull = true
      return null
    }
    this.saidFull = false
    this.at = Math.max(this.at, Math.floor(this.platform.now()))
    const entry = encodeEntry({ epoch, number, at: this.at, ttlSeconds, publisher, record })
    this.messages++
    this.bytes += entry.bytes.length
    const stored = message.qos === 0 ? null : this.store(entry)
    if (stored === null) this.volatile.push(entry)
    this.changed()
    return { kept: { epoch, number }, stored }
  }

  /** Whether the store lacks a message up to this number. */
  lacks(upTo: number): boolean {
    const first = [this.volatile[0]?.number, this.fresh[0]?.number]
    if (first.some((number) => number !== undefined && number <= upTo)) return true
    return this.platform.storage.exec('SELECT 1 FROM history WHERE number <= ? LIMIT 1', upTo).length > 0
  }

  /** The next round. Its numbers are not used again. */
  round(): HistoryRound {
    const rows: HistoryRow[] = []
    let bytes = 0
    let storedUpTo = 0
    let all = true
    const room = (more: number) =>
      rows.length === 0 ||
      (bytes + more <= HISTORY_BYTES_PER_ROUND_MAX && rows.length < HISTORY_ROWS_PER_ROUND_MAX)
    const take = (entry: Uint8Array) => {
      bytes += entry.length
      rows.push(rowOf(entry))
    }
    for (;;) {
      const [row] = this.platform.storage.exec(
        'SELECT number, entries FROM history WHERE number > ? ORDER BY number LIMIT 1',
        storedUpTo,
      )
      if (row === undefined) break
      const entries = new Uint8Array(row.entries as ArrayBuffer)
      all = room(entries.length)
      if (!all) break
      for (const entry of unpackBatch(entries)) take(entry)
      storedUpTo = Number(row.number)
    }
    let volatile = 0
    for (const entry of this.volatile) {
      if (!room(entry.bytes.length)) {
        all = false
        break
      }
      take(entry.bytes)
      volatile++
    }
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO history_kept (one, number, at) VALUES (1, ?, ?)',
      this.number,
      this.at,
    )
    return { rows, storedUpTo, volatile, all }
  }

  /** The store has the messages of the round. */
  applied({ rows, storedUpTo, volatile }: HistoryRound): void {
    if (storedUpTo > 0) {
      const gone = this.platform.storage.exec(
        'DELETE FROM history WHERE number <= ? RETURNING messages, length(entries) AS bytes',
        storedUpTo,
      )
      for (const row of gone) this.shrink(Number(row.messages), Number(row.bytes))
    }
    for (const { bytes } of this.volatile.splice(0, volatile)) this.shrink(1, bytes.length)
    if (rows.length > 0) this.saidFull = false
  }

  /** The store was not reached: messages in memory are stored. */
  failed(): void {
    const waiting = this.volatile
    this.volatile = []
    if (waiting.length > 0) this.platform.storage.transaction(() => this.write(waiting))
  }

  private isFull(bytes: number): boolean {
    return (
      this.messages >= HISTORY_WAITING_MESSAGES_MAX ||
      (this.messages > 0 && this.bytes + bytes > HISTORY_WAITING_BYTES_MAX)
    )
  }

  /** In one row with this event's other messages: a call brings many. */
  private store(entry: Entry): Promise<void> {
    this.fresh.push(entry)
    this.storing ??= Promise.resolve().then(() => {
      this.storing = null
      const { fresh } = this
      this.platform.storage.transaction(() => this.write(fresh))
      this.fresh = []
    })
    return this.storing
  }

  private write(entries: readonly Entry[]): void {
    let some: Entry[] = []
    let bytes = 0
    const row = () => {
      const [first] = some
      if (first === undefined) return
      const batch = packBatch(some.map((entry) => entry.bytes))
      this.bytes += batch.length - bytes
      this.platform.storage.exec(
        'INSERT INTO history (number, last, messages, entries) VALUES (?, ?, ?, ?)',
        first.number,
        some.at(-1)?.number ?? first.number,
        some.length,
        batch,
      )
      some = []
      bytes = 0
    }
    for (const entry of entries) {
      if (bytes + entry.bytes.length > HISTORY_ROW_BYTES_MAX) row()
      some.push(entry)
      bytes += entry.bytes.length
    }
    row()
  }

  private shrink(messages: number, bytes: number): void {
    this.messages -= messages
    this.bytes -= bytes
  }
}

function rowOf(bytes: Uint8Array): HistoryRow {
  const { record, ...entry } = decodeEntry(bytes)
  // A copy: a view would carry the row's other messages to the uplink.
  return { ...entry, record: record.slice() }
}
