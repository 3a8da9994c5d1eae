// What may happen to a session: packets of its client, deliveries, answers, time, connections that come and go.
import fc from 'fast-check'
import type { ClientPacket, ProtocolVersion, QoS, SubscriptionRequest } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import {
  ACK_WAIT_MS,
  QUEUE_MEMORY_BYTES_MAX,
  QUEUE_MESSAGES_MAX,
  STALL_MS,
} from '../../src/session/limits.ts'
import type { QueueBound } from '../../src/session/queue-room.ts'

export interface Connecting {
  readonly do: 'connect'
  readonly version: ProtocolVersion
  readonly clean: boolean
  readonly expirySeconds: number
  readonly outgoingWindow: number
  readonly incomingWindow: number
  readonly maximumPacketSize: number
  readonly outgoingAliases: number
}

export type Step =
  | Connecting
  | { readonly do: 'packet'; readonly packet: ClientPacket }
  /** The client acknowledges one of what it has open: `wrong` is PUBACK for QoS 2 and PUBREC for QoS 1. */
  | {
      readonly do: 'acknowledge'
      readonly which: number
      readonly reason: ReasonCode
      readonly wrong: boolean
    }
  /** The client answers a PUBREL, or says again what it has said. */
  | { readonly do: 'complete' | 'received-again' | 'completed-again'; readonly which: number }
  /** A client that keeps to MQTT publishes with QoS 2, and goes on with that. */
  | { readonly do: 'publish-exactly' }
  | { readonly do: 'release-exactly'; readonly which: number }
  /** A leaf or the registrar answers one of what it was asked. */
  | { readonly do: 'answer'; readonly which: number; readonly reason: ReasonCode }
  | {
      readonly do: 'deliver'
      readonly qos: QoS
      readonly count: number
      readonly lifeMs: number
      readonly large: boolean
      /** Whether it comes by a shared subscription, and whether it is to be kept although the client is away. */
      readonly share: 'no' | 'passes' | 'waits'
    }
  /** While the client is away, others are asked for what came by shared subscriptions, and take some of it. */
  | { readonly do: 'give' }
  | { readonly do: 'given'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'drop' | 'hibernate' | 'crash' }
  /** Nothing happens for so long that the actor leaves memory. */
  | { readonly do: 'sleep' }

export interface Life {
  readonly begin: 'new' | 'wrapping' | 'long' | 'long-exact'
  readonly first: Connecting
  readonly bound: QueueBound
  readonly steps: readonly Step[]
}

const NO_BYTES = new Uint8Array(0)

const windows = fc.integer({ min: 1, max: 5 })
const packetIds = fc.integer({ min: 1, max: 6 })
const some = fc.nat(7)

export const connecting: fc.Arbitrary<Connecting> = fc.record({
  do: fc.constant('connect'),
  version: fc.constantFrom<ProtocolVersion>(4, 5, 5),
  clean: fc.constantFrom(false, false, false, true),
  expirySeconds: fc.constantFrom(0, 100, 100),
  outgoingWindow: windows,
  incomingWindow: windows,
  maximumPacketSize: fc.constantFrom(0xffff_ffff, 0xffff_ffff, 1_000),
  outgoingAliases: fc.constantFrom(0, 2),
})

/** Topic and alias: most have none, few break the rules. */
const named = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<[string, number]>(['rooms/1', 0], ['rooms/2', 0]) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('rooms/1', 'rooms/2', '$SYS/x'), fc.constantFrom(1, 2)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant(''), fc.constantFrom(1, 2)) },
  { weight: 1, arbitrary: fc.constantFrom<[string, number]>(['$SYS/x', 0], ['rooms/1', 17]) },
)

const publishing: fc.Arbitrary<ClientPacket> = fc
  .tuple(fc.constantFrom<QoS>(0, 1, 1, 1, 2, 2, 2), packetIds, named, fc.boolean())
  .map(([qos, packetId, [topic, topicAlias], dup]) => ({
    type: 'publish',
    dup: dup && qos > 0,
    packetId: qos === 0 ? 0 : packetId,
    topicAlias,
    message: { topic, qos, retain: false, properties: NO_BYTES, payload: NO_BYTES, expiresAt: 0 },
  }))

const filters = fc.constantFrom('a/b', 'a/b/#', 'c', 'c/+/d', '#', 'a#', '$share/g/a/b', '')

const subscribing: fc.Arbitrary<ClientPacket> = fc.record({
  type: fc.constant('subscribe' as const),
  packetId: packetIds,
  subscriptions: fc.array(
    fc.record({
      filter: filters,
      qos: fc.constantFrom<QoS>(0, 1, 2),
      noLocal: fc.constantFrom(false, false, false, true),
      retainAsPublished: fc.boolean(),
      retainHandling: fc.constantFrom<SubscriptionRequest['retainHandling']>(0, 1, 2),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  properties: fc.constantFrom({}, { subscriptionIdentifier: 7 }),
})

const unsubscribing: fc.Arbitrary<ClientPacket> = fc.record({
  type: fc.constant('unsubscribe' as const),
  packetId: packetIds,
  filters: fc.array(filters, { minLength: 1, maxLength: 3 }),
  properties: fc.constant({}),
})

const leaving: fc.Arbitrary<ClientPacket> = fc.record({
  type: fc.constant('disconnect' as const),
  reason: fc.constantFrom<ReasonCode>(Reason.Success, Reason.DisconnectWithWill),
  properties: fc.constantFrom({}, { sessionExpiryInterval: 0 }, { sessionExpiryInterval: 50 }),
})

const stray: fc.Arbitrary<ClientPacket> = fc.oneof(
  fc.constant({ type: 'pingreq' as const }),
  fc.record({
    type: fc.constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const),
    packetId: packetIds,
    reason: fc.constantFrom<ReasonCode>(0, 0x92),
    properties: fc.constant({}),
  }),
  fc.constant({ type: 'auth' as const, reason: 0x18 as const, properties: {} }),
  fc.constant({
    type: 'connect' as const,
    protocolVersion: 5 as const,
    clientId: 'c',
    cleanStart: false,
    keepAlive: 0,
    username: null,
    password: null,
    will: null,
    properties: {},
  }),
)

const reasons = fc.constantFrom<ReasonCode>(0, 0, 0, 0, 0x10, 0x80, 0x87, 0x97)

function packet(packets: fc.Arbitrary<ClientPacket>): fc.Arbitrary<Step> {
  return packets.map((one) => ({ do: 'packet', packet: one }))
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: packet(publishing) },
  { weight: 2, arbitrary: packet(subscribing) },
  { weight: 1, arbitrary: packet(unsubscribing) },
  { weight: 1, arbitrary: packet(leaving) },
  { weight: 2, arbitrary: packet(stray) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('acknowledge'),
      which: fc.oneof(fc.constant(0), some),
      reason: reasons,
      wrong: fc.nat(30).map((n) => n === 30),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('complete'), which: some }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('received-again', 'completed-again'), which: some }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'publish-exactly' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release-exactly'), which: some }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer'), which: some, reason: reasons }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver'),
      qos: fc.constantFrom<QoS>(0, 1, 1, 1, 2, 2, 2),
      count: fc.integer({ min: 1, max: 4 }),
      lifeMs: fc.constantFrom(0, 0, 0, 400),
      large: fc.constantFrom(false, false, false, false, true),
      share: fc.constantFrom('no', 'no', 'no', 'passes', 'waits'),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'give' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('given'), count: some }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('pass'),
      ms: fc.constantFrom(50, ACK_WAIT_MS, ACK_WAIT_MS, STALL_MS),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'drop' }) },
  { weight: 1, arbitrary: fc.constant({ do: 'hibernate' }) },
  { weight: 3, arbitrary: fc.constant({ do: 'sleep' }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' }) },
  { weight: 4, arbitrary: connecting },
)

export const lives: fc.Arbitrary<Life> = fc.record({
  begin: fc.constantFrom('new', 'wrapping', 'long', 'long-exact'),
  first: connecting,
  bound: fc.record({
    messagesMax: fc.constantFrom(QUEUE_MESSAGES_MAX, 6),
    whenFull: fc.constantFrom('drop-oldest', 'refuse'),
    memoryBytesMax: fc.constantFrom(QUEUE_MEMORY_BYTES_MAX, 60),
  }),
  steps: fc.array(steps, { minLength: 1, maxLength: 50, size: 'max' }),
})
