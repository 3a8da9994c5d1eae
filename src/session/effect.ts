// What a session asks of its actor, as data: an effect holds no function, so that a session's life can be recorded.
// An effect with a number asks for an answer; the answer is an input with the same number (input.ts).
import type { Message } from '../mqtt/message.ts'
import type { ServerPacket } from '../mqtt/packet.ts'
import type { ReasonCode } from '../mqtt/reason.ts'
import type { Delivery, DeliveryOutcome } from './delivery.ts'
import type { StoredDelivery } from './stored-delivery.ts'
import type { SubscribeItem } from './subscription.ts'

/** To be performed in order, each completely before the next. */
export type Effect =
  | OutgoingEffect
  | { readonly do: 'reply'; readonly packet: ServerPacket }
  /** Close the connection: with DISCONNECT where the client knows it, unless `reason` is null. */
  | { readonly do: 'close'; readonly reason: ReasonCode | null }
  | PublishEffect
  | SubscribeEffect
  | UnsubscribeEffect
  /** Store the packet id until `dismissed`: a PUBLISH with this id is answered again, not passed on again. [MQTT-4.3.3-10] */
  | { readonly do: 'received'; readonly packetId: number }
  | { readonly do: 'dismissed'; readonly packetId: number }
  /** The client disconnected cleanly: delete its will. [MQTT-3.14.4-3] */
  | { readonly do: 'discard-will' }

/** Pass the message to its root's leaf; the outcome comes back as the input `published`. */
export interface PublishEffect {
  readonly do: 'publish'
  /** 0 for QoS 0, whose outcome nobody waits for. */
  readonly number: number
  readonly message: Message
  /**
   * Of a QoS 2 message. Store an origin with the packet id before the message is passed on; a repeated PUBLISH (DUP) gets the
   * same origin, by which receivers recognise it.
   */
  readonly exchange: { readonly packetId: number; readonly dup: boolean } | null
}

/** Register the items that are not refused; a reason for each item comes back as the input `subscribed`. */
export interface SubscribeEffect {
  readonly do: 'subscribe'
  readonly number: number
  readonly items: readonly SubscribeItem[]
}

/** Remove the filters at their leaves; the input `unsubscribed` says when. */
export interface UnsubscribeEffect {
  readonly do: 'unsubscribe'
  readonly number: number
  readonly filters: readonly string[]
}

export type OutgoingEffect =
  /** `packetId` is 0 for QoS 0. A delivery that cannot be sent comes back as the input `skipped`. */
  | { readonly do: 'send'; readonly delivery: Delivery; readonly packetId: number; readonly dup: boolean }
  /** The delivery with this number has its outcome: tell its sender. */
  | { readonly do: 'outcome'; readonly number: number; readonly outcome: DeliveryOutcome }
  /** Store the entries in one transaction. Then the deliveries with these numbers have the outcome `stored`. */
  | { readonly do: 'store'; readonly entries: readonly StoredDelivery[]; readonly numbers: readonly number[] }
  /** PUBREC came: delete the row, store the position until `complete`. Both before PUBREL is sent. */
  | { readonly do: 'release'; readonly position: number; readonly stored: boolean }
  | { readonly do: 'pubrel'; readonly packetId: number }
  /** PUBCOMP came: delete the position. */
  | { readonly do: 'complete'; readonly position: number }
  /** Delete these rows: they are acknowledged, or `expired`. */
  | {
      readonly do: 'forget'
      readonly positions: readonly number[]
      readonly expired?: readonly StoredDelivery[]
    }
  /** The queue is over its bound: read the oldest rows that give it room; these come back as the input `dropped`. */
  | DropEffect
  /** Count these for the client: they were dropped from its full queue. */
  | { readonly do: 'dropped'; readonly deliveries: readonly Delivery[] }
  /** Each stored delivery up to this position has been sent at least once. */
  | { readonly do: 'sent-up-to'; readonly position: number }
  /** Read the rows after this position, at most so many; they come back as the input `refill`. */
  | { readonly do: 'refill'; readonly after: number; readonly limit: number }
  /** At this time, ms, the input `ack-wait-over` is due. Replaces an earlier `wake`. */
  | { readonly do: 'wake'; readonly at: number }

/** Rows of one kind after a position, from the oldest, until they are so many messages and so many bytes. */
export interface DropEffect {
  readonly do: 'drop-oldest'
  /** Those of shared subscriptions, or all others. */
  readonly shared: boolean
  readonly after: number
  readonly messages: number
  readonly bytes: number
}
