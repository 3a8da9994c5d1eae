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
import { EMPTY_OUTGOING } from '../../src/session/outgoing-effect.ts'
import { type Effect, Session, type SubscribeItem } from '../../src/session/session.ts'
import { delivery } from './actor.ts'

export function liveSession(
  protocolVersion: ProtocolVersion,
  more: { expirySeconds?: number; incomingWindow?: number } = {},
): Session {
  const session = new Session('s1', more.expirySeconds ?? 0, new Map(), EMPTY_OUTGOING)
  session.connected(termsOf(protocolVersion, more.incomingWindow))
  return session
}

export function termsOf(protocolVersion: ProtocolVersion, incomingWindow = 10) {
  return {
    protocolVersion,
    keepAliveSeconds: 0,
    outgoingWindow: 10,
    incomingWindow,
    outgoingAliases: 0,
    maximumPacketSize: 0xffff_ffff,
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

/** The `done` of the one publish that this packet leads to. */
export function passedOn(session: Session, packet: ClientPacket): (reason: ReasonCode) => Effect[] {
  const [effect, ...more] = session.step(packet)
  if (effect?.do !== 'publish' || more.length > 0) throw new Error('not passed to a leaf')
  return effect.done
}

export function asked(
  session: Session,
  packet: SubscribePacket,
): { items: readonly SubscribeItem[]; done: (reasons: readonly ReasonCode[]) => Effect[] } {
  const [effect, ...more] = session.step(packet)
  if (effect?.do !== 'subscribe' || more.length > 0) throw new Error('no subscribe')
  return effect
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
