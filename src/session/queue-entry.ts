// A QoS 1 or 2 delivery in the session's memory: in flight to its client, or waiting for room in the inflight window.
import type { Delivery, DeliveryOutcome } from './delivery.ts'
import type { OutgoingEffect } from './effect.ts'
import type { StoredDelivery } from './stored-delivery.ts'

export interface QueueEntry {
  readonly position: number
  readonly delivery: Delivery
  readonly arrivedAt: number
  stored: boolean
  /** An earlier connection has sent it: this send is marked DUP. */
  sentBefore: boolean
  /** The delivery's number while its sender waits for the outcome, then 0. */
  number: number
}

export function isShared({ delivery }: QueueEntry): boolean {
  return delivery.share !== null
}

/** The sender still waits: no other place has the message for this session. */
export function isOpen({ number }: QueueEntry): boolean {
  return number !== 0
}

export function entryOf(row: StoredDelivery, now: number): QueueEntry {
  return {
    position: row.position,
    delivery: row.delivery,
    arrivedAt: now,
    stored: true,
    sentBefore: false,
    number: 0,
  }
}

const NO_BYTES = new Uint8Array(0)
/** Stands for a delivery in flight that was never stored, after the actor's memory was lost: only its packet id is known. */
export const FORGOTTEN: QueueEntry = {
  position: 0,
  arrivedAt: 0,
  stored: false,
  sentBefore: false,
  number: 0,
  delivery: {
    qos: 1,
    retain: false,
    identifiers: [],
    share: null,
    message: { topic: '', qos: 1, retain: false, properties: NO_BYTES, payload: NO_BYTES, expiresAt: 0 },
  },
}

/** Tells the sender the outcome, once. */
export function settle(entry: QueueEntry, outcome: DeliveryOutcome, effects: OutgoingEffect[]): void {
  if (!isOpen(entry)) return
  effects.push({ do: 'outcome', number: entry.number, outcome })
  entry.number = 0
}

/** @param stored those of them that are rows */
export function dropEffects(
  dropped: readonly StoredDelivery[],
  stored: readonly StoredDelivery[],
): OutgoingEffect[] {
  const positions = stored.map(({ position }) => position)
  return [
    ...(positions.length > 0 ? [{ do: 'forget' as const, positions }] : []),
    { do: 'dropped', deliveries: dropped.map(({ delivery }) => delivery) },
  ]
}
