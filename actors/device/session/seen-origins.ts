// Names of QoS 2 deliveries that a session has accepted: a call between actors that fails is repeated, and a repeated delivery
// must not be accepted twice. Stored with the delivery if the session outlives its connection.
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { type Delivery, decodeDelivery } from '../../../src/session/delivery.ts'
import type { Overlap } from '../../../src/session/overlap.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import { SEEN_ORIGINS_MAX, SEEN_PRUNE_EVERY } from '../../limits.ts'
import type { Storage } from '../../platform.ts'

export class SeenOrigins {
  private readonly storage: Storage
  private readonly recent = new Map<string, Promise<Outcome>>()

  constructor(storage: Storage) {
    this.storage = storage
  }

  /** Accepts a delivery unless it was accepted before; then the outcome is the first one's. */
  once(
    bytes: Uint8Array,
    accept: (delivery: Delivery, settle: (outcome: Outcome) => void) => void,
    overlapOf: (delivery: Delivery) => Overlap | null = () => null,
  ): Promise<Outcome> {
    const decoded = decodeDelivery(bytes)
    const overlap = overlapOf(decoded)
    const delivery = overlap?.delivery ?? decoded
    const stored = nameOf(delivery)
    // Of QoS 0 and 1 only memory knows what came by the other way.
    const name = stored ?? overlap?.name ?? null
    if (name === null) return new Promise((settle) => accept(delivery, settle))
    const known = this.recent.get(name)
    if (known !== undefined) {
      if (delivery.message.acknowledged === undefined) return known
      // A full queue may refuse the first one. This one was acknowledged to its publisher since, so no queue refuses it.
      return known.then((outcome) => (isFailure(outcome) ? this.once(bytes, accept, overlapOf) : outcome))
    }
    if (stored !== null && this.isStored(stored)) return Promise.resolve(Outcome.Stored)
    const outcome = new Promise<Outcome>((settle) => accept(delivery, settle))
    this.remember(name, outcome)
    void outcome.then((reason) => {
      if (isFailure(reason)) this.recent.delete(name)
    })
    return outcome
  }

  /** In the transaction that stores the delivery. */
  keep(delivery: Delivery): void {
    const name = nameOf(delivery)
    if (name === null) return
    const [row] = this.storage.exec('INSERT OR IGNORE INTO seen (name) VALUES (?) RETURNING id', name)
    const id = Number(row?.id ?? 0)
    if (id % SEEN_PRUNE_EVERY === 0)
      this.storage.exec('DELETE FROM seen WHERE id <= ?', id - SEEN_ORIGINS_MAX)
  }

  /** For the session's next home. */
  all(): string[] {
    return this.storage.exec('SELECT name FROM seen ORDER BY id').map(({ name }) => String(name))
  }

  import(names: Iterable<string>): void {
    for (const name of names) this.storage.exec('INSERT OR IGNORE INTO seen (name) VALUES (?)', name)
  }

  /** The session has ended. */
  clear(): void {
    this.recent.clear()
    this.storage.exec('DELETE FROM seen')
  }

  private isStored(name: string): boolean {
    return this.storage.exec('SELECT 1 FROM seen WHERE name = ?', name).length > 0
  }

  private remember(name: string, outcome: Promise<Outcome>): void {
    const [oldest] = this.recent.keys()
    if (this.recent.size >= SEEN_ORIGINS_MAX && oldest !== undefined) this.recent.delete(oldest)
    this.recent.set(name, outcome)
  }
}

/** The names of deliveries; null for one that is not recognised. */
export function namesOf(deliveries: readonly StoredDelivery[]): readonly (string | null)[] {
  return deliveries.map(({ delivery }) => nameOf(delivery))
}

/** With the identifiers: overlapping subscriptions bring several copies of a message, each with its own. */
function nameOf({ qos, identifiers, share, message }: Delivery): string | null {
  if (qos < 2 || message.origin === undefined) return null
  return [message.origin, ...identifiers, ...(share === null ? [] : [share.filter])].join(' ')
}
