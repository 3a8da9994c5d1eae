// The outbox: messages that the uplink could not deliver in time, in SQLite until their receivers have them (promise 6).
import type { RegionId, Root } from '../../src/id/ids.ts'
import { OUTBOX_BYTES_MAX, OUTBOX_ROWS_AT_ONCE } from '../limits.ts'
import type { SqlRow, Storage } from '../platform.ts'
import type { Destination } from './uplink-peer.ts'

/** A message's name. A receiver recognises a repetition by it, even after the uplink has lost its memory. */
export interface ItemName {
  readonly source: string
  readonly number: number
}

export interface OutboxRow {
  readonly id: number
  readonly root: Root
  readonly to: Destination
  /** The home's region when the message was stored; null if unknown. */
  readonly hint: RegionId | null
  readonly name: ItemName
  readonly expiresAt: number
  /** Of the record, which stays in storage until it is read. */
  readonly bytes: number
}

interface Size {
  messages: number
  bytes: number
}

export class Outbox {
  private readonly storage: Storage
  private readonly messagesMax: number
  private readonly whole: Size = { messages: 0, bytes: 0 }
  private readonly byRegion = new Map<RegionId | null, Size>()

  constructor(storage: Storage, messagesMax: number) {
    this.storage = storage
    this.messagesMax = messagesMax
    for (const { region, messages, bytes } of storage.exec(
      'SELECT region, count(*) AS messages, sum(length(record)) AS bytes FROM outbox GROUP BY region',
    ))
      this.count(region as RegionId | null, Number(messages), Number(bytes))
  }

  get size(): number {
    return this.whole.messages
  }

  /**
   * True if there is room. One region's messages may take as much as is still free: one absent region gets half of the outbox,
   * two get a third each, and a further one always finds room.
   */
  fits(to: Destination, hint: RegionId | null, record: Uint8Array): boolean {
    const { messages, bytes } = this.byRegion.get(regionOf({ to, hint })) ?? { messages: 0, bytes: 0 }
    return (
      messages + 1 <= this.messagesMax - this.whole.messages - 1 &&
      bytes + record.length <= OUTBOX_BYTES_MAX - this.whole.bytes - record.length
    )
  }

  /** Stores a message. Check `fits` before. */
  add(message: Omit<OutboxRow, 'id' | 'bytes'>, record: Uint8Array): OutboxRow {
    const { root, to, name, expiresAt } = message
    const region = regionOf(message)
    const [row] = this.storage.exec(
      'INSERT INTO outbox (root, kind, region, epoch, source, number, expires_at, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id',
      root,
      to.kind,
      region,
      to.kind === 'region' ? to.epoch : 0,
      name.source,
      name.number,
      expiresAt,
      record,
    )
    this.count(region, 1, record.length)
    return { ...message, id: Number(row?.id), bytes: record.length }
  }

  /** Changes the name of a message, and its mark. */
  replace(row: OutboxRow, name: ItemName, record: Uint8Array): OutboxRow {
    this.storage.exec(
      'UPDATE outbox SET source = ?, number = ?, record = ? WHERE id = ?',
      name.source,
      name.number,
      record,
      row.id,
    )
    this.count(regionOf(row), 0, record.length - row.bytes)
    return { ...row, name, bytes: record.length }
  }

  remove(row: OutboxRow): void {
    this.storage.exec('DELETE FROM outbox WHERE id = ?', row.id)
    this.count(regionOf(row), -1, -row.bytes)
  }

  /** All messages without their records, in the order in which they were stored. */
  *all(): Generator<OutboxRow> {
    // Long outages leave many rows of few roots: rows share what is the same in them.
    const strings = new Map<unknown, string>()
    const shared = <T extends string>(value: unknown): T => {
      let text = strings.get(value)
      if (text === undefined) {
        text = String(value)
        strings.set(value, text)
      }
      return text as T
    }
    const destinations = new Map<string, Destination>()
    const sharedDestination = (row: SqlRow): Destination => {
      const key = `${row.kind} ${row.region} ${row.epoch}`
      const destination = destinations.get(key) ?? destinationOf(row)
      destinations.set(key, destination)
      return destination
    }
    for (let after = 0, rows: SqlRow[] = []; ; after = Number(rows.at(-1)?.id)) {
      rows = this.storage.exec(
        'SELECT id, root, kind, region, epoch, source, number, expires_at, length(record) AS bytes FROM outbox WHERE id > ? ORDER BY id LIMIT ?',
        after,
        OUTBOX_ROWS_AT_ONCE,
      )
      for (const row of rows)
        yield {
          id: Number(row.id),
          root: shared<Root>(row.root),
          to: sharedDestination(row),
          hint: row.kind === 'home' && row.region !== null ? shared<RegionId>(row.region) : null,
          name: { source: shared(row.source), number: Number(row.number) },
          expiresAt: Number(row.expires_at),
          bytes: Number(row.bytes),
        }
      if (rows.length < OUTBOX_ROWS_AT_ONCE) return
    }
  }

  record({ id }: OutboxRow): Uint8Array {
    const [row] = this.storage.exec('SELECT record FROM outbox WHERE id = ?', id)
    if (row === undefined) throw new Error('a message of the outbox is gone')
    return new Uint8Array(row.record as ArrayBuffer)
  }

  private count(region: RegionId | null, messages: number, bytes: number): void {
    let size = this.byRegion.get(region)
    if (size === undefined) {
      size = { messages: 0, bytes: 0 }
      this.byRegion.set(region, size)
    }
    for (const one of [size, this.whole]) {
      one.messages += messages
      one.bytes += bytes
    }
  }
}

function regionOf({ to, hint }: Pick<OutboxRow, 'to' | 'hint'>): RegionId | null {
  return to.kind === 'home' ? hint : to.region
}

function destinationOf(row: SqlRow): Destination {
  if (row.kind === 'home') return { kind: 'home' }
  const region = String(row.region) as RegionId
  return row.kind === 'wide' ? { kind: 'wide', region } : { kind: 'region', region, epoch: Number(row.epoch) }
}
