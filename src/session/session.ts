// One client's MQTT session while it is connected or waits for its client: (session, input) → effects.
// It changes only itself, reads no clock and does no I/O; the actor performs the effects, the tests read them.
import type { Message } from '../mqtt/message.ts'
import type {
  ClientPacket,
  DisconnectPacket,
  PublishPacket,
  ServerPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import { isTopicFilter, parseShared } from '../mqtt/topic.ts'
import type { Delivery } from './delivery.ts'
import { Incoming } from './incoming.ts'
import { SESSION_EXPIRY_SECONDS_MAX, SUBSCRIPTIONS_MAX } from './limits.ts'
import { Outgoing, type OutgoingEffect, type OutgoingSnapshot, type Settle } from './outgoing.ts'
import type { Terms } from './terms.ts'

export interface Subscription extends SubscriptionRequest {
  /** Subscription Identifier, or 0 for none. */
  readonly identifier: number
}

export interface SubscribeItem {
  readonly subscription: Subscription
  /** The session had no subscription with this filter. */
  readonly isNew: boolean
  /** Decided without asking a leaf. */
  readonly refused: ReasonCode | null
}

export type Effect =
  | OutgoingEffect
  | { readonly do: 'reply'; readonly packet: ServerPacket }
  /** Close the connection: with DISCONNECT where the client knows it, unless `reason` is null. */
  | { readonly do: 'close'; readonly reason: ReasonCode | null }
  /** Pass to the root's leaf, then call `done` once; its effects are performed. */
  | { readonly do: 'publish'; readonly message: Message; readonly done: (reason: ReasonCode) => Effect[] }
  /** Register the filters that are not refused, then call `done` with a reason each, in order. */
  | {
      readonly do: 'subscribe'
      readonly items: readonly SubscribeItem[]
      readonly done: (reasons: readonly ReasonCode[]) => Effect[]
    }
  | { readonly do: 'unsubscribe'; readonly filters: readonly string[]; readonly done: () => Effect[] }
  /** The session's expiry was changed by DISCONNECT. */
  | { readonly do: 'expiry'; readonly seconds: number }
  /** The client left cleanly: its will is void. [MQTT-3.14.4-3] */
  | { readonly do: 'discard-will' }

const NOTHING: Effect[] = []
/** What this server grants at most. */
const QOS_MAX = 1

export class Session {
  /** Changes with every new session of the client: what leaves keep of an older one is recognised as gone. */
  readonly id: string
  readonly subscriptions: Map<string, Subscription>
  readonly outgoing: Outgoing
  expirySeconds: number
  private readonly granted: Set<string>
  private connection: { readonly terms: Terms; readonly incoming: Incoming } | null = null

  constructor(
    id: string,
    expirySeconds: number,
    subscriptions: Map<string, Subscription>,
    outgoing: OutgoingSnapshot,
  ) {
    this.id = id
    this.expirySeconds = expirySeconds
    this.subscriptions = subscriptions
    this.granted = new Set(subscriptions.keys())
    this.outgoing = new Outgoing(expirySeconds > 0, outgoing)
  }

  get persistent(): boolean {
    return this.outgoing.persistent
  }

  /** A connection takes the session up; the effects send what waited. */
  connected(terms: Terms): Effect[] {
    this.connection = { terms, incoming: new Incoming(terms.incomingWindow) }
    return this.outgoing.resume(terms.outgoingWindow)
  }

  /** The connection was there already, but the actor's memory was lost. Publishes were all answered by then. */
  awakened(terms: Terms): void {
    this.connection = { terms, incoming: new Incoming(terms.incomingWindow) }
  }

  /** The connection is gone. */
  disconnected(): Effect[] {
    this.connection = null
    return this.outgoing.closed()
  }

  deliver(delivery: Delivery, settle: Settle, now: number): Effect[] {
    return this.outgoing.deliver(delivery, settle, now)
  }

  /** A packet of the live connection, CONNECT done. */
  step(packet: ClientPacket): Effect[] {
    const connection = this.connection
    if (connection === null) return NOTHING
    switch (packet.type) {
      case 'publish':
        return this.publish(packet, connection.terms, connection.incoming)
      case 'puback':
        // An id that is not in flight was acknowledged before a resend crossed it: nothing to do.
        return this.outgoing.acknowledged(packet.packetId) ?? NOTHING
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        // QoS 2 was never granted, so no packet id can be in that exchange.
        return [{ do: 'close', reason: Reason.ProtocolError }]
      case 'subscribe':
        return this.subscribe(packet)
      case 'unsubscribe':
        return this.unsubscribe(packet)
      case 'pingreq':
        return [{ do: 'reply', packet: { type: 'pingresp' } }] // [MQTT-3.12.4-1]
      case 'disconnect':
        return this.disconnect(packet)
      case 'connect': // [MQTT-3.1.0-2]
        return [{ do: 'close', reason: Reason.ProtocolError }]
      case 'auth': // No enhanced authentication was agreed at CONNECT. [MQTT-4.12.0-1]
        return [{ do: 'close', reason: Reason.ProtocolError }]
      default:
        return packet satisfies never
    }
  }

  private publish(packet: PublishPacket, terms: Terms, incoming: Incoming): Effect[] {
    const { message } = packet
    if (packet.topicAlias > 0) return [{ do: 'close', reason: Reason.TopicAliasInvalid }] // none was offered [MQTT-3.3.2-9]
    if (message.qos > QOS_MAX) return [{ do: 'close', reason: Reason.QoSNotSupported }] // [MQTT-3.2.2-11]
    const reserved = message.topic.startsWith('$')
    if (message.qos === 0) return reserved ? NOTHING : [{ do: 'publish', message, done: () => NOTHING }]
    const open = incoming.receive(packet.packetId)
    if (open === null) return [{ do: 'close', reason: Reason.ReceiveMaximumExceeded }]
    const done = (reason: ReasonCode): Effect[] => {
      // The connection that the publish came on may be gone, and with it the need to answer.
      if (this.connection?.incoming !== incoming) return NOTHING
      const effects: Effect[] = []
      for (const ack of incoming.settle(open, reason)) {
        // 3.1.1 has no negative acknowledgement: accept, or close. [MQTT-3.3.5-2]
        if (terms.protocolVersion === 4 && isFailure(ack.reason)) {
          effects.push({ do: 'close', reason: ack.reason })
          return effects
        }
        effects.push({ do: 'reply', packet: { type: 'puback', ...ack, properties: {} } })
      }
      return effects
    }
    return reserved ? done(Reason.NotAuthorized) : [{ do: 'publish', message, done }]
  }

  private subscribe(packet: SubscribePacket): Effect[] {
    const identifier = packet.properties.subscriptionIdentifier ?? 0
    const items: SubscribeItem[] = []
    for (const request of packet.subscriptions) {
      // A shared subscription with No Local is a protocol error. [MQTT-3.8.3-4]
      if (request.noLocal && request.filter.startsWith('$share/')) {
        return [{ do: 'close', reason: Reason.ProtocolError }]
      }
      const subscription = {
        ...request,
        qos: request.qos > QOS_MAX ? QOS_MAX : request.qos,
        identifier,
      } as const
      const isNew = !this.subscriptions.has(request.filter)
      const refused = this.refuses(request, isNew)
      items.push({ subscription, isNew, refused })
      if (refused === null) this.subscriptions.set(request.filter, subscription)
    }
    const done = (reasons: readonly ReasonCode[]): Effect[] => {
      items.forEach((item, i) => {
        const { filter } = item.subscription
        const failed = isFailure(reasons[i] ?? Reason.UnspecifiedError)
        if (failed && !this.granted.has(filter) && this.subscriptions.get(filter) === item.subscription) {
          this.subscriptions.delete(filter)
        }
        if (!failed) this.granted.add(filter)
      })
      return [{ do: 'reply', packet: { type: 'suback', packetId: packet.packetId, reasons, properties: {} } }]
    }
    return [{ do: 'subscribe', items, done }]
  }

  private refuses(request: SubscriptionRequest, isNew: boolean): ReasonCode | null {
    if (!isTopicFilter(request.filter)) return Reason.TopicFilterInvalid
    if (parseShared(request.filter) !== null) return Reason.SharedSubscriptionsNotSupported
    if (isNew && this.subscriptions.size >= SUBSCRIPTIONS_MAX) return Reason.QuotaExceeded
    return null
  }

  private unsubscribe(packet: UnsubscribePacket): Effect[] {
    const reasons = packet.filters.map((filter) => {
      if (!isTopicFilter(filter)) return Reason.TopicFilterInvalid
      this.granted.delete(filter)
      return this.subscriptions.delete(filter) ? Reason.Success : Reason.NoSubscriptionExisted
    })
    const filters = packet.filters.filter((_, i) => reasons[i] === Reason.Success)
    const done = (): Effect[] => [
      { do: 'reply', packet: { type: 'unsuback', packetId: packet.packetId, reasons, properties: {} } },
    ]
    return filters.length === 0 ? done() : [{ do: 'unsubscribe', filters, done }]
  }

  private disconnect(packet: DisconnectPacket): Effect[] {
    const effects: Effect[] = []
    const asked = packet.properties.sessionExpiryInterval
    if (asked !== undefined) {
      // A session that was to end with its connection cannot be kept after all. [MQTT-3.14.2-2] and 3.1.2.11.2
      if (this.expirySeconds === 0 && asked > 0) return [{ do: 'close', reason: Reason.ProtocolError }]
      effects.push({ do: 'expiry', seconds: Math.min(asked, SESSION_EXPIRY_SECONDS_MAX) })
    }
    if (packet.reason === Reason.Success) effects.push({ do: 'discard-will' })
    effects.push({ do: 'close', reason: null })
    return effects
  }
}
