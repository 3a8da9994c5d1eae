// Valid packets of every type that a client sends: mqtt-packet's bytes of them, and what they are to be decoded to.
import fc from 'fast-check'
import type {
  AckPacket,
  ClientPacket,
  ConnectPacket,
  ProtocolVersion,
  PublishPacket,
} from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import {
  bytes,
  generated,
  identifiers,
  NOW,
  optional,
  ours,
  qos,
  text,
  theirs,
  topics,
  u16,
  u32,
  userProperties,
} from './oracle.ts'

export interface ClientSample<P extends ClientPacket = ClientPacket> {
  readonly version: ProtocolVersion
  readonly bytes: Uint8Array
  readonly packet: P
}

const NO_BYTES = new Uint8Array(0)

/** Properties of a message as mqtt-packet writes them, less those that belong to a hop. */
function messageBytes(version: ProtocolVersion, properties: object): Uint8Array {
  if (version === 4) return NO_BYTES
  const { messageExpiryInterval, topicAlias, willDelayInterval, ...kept } = properties as Record<
    string,
    unknown
  >
  const publish = { cmd: 'publish', topic: 't', qos: 0, retain: false, dup: false, payload: '' }
  const whole = generated({ ...publish, properties: theirs(kept) }, 5)
  // Behind the fixed header and the topic stands the length of the properties, and nothing follows them.
  let at = 1
  while ((whole[at++] as number) >= 0x80);
  at += 3
  while ((whole[at++] as number) >= 0x80);
  return whole.slice(at)
}

const message = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: u32,
  contentType: text,
  responseTopic: topics,
  correlationData: bytes,
  userProperties,
}

const wills = fc.record({
  topic: topics,
  payload: bytes,
  qos,
  retain: fc.boolean(),
  properties: fc.record({ willDelayInterval: u32, ...message }, optional),
})

const connects = fc.record({
  clientId: text,
  clean: fc.boolean(),
  keepalive: fc.nat(0xffff),
  login: fc.option(fc.record({ username: text, password: bytes })),
  will: fc.option(wills),
  properties: fc.record(
    {
      sessionExpiryInterval: u32,
      receiveMaximum: u16,
      maximumPacketSize: u32,
      topicAliasMaximum: u16,
      requestResponseInformation: fc.boolean(),
      requestProblemInformation: fc.boolean(),
      authenticationMethod: text,
      userProperties,
    },
    optional,
  ),
})

export function connect(version: ProtocolVersion): fc.Arbitrary<ClientSample<ConnectPacket>> {
  const five = version === 5
  return connects.map((c) => {
    const theirPacket = {
      cmd: 'connect',
      protocolVersion: version,
      clientId: c.clientId,
      clean: c.clean,
      keepalive: c.keepalive,
      properties: theirs(c.properties),
      ...(c.login && { username: c.login.username, password: Buffer.from(c.login.password) }),
      ...(c.will && {
        will: {
          ...c.will,
          payload: Buffer.from(c.will.payload),
          properties: theirs(c.will.properties),
        },
      }),
    }
    const will = c.will && {
      message: {
        topic: c.will.topic,
        qos: c.will.qos,
        retain: c.will.retain,
        properties: messageBytes(version, c.will.properties),
        payload: c.will.payload,
        expiresAt: 0,
      },
      delaySeconds: (five && c.will.properties.willDelayInterval) || 0,
      expirySeconds: (five && c.will.properties.messageExpiryInterval) || null,
    }
    return {
      version,
      bytes: generated(theirPacket, version),
      packet: {
        type: 'connect',
        protocolVersion: version,
        clientId: c.clientId,
        cleanStart: c.clean,
        keepAlive: c.keepalive,
        username: c.login?.username ?? null,
        password: c.login?.password ?? null,
        will,
        properties: five ? ours(c.properties) : {},
      },
    }
  })
}

const publishes = fc.record({
  topic: topics,
  payload: fc.uint8Array({ maxLength: 300 }),
  qos,
  retain: fc.boolean(),
  dup: fc.boolean(),
  messageId: u16,
  properties: fc.record({ topicAlias: u16, ...message }, optional),
})

export interface PublishSample extends ClientSample<PublishPacket> {
  /** Those of the message that came, in mqtt-packet's spelling. */
  readonly properties: object
}

export function publish(version: ProtocolVersion): fc.Arbitrary<PublishSample> {
  const five = version === 5
  return publishes.map((p) => {
    const dup = p.dup && p.qos > 0
    const theirPacket = {
      ...p,
      cmd: 'publish',
      dup,
      payload: Buffer.from(p.payload),
      properties: theirs(p.properties),
    }
    const { topicAlias, ...properties } = p.properties
    const expiry = properties.messageExpiryInterval
    return {
      version,
      bytes: generated(theirPacket, version),
      properties,
      packet: {
        type: 'publish',
        dup,
        packetId: p.qos === 0 ? 0 : p.messageId,
        topicAlias: (five && topicAlias) || 0,
        message: {
          topic: p.topic,
          qos: p.qos,
          retain: p.retain,
          payload: p.payload,
          properties: messageBytes(version, p.properties),
          expiresAt: five && expiry !== undefined ? NOW + expiry * 1000 : 0,
        },
      },
    }
  })
}

const filters = text.filter((s) => !s.startsWith('$share/'))

const subscriptions = fc.array(
  fc.record({
    topic: filters,
    qos,
    nl: fc.boolean(),
    rap: fc.boolean(),
    rh: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
  }),
  { minLength: 1, maxLength: 5 },
)
const subscribing = fc.record({ subscriptionIdentifier: identifiers, userProperties }, optional)

function subscribe(version: ProtocolVersion): fc.Arbitrary<ClientSample> {
  const five = version === 5
  return fc.tuple(u16, subscriptions, subscribing).map(([messageId, subs, properties]) => ({
    version,
    bytes: generated(
      { cmd: 'subscribe', messageId, subscriptions: subs, ...(five && { properties }) },
      version,
    ),
    packet: {
      type: 'subscribe',
      packetId: messageId,
      subscriptions: subs.map((s) => ({
        filter: s.topic,
        qos: s.qos,
        noLocal: five && s.nl,
        retainAsPublished: five && s.rap,
        retainHandling: five ? s.rh : 0,
      })),
      properties: five ? ours(properties) : {},
    },
  }))
}

function unsubscribe(version: ProtocolVersion): fc.Arbitrary<ClientSample> {
  const five = version === 5
  const properties = fc.record({ userProperties }, optional)
  const unsubscriptions = fc.array(filters, { minLength: 1, maxLength: 5 })
  return fc.tuple(u16, unsubscriptions, properties).map(([messageId, names, props]) => ({
    version,
    bytes: generated(
      { cmd: 'unsubscribe', messageId, unsubscriptions: names, ...(five && { properties: props }) },
      version,
    ),
    packet: {
      type: 'unsubscribe',
      packetId: messageId,
      filters: names,
      properties: five ? ours(props) : {},
    },
  }))
}

const said = fc.record({ reasonString: text, userProperties }, optional)
const answered = fc.constantFrom<ReasonCode>(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)
const released = fc.constantFrom<ReasonCode>(Reason.Success, Reason.PacketIdentifierNotFound)

function ack(
  type: AckPacket['type'],
  reasons: fc.Arbitrary<ReasonCode>,
): (version: ProtocolVersion) => fc.Arbitrary<ClientSample> {
  return (version) => {
    const five = version === 5
    return fc.tuple(u16, reasons, said).map(([messageId, reasonCode, properties]) => ({
      version,
      bytes: generated({ cmd: type, messageId, ...(five && { reasonCode, properties }) }, version),
      packet: {
        type,
        packetId: messageId,
        reason: five ? reasonCode : 0,
        properties: five ? ours(properties) : {},
      },
    }))
  }
}

const left = fc.constantFrom<ReasonCode>(
  ...[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99].map(
    (code) => code as ReasonCode,
  ),
)
const leaving = fc.record({ sessionExpiryInterval: u32, reasonString: text, userProperties }, optional)

function disconnect(version: ProtocolVersion): fc.Arbitrary<ClientSample> {
  const five = version === 5
  return fc.tuple(left, leaving).map(([reasonCode, properties]) => ({
    version,
    bytes: generated({ cmd: 'disconnect', ...(five && { reasonCode, properties }) }, version),
    packet: {
      type: 'disconnect',
      reason: five ? reasonCode : 0,
      properties: five ? ours(properties) : {},
    },
  }))
}

function pingreq(version: ProtocolVersion): fc.Arbitrary<ClientSample> {
  return fc.constant({
    version,
    bytes: generated({ cmd: 'pingreq' }, version),
    packet: { type: 'pingreq' },
  })
}

/** 5.0 only. */
export function auth(): fc.Arbitrary<ClientSample> {
  return fc.tuple(fc.constantFrom<ReasonCode>(0x18, 0x19), said).map(([reasonCode, properties]) => {
    const props = { ...properties, authenticationMethod: 'm' }
    return {
      version: 5,
      bytes: generated({ cmd: 'auth', reasonCode, properties: props }, 5),
      packet: { type: 'auth', reason: reasonCode, properties: ours(props) },
    }
  })
}

/** What a client may send after CONNECT, by the packet's type, in both versions. */
export const LATER = {
  publish,
  puback: ack('puback', answered),
  pubrec: ack('pubrec', answered),
  pubrel: ack('pubrel', released),
  pubcomp: ack('pubcomp', released),
  subscribe,
  unsubscribe,
  pingreq,
  disconnect,
} as const

/** Any packet that may come after CONNECT. */
export function later(version: ProtocolVersion): fc.Arbitrary<ClientSample> {
  const kinds: fc.Arbitrary<ClientSample>[] = Object.values(LATER).map((kind) => kind(version))
  if (version === 5) kinds.push(auth())
  return fc.oneof({ arbitrary: publish(version), weight: 3 }, ...kinds)
}
