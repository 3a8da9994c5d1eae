// What an uplink could not pass on in time, in SQLite until the core has it (promise 6).
import type { RegionId, Root } from '../../src/id/ids.ts'
import { OUTBOX_BYTES_MAX } from '../limits.ts'
import type { Destination, SqlRow, Storage } from '../platform.ts'
import { Tables } from '../tables.ts'

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, root TEXT NOT NULL, kind TEXT NOT NULL, region TEXT, epoch INTEGER NOT NULL, expires_at REAL NOT NULL, record BLOB NOT NULL)',
]

export interface OutboxRow {
  readonly id: number
  readonly root: Root
  readonly to: Destination
  readonly expiresAt: number
  readonly record: Uint8Array
}

export class Outbox {
  private readonly storage: Storage
  private readonly tables: Tables
  private readonly messagesMax: number
  private messages = 0
  private bytes = 0

  constructor(storage: Storage, messagesMax: number) {
    this.storage = storage
    this.messagesMax = messagesMax
    this.tables = new Tables(storage, SCHEMA, 'outbox')
    if (!this.tables.exist) return
    const [size] = storage.exec(
      'SELECT count(*) AS messages, coalesce(sum(length(record)), 0) AS bytes FROM outbox',
    )
    this.messages = Number(size?.messages)
    this.bytes = Number(size?.bytes)
  }

  get size(): number {
    return this.messages
  }

  /** The row's id, or null past the bound. */
  add(root: Root, to: Destination, expiresAt: number, record: Uint8Array): number | null {
    if (this.messages >= this.messagesMax || this.bytes + record.length > OUTBOX_BYTES_MAX) return null
    this.tables.make()
    const [row] = this.storage.exec(
      'INSERT INTO outbox (root, kind, region, epoch, expires_at, record) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
      root,
      to.kind,
      to.kind === 'home' ? null : to.region,
      to.kind === 'region' ? to.epoch : 0,
      expiresAt,
      record,
    )
    this.messages++
    this.bytes += record.length
    return Number(row?.id)
  }

  remove(id: number, record: Uint8Array): void {
    this.storage.exec('DELETE FROM outbox WHERE id = ?', id)
    this.messages--
    this.bytes -= record.length
  }

  /** Everything, in the order in which it came. */
  all(): OutboxRow[] {
    if (!this.tables.exist) return []
    return this.storage.exec('SELECT * FROM outbox ORDER BY id').map((row) => ({
      id: Number(row.id),
      root: String(row.root) as Root,
      to: destinationOf(row),
      expiresAt: Number(row.expires_at),
      record: new Uint8Array(row.record as ArrayBuffer),
    }))
  }
}

function destinationOf(row: SqlRow): Destination {
  if (row.kind === 'home') return { kind: 'home' }
  const region = String(row.region) as RegionId
  return row.kind === 'wide' ? { kind: 'wide', region } : { kind: 'region', region, epoch: Number(row.epoch) }
}
