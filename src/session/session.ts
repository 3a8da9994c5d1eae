// One client's MQTT session while it is connected or waits for its client: (session, input) → effects.
// It changes only itself, reads no clock and does no I/O; the actor performs the effects, the tests read them.
import { canReplay, wantedOf } from '../history/replay.ts'
import { isPresence, isRootTooLong, rootOfTopic } from '../id/root.ts'
import { canonicalTopic, isShadowTopic, parseShadowRequest } from '../id/shadow-topic.ts'
import type { Message } from '../mqtt/message.ts'
import type {
  AckPacket,
  ClientPacket,
  DisconnectPacket,
  PublishPacket,
  ServerPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import { isTopicFilter, parseShared, rootOfSubscription } from '../mqtt/topic.ts'
import type { Delivery } from './delivery.ts'
import { type Acknowledgement, Incoming } from './incoming.ts'
import { QUEUE_MESSAGES_MAX, SESSION_EXPIRY_SECONDS_MAX, SUBSCRIPTIONS_MAX } from './limits.ts'
import { Outgoing } from './outgoing.ts'
import type { OutgoingEffect, OutgoingSnapshot, Settle } from './outgoing-effect.ts'
import { Received } from './received.ts'
import type { Terms } from './terms.ts'
import { IncomingAliases } from './topic-aliases.ts'

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
  /** From when on its kept messages are wanted, before any live one; as the client says it. */
  readonly from?: string
}

export type Effect =
  | OutgoingEffect
  | { readonly do: 'reply'; readonly packet: ServerPacket }
  /** Close the connection: with DISCONNECT where the client knows it, unless `reason` is null. */
  | { readonly do: 'close'; readonly reason: ReasonCode | null }
  /**
   * Pass to the root's leaf, then call `done` once; its effects are performed.
   * `exchange`: a QoS 2 message gets an origin that is kept with its packet id before it is passed on; sent again (DUP), it
   * has the same one, so that nobody gets it twice.
   */
  | {
      readonly do: 'publish'
      readonly message: Message
      readonly exchange: { readonly packetId: number; readonly dup: boolean } | null
      readonly done: (reason: ReasonCode) => Effect[]
    }
  /** Register the filters that are not refused, then call `done` with a reason each, in order. */
  | {
      readonly do: 'subscribe'
      readonly items: readonly SubscribeItem[]
      readonly done: (reasons: readonly ReasonCode[]) => Effect[]
    }
  | { readonly do: 'unsubscribe'; readonly filters: readonly string[]; readonly done: () => Effect[] }
  /** The exchange has its outcome: a PUBLISH with this id is only to be answered again, until `dismissed`. */
  | { readonly do: 'received'; readonly packetId: number }
  | { readonly do: 'dismissed'; readonly packetId: number }
  /** The session's expiry was changed by DISCONNECT. */
  | { readonly do: 'expiry'; readonly seconds: number }
  /** The client left cleanly: its will is void. [MQTT-3.14.4-3] */
  | { readonly do: 'discard-will' }

const NOTHING: Effect[] = []

interface Connected {
  readonly terms: Terms
  readonly incoming: Incoming
  readonly aliases: IncomingAliases
  /** A publish was refused to a client that cannot be told: the connection is closed once those before have their answers. */
  ending: boolean
}

export class Session {
  /** Changes with every new session of the client: what leaves keep of an older one is recognised as gone. */
  readonly id: string
  readonly subscriptions: Map<string, Subscription>
  readonly received: Received<Effect>
  outgoing: Outgoing
  expirySeconds: number
  private readonly granted: Set<string>
  private readonly queueMessagesMax: number
  private connection: Connected | null = null

  constructor(
    id: string,
    expirySeconds: number,
    subscriptions: Map<string, Subscription>,
    outgoing: OutgoingSnapshot,
    received: readonly number[] = [],
    queueMessagesMax = QUEUE_MESSAGES_MAX,
  ) {
    this.id = id
    this.expirySeconds = expirySeconds
    this.subscriptions = subscriptions
    this.granted = new Set(subscriptions.keys())
    this.received = new Received(received)
    this.queueMessagesMax = queueMessagesMax
    this.outgoing = new Outgoing(expirySeconds > 0, outgoing, queueMessagesMax)
  }

  get persistent(): boolean {
    return this.outgoing.persistent
  }

  /** Another CONNECT takes it up: whether it outlives the connection may have changed, and with it what is stored. */
  resume(expirySeconds: number): void {
    this.expirySeconds = expirySeconds
    this.outgoing = new Outgoing(expirySeconds > 0, this.outgoing.snapshot(), this.queueMessagesMax)
  }

  /** A former home has granted this, or ended it (null), and this one had not heard of it. */
  learn(filter: string, subscription: Subscription | null): void {
    if (subscription === null) {
      this.subscriptions.delete(filter)
      this.granted.delete(filter)
    } else {
      this.subscriptions.set(filter, subscription)
      this.granted.add(filter)
    }
  }

  /** The topic aliases that the live connection's client has set. */
  get aliases(): readonly (readonly [alias: number, topic: string])[] {
    return this.connection?.aliases.all ?? []
  }

  /** A connection takes the session up; the effects send what waited. */
  connected(terms: Terms): Effect[] {
    this.connection = { terms, incoming: new Incoming(), aliases: new IncomingAliases([]), ending: false }
    return this.outgoing.resume(terms.outgoingWindow)
  }

  /** The connection was there already, but the actor's memory was lost. Publishes were all answered by then. */
  awakened(terms: Terms, aliases: readonly (readonly [alias: number, topic: string])[]): void {
    this.connection = {
      terms,
      incoming: new Incoming(),
      aliases: new IncomingAliases(aliases),
      ending: false,
    }
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
        return this.publish(packet, connection)
      case 'puback':
        return this.acknowledged(this.outgoing.acknowledged(packet.packetId), NOTHING)
      case 'pubrec':
        return this.acknowledged(
          this.outgoing.received(packet.packetId, isFailure(packet.reason)),
          reply('pubrel', packet.packetId, Reason.PacketIdentifierNotFound),
        )
      case 'pubrel':
        return this.release(packet.packetId)
      case 'pubcomp':
        return this.outgoing.completed(packet.packetId)
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
      case 'auth': // No enhanced authentication was agreed at CONNECT. [MQTT-4.12.0-7]
        return [{ do: 'close', reason: Reason.ProtocolError }]
      default:
        return packet satisfies never
    }
  }

  private publish(packet: PublishPacket, connection: Connected): Effect[] {
    const { incoming, terms } = connection
    const topic = connection.aliases.topicOf(packet)
    if (typeof topic === 'number') return [{ do: 'close', reason: topic }]
    const message = topic === packet.message.topic ? packet.message : { ...packet.message, topic }
    const { packetId } = packet
    const refusedByTopic = refusal(topic)
    if (message.qos === 0)
      return refusedByTopic !== null
        ? NOTHING
        : [{ do: 'publish', message, exchange: null, done: () => NOTHING }]
    // What the client sends behind a failure before it is told of it, it may send again behind that, not having heard; taken
    // now it would be before that. In 3.1.1 the end of the connection tells it, and it does so certainly.
    if (connection.ending) return NOTHING
    const again = message.qos === 2 && this.received.has(packetId)
    if (!again && incoming.openQos1 + this.received.size >= terms.incomingWindow)
      return [{ do: 'close', reason: Reason.ReceiveMaximumExceeded }] // [MQTT-3.3.4-8]
    const refused =
      refusedByTopic ?? (!again && incoming.failedBefore(topic) ? Reason.UnspecifiedError : null)
    const open = incoming.receive(packetId, message.qos, topic)
    const answer = (reason: ReasonCode): Effect[] => {
      // The connection that the publish came on may be gone, and with it the need to answer.
      if (this.connection !== connection) return NOTHING
      connection.ending ||= terms.protocolVersion === 4 && isFailure(reason)
      return this.answer(connection, incoming.settle(open, reason))
    }
    if (message.qos === 1) {
      return refused !== null ? answer(refused) : [{ do: 'publish', message, exchange: null, done: answer }]
    }
    if (again) return this.received.outcome(packetId, answer)
    this.received.begin(packetId)
    this.received.outcome(packetId, answer)
    const done = (reason: ReasonCode): Effect[] => {
      const { now, effects } = this.received.settle(packetId, reason)
      return now === 'refused'
        ? effects
        : [{ do: now === 'kept' ? 'received' : 'dismissed', packetId }, ...effects]
    }
    return refused !== null
      ? done(refused)
      : [{ do: 'publish', message, exchange: { packetId, dup: packet.dup }, done }]
  }

  private answer({ terms }: Connected, acknowledgements: readonly Acknowledgement[]): Effect[] {
    const effects: Effect[] = []
    for (const { packetId, qos, reason } of acknowledgements) {
      // 3.1.1 has no negative acknowledgement: accept, or close. [MQTT-3.3.5-2, 3.1.1]
      if (terms.protocolVersion === 4 && isFailure(reason)) {
        effects.push({ do: 'close', reason })
        return effects
      }
      effects.push(...reply(qos === 1 ? 'puback' : 'pubrec', packetId, reason))
    }
    return effects
  }

  private acknowledged(effects: OutgoingEffect[] | 'unknown' | 'misused', unknown: Effect[]): Effect[] {
    // An id that is not in flight was acknowledged before a resend crossed it.
    if (effects === 'unknown') return unknown
    return effects === 'misused' ? [{ do: 'close', reason: Reason.ProtocolError }] : effects
  }

  private release(packetId: number): Effect[] {
    const known = this.received.release(packetId)
    if (known === 'unknown') return reply('pubcomp', packetId, Reason.PacketIdentifierNotFound)
    const complete = reply('pubcomp', packetId, Reason.Success) // [MQTT-4.3.3-11]
    return known === 'open' ? complete : [{ do: 'dismissed', packetId }, ...complete]
  }

  private subscribe(packet: SubscribePacket): Effect[] {
    const identifier = packet.properties.subscriptionIdentifier ?? 0
    const { connection } = this
    const items: SubscribeItem[] = []
    for (const given of packet.subscriptions) {
      const wanted = wantedOf(given.filter, packet.properties.userProperties)
      const { filter, from } = wanted
      // What is retained is in the history, if it is as new as that.
      const request = from === null ? given : { ...given, filter, retainHandling: 2 as const }
      // A shared subscription with No Local is a protocol error. [MQTT-3.8.3-4]
      if (request.noLocal && request.filter.startsWith('$share/')) {
        return [{ do: 'close', reason: Reason.ProtocolError }]
      }
      const subscription = { ...request, identifier }
      const isNew = !this.subscriptions.has(request.filter)
      const unreplayable = from !== null && !canReplay(wanted)
      const refused = unreplayable ? Reason.TopicFilterInvalid : this.refuses(request, isNew)
      items.push({ subscription, isNew, refused, ...(from !== null && { from }) })
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
      if (this.connection !== connection) return NOTHING
      return [{ do: 'reply', packet: { type: 'suback', packetId: packet.packetId, reasons, properties: {} } }]
    }
    return [{ do: 'subscribe', items, done }]
  }

  private refuses(request: SubscriptionRequest, isNew: boolean): ReasonCode | null {
    if (!isTopicFilter(request.filter)) return Reason.TopicFilterInvalid
    const root = rootOfSubscription(request.filter)
    if (root !== null && isRootTooLong(root)) return Reason.TopicFilterInvalid
    // A group's messages have one topic; AWS IoT's names are for single subscribers.
    if (parseShared(request.filter)?.filter.startsWith('$aws/') === true) return Reason.TopicFilterInvalid
    if (isNew && this.subscriptions.size >= SUBSCRIPTIONS_MAX) return Reason.QuotaExceeded
    return null
  }

  private unsubscribe(packet: UnsubscribePacket): Effect[] {
    const named = packet.filters.map((filter) => wantedOf(filter, undefined).filter)
    const reasons = named.map((filter) => {
      if (!isTopicFilter(filter)) return Reason.TopicFilterInvalid
      this.granted.delete(filter)
      return this.subscriptions.delete(filter) ? Reason.Success : Reason.NoSubscriptionExisted
    })
    const filters = named.filter((_, i) => reasons[i] === Reason.Success)
    const { connection } = this
    const unsuback: Effect = {
      do: 'reply',
      packet: { type: 'unsuback', packetId: packet.packetId, reasons, properties: {} },
    }
    const done = (): Effect[] => (this.connection === connection ? [unsuback] : NOTHING)
    return filters.length === 0 ? done() : [{ do: 'unsubscribe', filters, done }]
  }

  private disconnect(packet: DisconnectPacket): Effect[] {
    const effects: Effect[] = []
    const asked = packet.properties.sessionExpiryInterval
    if (asked !== undefined) {
      // A session that was to end with its connection cannot be kept after all: section 3.14.2.2.2.
      if (this.expirySeconds === 0 && asked > 0) return [{ do: 'close', reason: Reason.ProtocolError }]
      effects.push({ do: 'expiry', seconds: Math.min(asked, SESSION_EXPIRY_SECONDS_MAX) })
    }
    if (packet.reason === Reason.Success) effects.push({ do: 'discard-will' })
    effects.push({ do: 'close', reason: null })
    return effects
  }
}

/** Why nobody may publish to this topic, or null. */
export function refusal(topic: string): ReasonCode | null {
  const ours = canonicalTopic(topic)
  // The server's own. [MQTT-4.7.2-1]
  if (ours.startsWith('$') || isPresence(ours) || ours === 'presence') return Reason.NotAuthorized
  // Of a shadow's topics only requests are for clients.
  if (isShadowTopic(ours) && parseShadowRequest(ours) === null) return Reason.NotAuthorized
  return isRootTooLong(rootOfTopic(topic)) ? Reason.TopicNameInvalid : null
}

function reply(type: AckPacket['type'], packetId: number, reason: ReasonCode): Effect[] {
  return [{ do: 'reply', packet: { type, packetId, reason, properties: {} } }]
}
