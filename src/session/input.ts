// All that happens to a session, as data. The inputs of a session, in order, replay its life: see test/session/recording.ts.
import type { ClientPacket } from '../mqtt/packet.ts'
import type { ReasonCode } from '../mqtt/reason.ts'
import type { Delivery } from './delivery.ts'
import type { DropEffect } from './effect.ts'
import type { QueueBound } from './queue-room.ts'
import type { OutgoingSnapshot, StoredDelivery } from './stored-delivery.ts'
import type { Subscription } from './subscription.ts'
import type { Terms } from './terms.ts'

/** A new session, or one as storage and attachment know it. */
export interface SessionStart {
  /** Changes with each new session of the client, so that a leaf recognises subscriptions of an older one. */
  readonly id: string
  /** How long the session outlives its connection, seconds; 0: it ends with the connection. */
  readonly expirySeconds: number
  readonly subscriptions: readonly Subscription[]
  readonly outgoing: OutgoingSnapshot
  /** Packet ids of QoS 2 publishes that have their PUBREC and wait for PUBREL. */
  readonly received: readonly number[]
  readonly queue: QueueBound
}

export type AliasPair = readonly [alias: number, topic: string]

/** A packet of the live connection, after CONNECT, or an event of the actor. Times are in ms since the epoch. */
export type SessionInput =
  | ClientPacket
  /** A message for the client. Its number is any that no other delivery of the actor has; the effect `outcome` repeats it. */
  | { readonly type: 'delivery'; readonly number: number; readonly delivery: Delivery; readonly now: number }
  /** The outcome of the effect `publish` with this number. */
  | { readonly type: 'published'; readonly number: number; readonly reason: ReasonCode }
  /** The outcome of the effect `subscribe` with this number: a reason for each of its items, in order. */
  | {
      readonly type: 'subscribed'
      readonly number: number
      readonly reasons: readonly ReasonCode[]
      /** Reason String of the SUBACK, where the reasons alone do not say the cause. */
      readonly said?: string
    }
  | { readonly type: 'unsubscribed'; readonly number: number }
  /** A CONNECT resumes the session with another expiry. Before `connected`. */
  | { readonly type: 'resumed'; readonly expirySeconds: number }
  | { readonly type: 'connected'; readonly terms: Terms }
  | AwakenedInput
  | { readonly type: 'disconnected' }
  /** The effect `send` was not performed: the packet is too large for the client, or the message has expired. */
  | { readonly type: 'skipped'; readonly packetId: number }
  /** The rows that the effect `refill` asked for, and its limit. */
  | {
      readonly type: 'refill'
      readonly rows: readonly StoredDelivery[]
      readonly limit: number
      readonly now: number
    }
  /** The rows that the effect `drop-oldest` asked for. */
  | { readonly type: 'dropped'; readonly asked: DropEffect; readonly rows: readonly StoredDelivery[] }
  /** The actor has memory for so many bytes of the client's packets that wait, those that wait now included. */
  | { readonly type: 'memory'; readonly heldBytesMax: number }
  /** An administrator empties the queue. */
  | { readonly type: 'purged' }
  /** The time of the last effect `wake` has come. */
  | { readonly type: 'ack-wait-over'; readonly now: number }
  /** Other members of the group have these stored deliveries of a shared subscription. */
  | { readonly type: 'redistributed'; readonly rows: readonly StoredDelivery[] }
  /** From where on the client still is to get the filter's retained messages; null: it got all. */
  | { readonly type: 'retained-sent'; readonly filter: string; readonly after: string | null }
  /** A former home had granted this subscription, or ended it (null), and this home did not know. */
  | { readonly type: 'learned'; readonly filter: string; readonly subscription: Subscription | null }

/** The connection outlived the actor's memory (hibernation). Each publish had its answer by then. */
export interface AwakenedInput {
  readonly type: 'awakened'
  readonly terms: Terms
  /** Topic aliases that the client has set. */
  readonly aliases: readonly AliasPair[]
  /** Packet ids in flight whose deliveries were never stored (a session that ends with its connection). */
  readonly unstored: readonly number[]
  /** The stored deliveries up to `sentOnConnection`: in flight, without an acknowledgement. */
  readonly stored: readonly StoredDelivery[]
  /** The last position that this connection was sent. */
  readonly sentOnConnection: number
  readonly now: number
}
