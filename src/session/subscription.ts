// One subscription of a session, and one filter of a SUBSCRIBE as the session has decided on it.
import type { SubscriptionRequest } from '../mqtt/packet.ts'
import type { ReasonCode } from '../mqtt/reason.ts'

export interface Subscription extends SubscriptionRequest {
  /** Subscription Identifier, or 0 for none. */
  readonly identifier: number
  /** From where on the client still is to get retained messages. Absent: it got all. */
  readonly retainedAfter?: string | undefined
}

export interface SubscribeItem {
  readonly subscription: Subscription
  /** The session had no subscription with this filter. */
  readonly isNew: boolean
  /** The reason of a refusal that the session decides alone; null: a leaf decides. */
  readonly refused: ReasonCode | null
  /** The client asks for the filter's history from this instant on, before live messages; as the client wrote it. */
  readonly from?: string
}
