// Deliveries that a leaf stores for sessions whose actors do not answer. A full backlog costs the session that has most of it, never
// the publishers of the root.
import type { ClientId } from '../../../src/id/ids.ts'
import {
  BACKLOG_BYTES_MAX,
  BACKLOG_MESSAGES_MAX,
  COURIER_BATCH_BYTES_MAX,
  COURIER_BATCH_RECORDS_MAX,
} from '../../limits.ts'
import type { Platform, SqlRow } from '../../platform.ts'

/** A session of a client. */
export interface Destination {
  readonly client: ClientId
  readonly session: string
}

export interface BacklogRow {
  readonly id: number
  readonly delivery: Uint8Array
}

interface Size {
  messages: number
  bytes: number
}

export class Backlog {
  private readonly platform: Platform
  private readonly whole: Size = { messages: 0, bytes: 0 }
  private readonly sizes = new Map<string, Destination & Size>()

  constructor(platform: Platform) {
    this.platform = platform
    for (const row of platform.storage.exec(
      'SELECT client, session, count(*) AS messages, sum(length(delivery)) AS bytes FROM backlog GROUP BY client, session',
    )) {
      const destination = { client: String(row.client) as ClientId, session: String(row.session) }
      this.count(destination, Number(row.messages), Number(row.bytes))
    }
  }

  get isEmpty(): boolean {
    return this.sizes.size === 0
  }

  /** Those that deliveries wait for, or that were not reached just now. */
  get destinations(): readonly Destination[] {
    return [...this.sizes.values()]
  }

  has(destination: Destination): boolean {
    return this.sizes.has(keyOf(destination))
  }

  /** Whether deliveries wait for a session of the client. */
  waitsFor(client: ClientId): boolean {
    return this.destinations.some((one) => one.client === client)
  }

  /** From now on deliveries to the session wait. */
  begin(destination: Destination): void {
    this.count(destination, 0, 0)
  }

  /** Nothing waits for the session any more. */
  end(destination: Destination): void {
    this.sizes.delete(keyOf(destination))
  }

  /** Adds a delivery. If the backlog is full, the session that has most of it loses its oldest. */
  add({ client, session }: Destination, delivery: Uint8Array): void {
    this.platform.storage.exec(
      'INSERT INTO backlog (client, session, delivery) VALUES (?, ?, ?)',
      client,
      session,
      delivery,
    )
    this.count({ client, session }, 1, delivery.length)
    if (this.isOver) this.makeRoom()
  }

  /** The oldest of a session's deliveries that fit into one call; one at least, if there is one. */
  oldest({ client, session }: Destination): BacklogRow[] {
    const { storage } = this.platform
    let bytes = 0
    let upTo = 0
    for (const row of storage.exec(
      'SELECT id, length(delivery) AS bytes FROM backlog WHERE client = ? AND session = ? ORDER BY id LIMIT ?',
      client,
      session,
      COURIER_BATCH_RECORDS_MAX,
    )) {
      bytes += Number(row.bytes)
      if (upTo > 0 && bytes > COURIER_BATCH_BYTES_MAX) break
      upTo = Number(row.id)
    }
    return storage
      .exec(
        'SELECT id, delivery FROM backlog WHERE client = ? AND session = ? AND id <= ? ORDER BY id',
        client,
        session,
        upTo,
      )
      .map((row) => ({ id: Number(row.id), delivery: new Uint8Array(row.delivery as ArrayBuffer) }))
  }

  /** The session has its deliveries up to this row. */
  removeUpTo(destination: Destination, id: number): void {
    const { client, session } = destination
    this.removed(
      destination,
      this.platform.storage.exec(
        'DELETE FROM backlog WHERE client = ? AND session = ? AND id <= ? RETURNING length(delivery) AS bytes',
        client,
        session,
        id,
      ),
    )
  }

  private get isOver(): boolean {
    return this.whole.messages > BACKLOG_MESSAGES_MAX || this.whole.bytes > BACKLOG_BYTES_MAX
  }

  private makeRoom(): void {
    const by = this.whole.messages > BACKLOG_MESSAGES_MAX ? 'messages' : 'bytes'
    while (this.isOver) {
      const largest = [...this.sizes.values()].reduce((most, one) => (one[by] > most[by] ? one : most))
      const { client, session } = largest
      const rows = this.platform.storage.exec(
        'DELETE FROM backlog WHERE id = (SELECT min(id) FROM backlog WHERE client = ? AND session = ?) RETURNING length(delivery) AS bytes',
        client,
        session,
      )
      if (rows.length === 0) break
      this.removed(largest, rows)
      this.platform.report(`the backlog is full: a delivery to ${client} is dropped`, null)
    }
  }

  private removed(destination: Destination, rows: readonly SqlRow[]): void {
    const bytes = rows.reduce((sum, row) => sum + Number(row.bytes), 0)
    this.count(destination, -rows.length, -bytes)
  }

  private count(destination: Destination, messages: number, bytes: number): void {
    const key = keyOf(destination)
    const size = this.sizes.get(key) ?? { ...destination, messages: 0, bytes: 0 }
    this.sizes.set(key, size)
    for (const one of [size, this.whole]) {
      one.messages += messages
      one.bytes += bytes
    }
  }
}

function keyOf({ client, session }: Destination): string {
  return JSON.stringify([client, session])
}
