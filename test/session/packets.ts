// Packets and sessions for the tests of Session.
import type {
  AckPacket,
  ClientPacket,
  DisconnectPacket,
  Properties,
  ProtocolVersion,
  PublishPacket,
  SubscribePacket,
  SubscriptionRequest,
} from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Effect } from '../../src/session/effect.ts'
import type { SessionInput, SessionStart } from '../../src/session/input.ts'
import { Session } from '../../src/session/session.ts'
import { EMPTY_OUTGOING } from '../../src/session/stored-delivery.ts'
import type { SubscribeItem } from '../../src/session/subscription.ts'
import { DROPPING, delivery, termsOf } from './actor.ts'

export function liveSession(
  protocolVersion: ProtocolVersion,
  { incomingWindow, ...more }: { expirySeconds?: number; incomingWindow?: number } = {},
): Session {
  const session = new Session(startOf(more))
  session.step({ type: 'connected', terms: termsOf(protocolVersion, incomingWindow) })
  return session
}

export function startOf(more: Partial<SessionStart> = {}): SessionStart {
  return {
    id: 's1',
    expirySeconds: 0,
    subscriptions: [],
    outgoing: EMPTY_OUTGOING,
    received: [],
    queue: DROPPING,
    ...more,
  }
}

export function publish(
  topic: string,
  packetId: number,
  qos: 0 | 1 | 2 = packetId > 0 ? 1 : 0,
): PublishPacket {
  const { message } = delivery(topic)
  return { type: 'publish', dup: false, packetId, topicAlias: 0, message: { ...message, qos } }
}

export function wanted(filter: string, more: Partial<SubscriptionRequest> = {}): SubscriptionRequest {
  return { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, ...more }
}

export function subscribe(packetId: number, ...requests: (string | SubscriptionRequest)[]): SubscribePacket {
  const subscriptions = requests.map((one) => (typeof one === 'string' ? wanted(one) : one))
  return { type: 'subscribe', packetId, subscriptions, properties: {} }
}

export function disconnect(
  reason: ReasonCode = Reason.Success,
  properties: Properties = {},
): DisconnectPacket {
  return { type: 'disconnect', reason, properties }
}

export function ack(
  type: AckPacket['type'],
  packetId: number,
  reason: ReasonCode = Reason.Success,
): AckPacket {
  return { type, packetId, reason, properties: {} }
}

let deliveries = 0

export function deliveryOf(one: Delivery, number = ++deliveries): SessionInput {
  return { type: 'delivery', number, delivery: one, now: 0 }
}

/** The one publish that this packet leads to is passed on. @returns what its outcome leads to */
export function passedOn(session: Session, packet: ClientPacket): (reason: ReasonCode) => Effect[] {
  const [effect, ...more] = session.step(packet)
  if (effect?.do !== 'publish' || more.length > 0) throw new Error('not passed to a leaf')
  return (reason) => session.step({ type: 'published', number: effect.number, reason })
}

export function asked(
  session: Session,
  packet: SubscribePacket,
): { items: readonly SubscribeItem[]; done: (reasons: readonly ReasonCode[]) => Effect[] } {
  const [effect, ...more] = session.step(packet)
  if (effect?.do !== 'subscribe' || more.length > 0) throw new Error('no subscribe')
  const { items, number } = effect
  return { items, done: (reasons) => session.step({ type: 'subscribed', number, reasons }) }
}

export function puback(packetId: number, reason: ReasonCode = Reason.Success): Effect {
  return answer('puback', packetId, reason)
}

export function answer(
  type: AckPacket['type'],
  packetId: number,
  reason: ReasonCode = Reason.Success,
): Effect {
  return { do: 'reply', packet: ack(type, packetId, reason) }
}

export function closing(reason: ReasonCode | null): Effect[] {
  return [{ do: 'close', reason }]
}
