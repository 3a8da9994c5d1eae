// Names, records and packets for the tests of actors, and what came of a promise so far.

import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet'
import type { ActorAddress, ActorKind } from '../../src/id/actor-name.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { REMAINDER_START, type ReleaseRequest, type SessionState } from '../../src/relay/home.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'
import { decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import type { FakeConnection } from './fake-connection.ts'

export const EU = 'eu' as RegionId
export const US = 'us' as RegionId
export const LAMP = 'lamp' as ClientId
export const APP = 'app' as ClientId
export const ROOM = 'rooms/1' as Root
export const LAMP_ROOT = 'devices/lamp' as Root

const NO_BYTES = new Uint8Array(0)

/** What the home of epoch 2, in us, asks of the lamp's former one that it had not reached. */
export const RELEASE: ReleaseRequest = {
  fleet: DEFAULT_FLEET,
  root: LAMP_ROOT,
  to: US,
  epoch: 2,
  synced: true,
  registered: true,
  ...REMAINDER_START,
}

export function addressOf(kind: ActorKind, region: RegionId, id: string): ActorAddress {
  return { kind, region, fleet: DEFAULT_FLEET, id }
}

export function message(topic: string, text: string, more: Partial<Message> = {}): Message {
  const payload = new TextEncoder().encode(text)
  return { topic, qos: 1, retain: false, properties: NO_BYTES, payload, expiresAt: 0, ...more }
}

export function record(topic: string, text: string, more: Partial<Message> = {}): Uint8Array {
  return encodeMessage(message(topic, text, more))
}

export function routed(topic: string, text: string, more: Partial<Message> = {}): Uint8Array {
  return encodeRouted(LAMP, record(topic, text, more))
}

export function deliveryOf(topic: string, text: string, more: Partial<Message> = {}): Uint8Array {
  const one = message(topic, text, more)
  return encodeDelivery({ qos: one.qos, retain: one.retain, identifiers: [], share: null, message: one })
}

/** Payloads of a batch of deliveries. */
export function deliveredTexts(batch: Uint8Array): string[] {
  return unpackBatch(batch).map((bytes) => textOf(decodeDelivery(bytes).message.payload))
}

/** Payloads of a batch of records. */
export function recordTexts(batch: Uint8Array): string[] {
  return unpackBatch(batch).map((bytes) => textOf(decodeMessage(bytes).payload))
}

/** Payloads of a batch of routed records. */
export function routedTexts(batch: Uint8Array): string[] {
  return unpackBatch(batch).map((bytes) => textOf(decodeMessage(decodeRouted(bytes).record).payload))
}

/** The outcomes of so many records that somebody keeps. */
export function stored(count: number): Uint8Array {
  return new Uint8Array(count).fill(Outcome.Stored)
}

export function subscriptionTo(filter: string): Subscription {
  return { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 }
}

/** A session without deliveries, as one home gives it to the next. */
export function sessionState(filters: readonly string[], more: Partial<SessionState> = {}): SessionState {
  return {
    id: 'session of lamp',
    expirySeconds: 3600,
    disconnectedAt: 0,
    subscriptions: filters.map(subscriptionTo),
    lastPosition: 0,
    sentUpTo: 0,
    released: [],
    received: [],
    seen: [],
    queue: [],
    ...more,
  }
}

/** Of a root that never had anything, but for its session. */
export const NO_STATE = { clock: 0, retained: [], interests: [], presence: [], shadows: [] }

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

// Packets of an MQTT 5 client -----------------------------------------------------------------------------------------

export function frame(...packets: Packet[]): Uint8Array {
  return new Uint8Array(Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: 5 }))))
}

/** @param expirySeconds 0 for a session that ends with its connection */
export function connectFrame(expirySeconds: number, more: Partial<IConnectPacket> = {}): Uint8Array {
  return frame({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: LAMP,
    clean: false,
    keepalive: 60,
    ...more,
    properties: { sessionExpiryInterval: expirySeconds, ...more.properties },
  })
}

export function subscribeFrame(messageId: number, ...filters: string[]): Uint8Array {
  return frame(subscribePacket(messageId, ...filters))
}

export function subscribePacket(messageId: number, ...filters: string[]): Packet {
  return { cmd: 'subscribe', messageId, subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })) }
}

export function unsubscribePacket(messageId: number, ...unsubscriptions: string[]): Packet {
  return { cmd: 'unsubscribe', messageId, unsubscriptions }
}

/** Everything that the server has sent on this connection. */
export function packetsTo(connection: FakeConnection): Packet[] {
  const packets: Packet[] = []
  const reader = parser({ protocolVersion: 5 })
  reader.on('packet', (packet) => packets.push(packet))
  reader.on('error', (cause: Error) => {
    throw cause
  })
  for (const bytes of connection.frames) reader.parse(Buffer.from(bytes))
  return packets
}

/** Payloads of the PUBLISHes that the server has sent on this connection. */
export function textsTo(connection: FakeConnection): string[] {
  return packetsTo(connection).flatMap((packet) =>
    packet.cmd === 'publish' ? [packet.payload.toString()] : [],
  )
}

// Promises ------------------------------------------------------------------------------------------------------------

export interface Watched<T> {
  readonly state: () => 'open' | 'resolved' | 'rejected'
  readonly value: () => T | undefined
  readonly cause: () => unknown
}

/** Watches a promise, so that a rejection is nobody's surprise. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  let state: 'open' | 'resolved' | 'rejected' = 'open'
  let value: T | undefined
  let cause: unknown
  promise.then(
    (got) => {
      state = 'resolved'
      value = got
    },
    (why) => {
      state = 'rejected'
      cause = why
    },
  )
  return { state: () => state, value: () => value, cause: () => cause }
}
