// What CONNECT and the server's settings make of a connection.
import { expect, test } from 'vitest'
import type { ConnectPacket, Properties, ProtocolVersion } from '../../src/mqtt/packet.ts'
import {
  INCOMING_INFLIGHT_MAX,
  KEEP_ALIVE_SECONDS_MIN,
  OUTGOING_INFLIGHT_MAX,
  SESSION_EXPIRY_SECONDS_MAX,
  SESSION_EXPIRY_SECONDS_V4,
  TOPIC_ALIASES_INCOMING_MAX,
} from '../../src/session/limits.ts'
import { negotiate } from '../../src/session/terms.ts'

const SETTINGS = { serverKeepAliveSeconds: 600, packetBytesMax: 300_000 }

function agreed(
  protocolVersion: ProtocolVersion,
  properties: Properties,
  more: { cleanStart?: boolean; keepAlive?: number } = {},
  settings = SETTINGS,
) {
  const connect: ConnectPacket = {
    type: 'connect',
    protocolVersion,
    clientId: 'lamp',
    cleanStart: more.cleanStart ?? true,
    keepAlive: more.keepAlive ?? 600,
    username: null,
    password: null,
    will: null,
    properties,
  }
  return negotiate(connect, settings)
}

test('a 3.1.1 client keeps its keep alive and gets no property', () => {
  expect(agreed(4, {}, { keepAlive: 60 })).toEqual({
    terms: {
      protocolVersion: 4,
      keepAliveSeconds: 60,
      outgoingWindow: OUTGOING_INFLIGHT_MAX,
      incomingWindow: INCOMING_INFLIGHT_MAX,
      outgoingAliases: 0,
      maximumPacketSize: 0xffff_ffff,
    },
    expirySeconds: 0,
    properties: {},
  })
})

test('a 3.1.1 session with Clean Session 0 outlives its connection, with 1 it does not', () => {
  expect(agreed(4, {}, { cleanStart: false }).expirySeconds).toBe(SESSION_EXPIRY_SECONDS_V4)
  expect(agreed(4, {}, { cleanStart: true }).expirySeconds).toBe(0)
})

test('a 5.0 client learns what this server grants', () => {
  expect(agreed(5, {}).properties).toEqual({
    receiveMaximum: INCOMING_INFLIGHT_MAX,
    maximumPacketSize: SETTINGS.packetBytesMax,
    topicAliasMaximum: TOPIC_ALIASES_INCOMING_MAX,
  })
})

test('a keep alive below the bound becomes the bound, and CONNACK says so', () => {
  const { terms, properties } = agreed(5, {}, { keepAlive: 30 })
  expect(terms.keepAliveSeconds).toBe(600)
  expect(properties.serverKeepAlive).toBe(600)
})

test('unless a deployment sets another bound, who asks for 2 s is missed after 3 s [MQTT-3.2.2-22]', () => {
  const settings = { ...SETTINGS, serverKeepAliveSeconds: KEEP_ALIVE_SECONDS_MIN }
  for (const [asked, granted] of [
    [1, 2],
    [2, 2],
    [60, 60],
    [0, 0],
  ] as const) {
    const { terms, properties } = agreed(5, {}, { keepAlive: asked }, settings)
    expect(terms.keepAliveSeconds).toBe(granted)
    expect(properties.serverKeepAlive).toBe(granted === asked ? undefined : granted)
  }
})

test('a long keep alive is kept, and so is none at all [MQTT-3.2.2-22]', () => {
  for (const keepAlive of [600, 3600, 0]) {
    const { terms, properties } = agreed(5, {}, { keepAlive })
    expect(terms.keepAliveSeconds).toBe(keepAlive)
    expect(properties).not.toHaveProperty('serverKeepAlive')
  }
})

test('Clean Start says nothing about how long a 5.0 session lives', () => {
  expect(agreed(5, {}, { cleanStart: false }).expirySeconds).toBe(0)
  expect(agreed(5, { sessionExpiryInterval: 60 }, { cleanStart: true }).expirySeconds).toBe(60)
})

test('a session expiry within the bound is granted as asked for, a longer one is cut, and CONNACK says so', () => {
  const most = agreed(5, { sessionExpiryInterval: SESSION_EXPIRY_SECONDS_MAX })
  expect(most.expirySeconds).toBe(SESSION_EXPIRY_SECONDS_MAX)
  expect(most.properties).not.toHaveProperty('sessionExpiryInterval')
  const ever = agreed(5, { sessionExpiryInterval: 0xffff_ffff })
  expect(ever.expirySeconds).toBe(SESSION_EXPIRY_SECONDS_MAX)
  expect(ever.properties.sessionExpiryInterval).toBe(SESSION_EXPIRY_SECONDS_MAX)
})

test('the window is the client’s Receive Maximum, or our bound where that is less', () => {
  const windowOf = (properties: Properties) => agreed(5, properties).terms.outgoingWindow
  expect(windowOf({ receiveMaximum: 1 })).toBe(1)
  expect(windowOf({ receiveMaximum: OUTGOING_INFLIGHT_MAX + 1 })).toBe(OUTGOING_INFLIGHT_MAX)
  expect(windowOf({})).toBe(OUTGOING_INFLIGHT_MAX)
})

test('the client’s Maximum Packet Size bounds what it is sent', () => {
  expect(agreed(5, { maximumPacketSize: 1000 }).terms.maximumPacketSize).toBe(1000)
  expect(agreed(5, {}).terms.maximumPacketSize).toBe(0xffff_ffff)
})
