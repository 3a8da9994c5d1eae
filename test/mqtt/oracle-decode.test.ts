// What mqtt-packet generates, we decode to the same fields; PUBLISH goes back to it, too.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePublish, publishSize } from '../../src/mqtt/encode.ts'
import type { Message } from '../../src/mqtt/message.ts'
import type { PublishPacket } from '../../src/mqtt/packet.ts'
import {
  bytes,
  generated,
  identifiers,
  NOW,
  optional,
  ours,
  pairs,
  parsed,
  parsedProperties,
  plain,
  qos,
  RUNS,
  text,
  theirs,
  topics,
  u16,
  u32,
  userProperties,
  versions,
} from './oracle.ts'
import { decodeOne } from './wire.ts'

describe('what mqtt-packet generates, we decode to the same fields', () => {
  test('CONNECT', () => {
    const will = fc.record({
      topic: topics,
      payload: bytes,
      qos,
      retain: fc.boolean(),
      properties: fc.record(
        { willDelayInterval: u32, messageExpiryInterval: u32, contentType: text },
        optional,
      ),
    })
    const properties = fc.record(
      {
        sessionExpiryInterval: u32,
        receiveMaximum: u16,
        maximumPacketSize: u32,
        topicAliasMaximum: u16,
        requestResponseInformation: fc.boolean(),
        requestProblemInformation: fc.boolean(),
        authenticationMethod: fc.constant('m'),
        userProperties,
      },
      optional,
    )
    const connects = fc.record({
      clientId: text,
      clean: fc.boolean(),
      keepalive: u16,
      login: fc.option(fc.record({ username: text, password: bytes })),
      will: fc.option(will),
      properties,
    })
    fc.assert(
      fc.property(versions, connects, (version, c) => {
        const packet = {
          cmd: 'connect',
          protocolVersion: version,
          clientId: c.clientId,
          clean: c.clean,
          keepalive: c.keepalive,
          properties: theirs(c.properties),
          ...(c.login && { username: c.login.username, password: Buffer.from(c.login.password) }),
          ...(c.will && { will: { ...c.will, payload: Buffer.from(c.will.payload) } }),
        }
        const five = version === 5
        expect(decodeOne(0, generated(packet, version))).toEqual({
          type: 'connect',
          protocolVersion: version,
          clientId: c.clientId,
          cleanStart: c.clean,
          keepAlive: c.keepalive,
          username: c.login?.username ?? null,
          password: c.login?.password ?? null,
          will: c.will && {
            message: {
              topic: c.will.topic,
              qos: c.will.qos,
              retain: c.will.retain,
              payload: c.will.payload,
              expiresAt: 0,
              properties: expect.any(Uint8Array),
            },
            delaySeconds: (five && c.will.properties.willDelayInterval) || 0,
            expirySeconds: (five && c.will.properties.messageExpiryInterval) || null,
          },
          properties: five ? ours(c.properties) : {},
        })
      }),
      RUNS,
    )
  })

  test('PUBLISH, and mqtt-packet parses what we make of it', () => {
    const properties = fc.record(
      {
        payloadFormatIndicator: fc.boolean(),
        messageExpiryInterval: u32,
        topicAlias: u16,
        responseTopic: topics,
        correlationData: bytes,
        contentType: text,
        userProperties,
      },
      optional,
    )
    const publishes = fc.record({
      topic: topics,
      payload: fc.uint8Array({ maxLength: 300 }),
      qos,
      retain: fc.boolean(),
      dup: fc.boolean(),
      messageId: u16,
      properties,
    })
    fc.assert(
      fc.property(versions, publishes, fc.array(identifiers, { maxLength: 3 }), (version, p, ids) => {
        const dup = p.dup && p.qos > 0
        const packetId = p.qos === 0 ? 0 : p.messageId
        const packet = {
          ...p,
          cmd: 'publish',
          dup,
          payload: Buffer.from(p.payload),
          properties: theirs(p.properties),
        }
        const five = version === 5
        const decoded = decodeOne(version, generated(packet, version), NOW) as PublishPacket
        const expiry = p.properties.messageExpiryInterval
        expect(decoded).toEqual({
          type: 'publish',
          dup,
          packetId,
          topicAlias: (five && p.properties.topicAlias) || 0,
          message: {
            topic: p.topic,
            qos: p.qos,
            retain: p.retain,
            payload: p.payload,
            properties: expect.any(Uint8Array),
            expiresAt: five && expiry !== undefined ? NOW + expiry * 1000 : 0,
          },
        })

        const delivery = {
          qos: p.qos,
          retain: p.retain,
          dup,
          packetId,
          subscriptionIdentifiers: ids,
          now: NOW,
        }
        const encoded = encodePublish(version, decoded.message, delivery)
        expect(publishSize(version, decoded.message, delivery)).toBe(encoded.length)
        const back = parsed(version, encoded)
        expect(back).toMatchObject({ cmd: 'publish', topic: p.topic, qos: p.qos, retain: p.retain, dup })
        expect(back.messageId ?? 0).toBe(packetId)
        expect(plain(back.payload as Uint8Array)).toEqual(p.payload)
        if (!five) return
        const { topicAlias: _, userProperties: users, ...kept } = p.properties
        const { subscriptionIdentifier, correlationData, ...rest } = parsedProperties(back) as Record<
          string,
          unknown
        >
        expect([subscriptionIdentifier ?? []].flat()).toEqual(ids)
        expect({
          ...rest,
          ...(correlationData === undefined ? {} : { correlationData: plain(correlationData as Uint8Array) }),
        }).toEqual({ ...kept, ...(users === undefined ? {} : { userProperties: pairs(users) }) })
      }),
      RUNS,
    )
  })

  test('SUBSCRIBE and UNSUBSCRIBE', () => {
    const subscription = fc.record({
      topic: text.filter((s) => !s.startsWith('$share/')),
      qos,
      nl: fc.boolean(),
      rap: fc.boolean(),
      rh: fc.constantFrom(0, 1, 2),
    })
    const properties = fc.record({ subscriptionIdentifier: identifiers, userProperties }, optional)
    const subscriptions = fc.array(subscription, { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(versions, u16, subscriptions, properties, (version, messageId, subs, props) => {
        const five = version === 5
        const subscribe = {
          cmd: 'subscribe',
          messageId,
          subscriptions: subs,
          ...(five && { properties: props }),
        }
        expect(decodeOne(version, generated(subscribe, version))).toEqual({
          type: 'subscribe',
          packetId: messageId,
          subscriptions: subs.map((s) => ({
            filter: s.topic,
            qos: s.qos,
            noLocal: five && s.nl,
            retainAsPublished: five && s.rap,
            retainHandling: five ? s.rh : 0,
          })),
          properties: five ? ours(props) : {},
        })
        const filters = subs.map((s) => s.topic)
        const users = props.userProperties === undefined ? {} : { userProperties: props.userProperties }
        const unsubscribe = {
          cmd: 'unsubscribe',
          messageId,
          unsubscriptions: filters,
          ...(five && { properties: users }),
        }
        expect(decodeOne(version, generated(unsubscribe, version))).toEqual({
          type: 'unsubscribe',
          packetId: messageId,
          filters,
          properties: five ? ours(users) : {},
        })
      }),
      RUNS,
    )
  })

  test('acknowledgements, DISCONNECT, AUTH and PINGREQ', () => {
    const acks = fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp')
    const properties = fc.record({ reasonString: text, userProperties }, optional)
    fc.assert(
      fc.property(versions, acks, u16, properties, fc.boolean(), (version, cmd, messageId, props, fails) => {
        const five = version === 5
        const failure = cmd === 'pubrel' || cmd === 'pubcomp' ? 0x92 : 0x87
        const reasonCode = fails ? failure : 0
        const ack = { cmd, messageId, ...(five && { reasonCode, properties: props }) }
        expect(decodeOne(version, generated(ack, version))).toEqual({
          type: cmd,
          packetId: messageId,
          reason: five ? reasonCode : 0,
          properties: five ? ours(props) : {},
        })
        const disconnect = {
          cmd: 'disconnect',
          ...(five && { reasonCode: fails ? 4 : 0, properties: props }),
        }
        expect(decodeOne(version, generated(disconnect, version))).toEqual({
          type: 'disconnect',
          reason: five && fails ? 4 : 0,
          properties: five ? ours(props) : {},
        })
        const auth = { cmd: 'auth', reasonCode: 0x18, properties: { ...props, authenticationMethod: 'm' } }
        expect(decodeOne(5, generated(auth, 5))).toEqual({
          type: 'auth',
          reason: 0x18,
          properties: { ...ours(props), authenticationMethod: 'm' },
        })
        expect(decodeOne(version, generated({ cmd: 'pingreq' }, version))).toEqual({ type: 'pingreq' })
      }),
      RUNS,
    )
  })
})

test('a message that crosses from 5.0 to 3.1.1 loses its properties and nothing else', () => {
  const message: Message = {
    topic: 't',
    qos: 1,
    retain: false,
    properties: new Uint8Array([1, 1]),
    payload: new Uint8Array([7]),
    expiresAt: NOW + 5000,
  }
  const delivery = {
    qos: 1,
    retain: true,
    dup: false,
    packetId: 9,
    subscriptionIdentifiers: [3],
    now: NOW,
  } as const
  const back = decodeOne(4, encodePublish(4, message, delivery)) as PublishPacket
  expect(back.message).toEqual({ ...message, retain: true, properties: new Uint8Array(0), expiresAt: 0 })
})
