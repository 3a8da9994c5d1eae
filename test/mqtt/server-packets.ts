// Every packet that a server sends, encoded by us, and held against what mqtt-packet reads from the bytes.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Delivery, encodePacket, encodePublish, publishSize } from '../../src/mqtt/encode.ts'
import type { ProtocolVersion, PublishPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import { connackReturnCode, isFailure, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type PublishSample, publish } from './client-packets.ts'
import {
  bytes,
  identifiers,
  NOW,
  optional,
  ours,
  pairs,
  parsed,
  parsedProperties,
  plain,
  text,
  u16,
  u32,
  userProperties,
  versions,
} from './oracle.ts'

export interface ServerSample {
  readonly version: ProtocolVersion
  readonly packet: ServerPacket
}

const userPairs = userProperties.map(pairs)
const said = fc.record({ reasonString: text, userProperties: userPairs }, optional)

const connackProperties = fc.record(
  {
    sessionExpiryInterval: u32,
    receiveMaximum: u16,
    maximumQoS: fc.constantFrom<0 | 1>(0, 1),
    retainAvailable: fc.boolean(),
    maximumPacketSize: u32,
    assignedClientIdentifier: text,
    topicAliasMaximum: u16,
    reasonString: text,
    userProperties: userPairs,
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifiersAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
    serverKeepAlive: u16,
    responseInformation: text,
    serverReference: text,
    authenticationMethod: text,
    authenticationData: bytes,
  },
  optional,
)

export const connacks: fc.Arbitrary<ServerSample> = fc.record({
  version: versions,
  packet: fc.record({
    type: fc.constant('connack' as const),
    sessionPresent: fc.boolean(),
    reason: fc.constantFrom<ReasonCode>(
      ...[Reason.Success, Reason.NotAuthorized, Reason.ServerBusy, Reason.ClientIdentifierNotValid],
    ),
    properties: connackProperties,
  }),
})

export const acks: fc.Arbitrary<ServerSample> = fc
  .tuple(
    versions,
    fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'),
    u16,
    fc.constantFrom<ReasonCode>(Reason.Success, Reason.PacketIdentifierNotFound),
    fc.constantFrom<ReasonCode>(Reason.Success, Reason.QuotaExceeded),
    said,
  )
  .map(([version, type, packetId, released, answered, properties]) => ({
    version,
    packet: {
      type,
      packetId,
      reason: type === 'pubrel' || type === 'pubcomp' ? released : answered,
      properties,
    },
  }))

function listed<R extends ReasonCode>(...codes: R[]): fc.Arbitrary<ReasonCode[]> {
  return fc.array(fc.constantFrom<ReasonCode>(...codes), { minLength: 1, maxLength: 5 })
}

export const answers: fc.Arbitrary<ServerSample> = fc.record({
  version: versions,
  packet: fc.oneof(
    fc.record({
      type: fc.constant('suback' as const),
      packetId: u16,
      reasons: listed(0, 1, 2, Reason.NotAuthorized, Reason.TopicFilterInvalid),
      properties: said,
    }),
    fc.record({
      type: fc.constant('unsuback' as const),
      packetId: u16,
      reasons: listed(0, 0x11, 0x87),
      properties: said,
    }),
  ),
})

const farewells: fc.Arbitrary<ServerSample> = fc.oneof(
  fc.record({ version: versions, packet: fc.constant({ type: 'pingresp' as const }) }),
  fc.record({
    version: fc.constant(5 as const),
    packet: fc.record({
      type: fc.constant('disconnect' as const),
      reason: fc.constantFrom<ReasonCode>(Reason.Success, Reason.ServerMoved, Reason.SessionTakenOver),
      properties: said,
    }),
  }),
)

export const serverPackets: fc.Arbitrary<ServerSample> = fc.oneof(connacks, acks, answers, farewells)

/** Throws unless mqtt-packet reads from our bytes what the packet says. */
export function readBack({ version, packet }: ServerSample): void {
  const back = parsed(version, encodePacket(version, packet))
  const five = version === 5
  assert.equal(back.cmd, packet.type)
  if (packet.type === 'pingresp') return
  assert.deepStrictEqual(parsedProperties(back), five ? packet.properties : {})
  if (packet.type !== 'connack' && packet.type !== 'disconnect') assert.equal(back.messageId, packet.packetId)
  switch (packet.type) {
    case 'connack':
      assert.equal(back.sessionPresent, packet.sessionPresent && packet.reason === Reason.Success)
      if (five) assert.equal(back.reasonCode, packet.reason)
      else assert.equal(back.returnCode, connackReturnCode(packet.reason))
      return
    case 'suback':
      assert.deepStrictEqual(back.granted, five ? packet.reasons : packet.reasons.map(failureOf311))
      return
    case 'unsuback':
      if (five) assert.deepStrictEqual(back.granted, packet.reasons)
      return
    default:
      assert.equal(back.reasonCode ?? 0, five ? packet.reason : 0)
  }
}

function failureOf311(reason: ReasonCode): number {
  return isFailure(reason) ? 0x80 : reason
}

export interface PublishOut {
  /** The message comes from it; the version is that of the publisher. */
  readonly from: PublishSample
  readonly version: ProtocolVersion
  readonly delivery: Delivery
}

export const publishesOut: fc.Arbitrary<PublishOut> = fc
  .tuple(
    fc.oneof(publish(4), publish(5), publish(5)),
    versions,
    u16,
    fc.boolean(),
    fc.boolean(),
    fc.array(identifiers, { maxLength: 3 }),
    fc.nat(100_000),
  )
  .map(([from, version, packetId, dup, retain, subscriptionIdentifiers, laterMs]) => {
    const { qos } = from.packet.message
    const delivery = {
      qos,
      retain,
      dup: dup && qos > 0,
      packetId,
      subscriptionIdentifiers,
      now: NOW + laterMs,
    }
    return { from, version, delivery }
  })

/** Throws unless mqtt-packet reads from our bytes the message as `decoded` has it, which came from the sample. */
export function publishedBack({ from, version, delivery }: PublishOut, decoded: PublishPacket): void {
  const { message } = decoded
  const encoded = encodePublish(version, message, delivery)
  assert.equal(publishSize(version, message, delivery), encoded.length)
  const back = parsed(version, encoded)
  assert.deepStrictEqual(
    {
      cmd: back.cmd,
      topic: back.topic,
      qos: back.qos,
      retain: back.retain,
      dup: back.dup,
      packetId: back.messageId ?? 0,
      payload: plain(back.payload as Uint8Array),
    },
    {
      cmd: 'publish',
      topic: message.topic,
      qos: delivery.qos,
      retain: delivery.retain,
      dup: delivery.dup,
      packetId: delivery.qos === 0 ? 0 : delivery.packetId,
      payload: from.packet.message.payload,
    },
  )
  if (version === 4) return
  const { subscriptionIdentifier, ...properties } = parsedProperties(back) as Record<string, unknown>
  assert.deepStrictEqual([subscriptionIdentifier ?? []].flat(), delivery.subscriptionIdentifiers)
  assert.deepStrictEqual(properties, from.version === 4 ? {} : expected(from, delivery.now))
}

/** [MQTT-3.3.2-6]: the expiry that came, less the time spent here. */
function expected(from: PublishSample, now: number): object {
  const { messageExpiryInterval, ...rest } = ours(from.properties) as Record<string, unknown>
  if (messageExpiryInterval === undefined) return rest
  const left = Math.ceil((messageExpiryInterval as number) - (now - NOW) / 1000)
  return { ...rest, messageExpiryInterval: Math.max(left, 1) }
}
