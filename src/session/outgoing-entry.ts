// A delivery that a session has in memory: in flight to its client, or waiting for room.
import type { Delivery } from './delivery.ts'
import type { OutgoingEffect, Settle, StoredDelivery } from './outgoing-effect.ts'

export interface Entry {
  readonly position: number
  readonly delivery: Delivery
  readonly arrivedAt: number
  stored: boolean
  /** On an earlier connection. */
  sentBefore: boolean
  settle: Settle | null
}

export function isShared({ delivery }: Entry): boolean {
  return delivery.share !== null
}

export function entryOf(row: StoredDelivery, now: number): Entry {
  return {
    position: row.position,
    delivery: row.delivery,
    arrivedAt: now,
    stored: true,
    sentBefore: false,
    settle: null,
  }
}

const NO_BYTES = new Uint8Array(0)
/** Stands for a message that a session which ends with its connection sent before the actor's memory was lost. */
export const FORGOTTEN: Entry = {
  position: 0,
  arrivedAt: 0,
  stored: false,
  sentBefore: false,
  settle: null,
  delivery: {
    qos: 1,
    retain: false,
    identifiers: [],
    share: null,
    message: { topic: '', qos: 1, retain: false, properties: NO_BYTES, payload: NO_BYTES, expiresAt: 0 },
  },
}

/** Nobody has it yet: its sender waits. */
export function isOpen({ settle }: Entry): boolean {
  return settle !== null
}

/** Found to have expired in the queue: deleted, and told. */
export function forgetExpired(expired: readonly StoredDelivery[]): OutgoingEffect {
  return { do: 'forget', positions: expired.map(({ position }) => position), expired }
}
