// The part of a session's deliveries that outlives the actor's memory: rows of its queue, and the counters beside them.
import type { Delivery } from './delivery.ts'

export interface StoredDelivery {
  /** Grows with each QoS 1 or 2 delivery of the session, from 1. */
  readonly position: number
  readonly delivery: Delivery
}

export interface OutgoingSnapshot {
  /** The highest position that a delivery has. */
  readonly lastPosition: number
  /** Each stored delivery up to this position has been sent at least once. */
  readonly sentUpTo: number
  readonly storedMessages: number
  readonly storedBytes: number
  /** How many of these, and of their bytes, came by shared subscriptions. */
  readonly sharedMessages: number
  readonly sharedBytes: number
  /** Positions of QoS 2 deliveries that have their PUBREC and wait for PUBCOMP, in order. */
  readonly released: readonly number[]
}

export const EMPTY_OUTGOING: OutgoingSnapshot = {
  lastPosition: 0,
  sentUpTo: 0,
  storedMessages: 0,
  storedBytes: 0,
  sharedMessages: 0,
  sharedBytes: 0,
  released: [],
}

const PACKET_IDS = 65_535

/**
 * The packet id follows from the position. So a delivery that is sent again after a crash carries its original id, although
 * nobody wrote the id down. [MQTT-4.4.0-1]
 */
export function packetIdOf(position: number): number {
  return ((position - 1) % PACKET_IDS) + 1
}
