// What a session's outgoing side asks of the actor, and what of it is kept.
import type { Delivery } from './delivery.ts'

/**
 * Called once with the outcome: Success when acknowledged or durable, else why not.
 * @param storedUpTo where it is stored: in the queue, up to this position
 */
export type Settle = (reason: number, storedUpTo?: number) => void

export interface StoredDelivery {
  readonly position: number
  readonly delivery: Delivery
}

export type OutgoingEffect =
  | { readonly do: 'send'; readonly delivery: Delivery; readonly packetId: number; readonly dup: boolean }
  /** Store in one transaction, with the watermark; then settle. */
  | { readonly do: 'store'; readonly entries: readonly StoredDelivery[]; readonly settles: readonly Settle[] }
  /** PUBREC came: of this position only the id is kept, until `complete`. To be stored before PUBREL is sent. */
  | { readonly do: 'release'; readonly position: number; readonly stored: boolean }
  | { readonly do: 'pubrel'; readonly packetId: number }
  /** PUBCOMP came. */
  | { readonly do: 'complete'; readonly position: number }
  /** These positions were acknowledged, or have expired, and need not be kept. */
  | {
      readonly do: 'forget'
      readonly positions: readonly number[]
      readonly expired?: readonly StoredDelivery[]
    }
  /** Everything stored up to this position has been sent at least once. */
  | { readonly do: 'sent-up-to'; readonly position: number }
  /** Read stored deliveries after this position, at most so many, and hand them to `refill`. */
  | { readonly do: 'refill'; readonly after: number; readonly limit: number }
  /** Call `ackWaitOver` at this time, ms. */
  | { readonly do: 'wake'; readonly at: number }

export interface OutgoingSnapshot {
  /** The highest position ever given out. */
  readonly lastPosition: number
  /** Positions up to here have been sent at least once. */
  readonly sentUpTo: number
  readonly storedMessages: number
  readonly storedBytes: number
  /** Positions of QoS 2 deliveries that the client has (PUBREC) and whose PUBCOMP is still to come, in order. */
  readonly released: readonly number[]
}

export const EMPTY_OUTGOING: OutgoingSnapshot = {
  lastPosition: 0,
  sentUpTo: 0,
  storedMessages: 0,
  storedBytes: 0,
  released: [],
}

const PACKET_IDS = 65_535

/**
 * The packet id follows from the position, so that a message stored and sent again after a crash carries its
 * original id without that id having been written. [MQTT-4.4.0-1]
 */
export function packetIdOf(position: number): number {
  return ((position - 1) % PACKET_IDS) + 1
}
