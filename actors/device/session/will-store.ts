// The wills of a client in the actor's storage. Row 1 is the will of the connection, or of the last one while it is delayed. The rows
// after it are due, in order.
import { decodeMessage, encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import type { Will } from '../../../src/mqtt/packet.ts'
import type { Storage } from '../../platform.ts'

export class WillStore {
  private readonly storage: Storage

  constructor(storage: Storage) {
    this.storage = storage
  }

  /** The will of the connection and when it is due (null while its connection stands). */
  current(): { readonly will: Will; readonly publishAt: number | null } | null {
    const [row] = this.storage.exec('SELECT * FROM will WHERE one = 1')
    if (row === undefined) return null
    return {
      will: {
        message: decodeMessage(new Uint8Array(row.record as ArrayBuffer)),
        delaySeconds: Number(row.delay_seconds),
        expirySeconds: row.expiry_seconds === null ? null : Number(row.expiry_seconds),
      },
      publishAt: row.publish_at === null ? null : Number(row.publish_at),
    }
  }

  save(will: Will): void {
    this.storage.exec(
      'INSERT OR REPLACE INTO will (one, record, delay_seconds, expiry_seconds, publish_at) VALUES (1, ?, ?, ?, NULL)',
      encodeMessage(will.message),
      will.delaySeconds,
      will.expirySeconds,
    )
  }

  delay(publishAt: number): void {
    this.storage.exec('UPDATE will SET publish_at = ? WHERE one = 1', publishAt)
  }

  clear(): void {
    this.storage.exec('DELETE FROM will WHERE one = 1')
  }

  /** The will of the connection is due now, after all that are due. */
  becomeDue(now: number): void {
    this.storage.exec(
      'UPDATE will SET one = (SELECT max(one) FROM will) + 1, publish_at = ? WHERE one = 1',
      now,
    )
  }

  /** The numbers of the wills that are due, in order. */
  due(): number[] {
    return this.storage.exec('SELECT one FROM will WHERE one > 1 ORDER BY one').map(({ one }) => Number(one))
  }

  /** A due will, which expires as long after it was due as its client asked; null for none. */
  dueMessage(number: number): Message | null {
    const [row] = this.storage.exec(
      'SELECT record, expiry_seconds, publish_at FROM will WHERE one = ?',
      number,
    )
    if (row === undefined) return null
    const message = decodeMessage(new Uint8Array(row.record as ArrayBuffer))
    const { expiry_seconds: expiry, publish_at: dueAt } = row
    return { ...message, expiresAt: expiry === null ? 0 : Number(dueAt) + Number(expiry) * 1000 }
  }

  removeDue(number: number): void {
    this.storage.exec('DELETE FROM will WHERE one = ?', number)
  }
}
