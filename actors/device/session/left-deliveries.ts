// Deliveries of shared subscriptions that ended sessions have left to the other members of their groups, in storage.
import { decodeDelivery, encodeDelivery } from '../../../src/session/delivery.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import type { Storage } from '../../platform.ts'
import { inLists } from '../../storage/in-lists.ts'

export class LeftDeliveries {
  private readonly storage: Storage

  constructor(storage: Storage) {
    this.storage = storage
  }

  add(rows: readonly Pick<StoredDelivery, 'delivery'>[]): void {
    for (const { delivery } of rows)
      this.storage.exec('INSERT INTO orphan (delivery) VALUES (?)', encodeDelivery(delivery))
  }

  /** Oldest first. The position of a row is its place in this table, not in a session's queue. */
  after(position: number, limit: number): StoredDelivery[] {
    return this.storage
      .exec('SELECT id, delivery FROM orphan WHERE id > ? ORDER BY id LIMIT ?', position, limit)
      .map(({ id, delivery }) => ({
        position: Number(id),
        delivery: decodeDelivery(new Uint8Array(delivery as ArrayBuffer)),
      }))
  }

  remove(positions: readonly number[]): void {
    for (const list of inLists(positions)) this.storage.exec(`DELETE FROM orphan WHERE id IN (${list})`)
  }
}
