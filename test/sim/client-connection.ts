// One connection of a simulated client: its packets as bytes, both ways, and what of them the history keeps.
import { generate, type Packet, type Parser, parser } from 'mqtt-packet'
import { deviceAddress } from '../../src/id/actor-name.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { isPresence, rootOfTopic } from '../../src/id/root.ts'
import { isShadowTopic, parseShadowRequest } from '../../src/id/shadow-topic.ts'
import type { QoS } from '../../src/mqtt/packet.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { presenceEventSchema } from '../../src/relay/presence.ts'
import { told } from '../actors/presence-order.ts'
import type { SimClient } from './client.ts'
import { type Connected, type Published, payloadOf, type Subscribed } from './history.ts'
import { type ClientEnd, SimSocket } from './socket.ts'
import type { FailOver } from './watch.ts'

const CONNECT_WAIT_MS = 6_000
/** Return code 3 of CONNACK in 3.1.1. */
const SERVER_UNAVAILABLE = 3

/** Every third message expires, but only after the run. */
const EXPIRY_SECONDS = 200
const UNDER_WAY_SECONDS_MAX = 45

/** The reason that stands for a return code of 3.1.1. */
function reasonOf(returnCode = 0): number {
  return returnCode === SERVER_UNAVAILABLE ? Reason.ServerUnavailable : returnCode
}

function expires(number: number): boolean {
  return number % 3 === 0
}

export class ClientConnection implements ClientEnd {
  readonly record: Connected
  readonly region: RegionId
  readonly socket: SimSocket
  state: 'connecting' | 'connected' | 'closed' = 'connecting'
  /** While a newer one was taken for the live one: should it be this one after all, it is to be opened again. */
  ignoredSome = false
  private readonly client: SimClient
  /** The session that the client takes what comes to be of. */
  private session = 0
  private readonly version: { readonly protocolVersion: 4 | 5 }
  private readonly parser: Parser
  private readonly asked = new Map<number, readonly (readonly [filter: string, qos: QoS])[]>()

  constructor(client: SimClient, region: RegionId, cleanStart: boolean) {
    this.client = client
    this.region = region
    const { world, id, manner } = client
    this.version = { protocolVersion: manner.version }
    this.parser = parser(this.version)
    this.record = {
      number: world.history.connected.length,
      client: id,
      region,
      openedAt: world.scheduler.exact,
      kept: manner.kept,
      cleanStart,
      connackAt: null,
      sessionPresent: false,
      closedAt: null,
    }
    world.history.connected.push(this.record)
    if (cleanStart) {
      // Even if no answer comes, the server may have begun a new session.
      client.sessionMayBeNew = true
      for (const filter of [...client.granted.keys()]) client.endSubscription(filter)
    }
    this.parser.on('packet', (packet: Packet) => this.packet(packet))
    world.note(`${id} opens connection ${this.record.number} to ${region}${cleanStart ? ', clean' : ''}`)
    const actor = world.region(region).actor(deviceAddress(region, DEFAULT_FLEET, id as ClientId))
    this.socket = new SimSocket(actor, this)
    this.socket.connect()
    const will = manner.will ? this.will() : null
    this.write({
      cmd: 'connect',
      protocolId: 'MQTT',
      ...this.version,
      clientId: id,
      clean: cleanStart,
      keepalive: 0,
      properties: {
        sessionExpiryInterval: manner.kept ? world.sessionExpirySeconds : 0,
        receiveMaximum: manner.receiveMaximum,
      },
      ...(will !== null && {
        will: { topic: will.topic, payload: Buffer.from(`p${will.number}`), qos: 1 as const, retain: false },
      }),
    })
    world.scheduler.after(CONNECT_WAIT_MS, null, () => {
      if (this.state === 'connecting') this.hangUp(0)
    })
  }

  write(packet: Packet): void {
    if (this.state !== 'closed') this.socket.write(new Uint8Array(generate(packet, this.version)))
  }

  publish(published: Published, messageId: number, dup: boolean): void {
    const { topic, qos, retain, number, expirySeconds } = published
    this.write({
      cmd: 'publish',
      topic,
      payload: payloadOf(published),
      qos,
      retain,
      dup,
      ...(qos > 0 && { messageId }),
      ...(expirySeconds > 0
        ? { properties: { messageExpiryInterval: expirySeconds } }
        : expires(number) && { properties: { messageExpiryInterval: EXPIRY_SECONDS } }),
    } as Packet)
  }

  subscribe(filters: readonly string[], qos: QoS): void {
    const messageId = this.client.packetId()
    this.asked.set(
      messageId,
      filters.map((filter) => [filter, qos]),
    )
    for (const [filter] of this.asked.get(messageId) ?? []) {
      this.client.endSubscription(filter)
      this.client.world.history.asked.push({ client: this.client.id, filter, qos })
    }
    this.client.world.note(`${this.client.id} subscribes to ${filters.join(', ')} QoS ${qos}`)
    this.write({
      cmd: 'subscribe',
      messageId,
      subscriptions: filters.map((topic) => ({ topic, qos, nl: false, rap: false, rh: 0 })),
    } as Packet)
  }

  /** What the server has not acknowledged goes again. [MQTT-4.4.0-1] */
  resend(): void {
    for (const sent of this.client.sent.values()) {
      if (sent.state === 'published') {
        sent.published.resent = true
        this.publish(sent.published, sent.packetId, true)
      } else {
        this.write({ cmd: 'pubrel', messageId: sent.packetId } as Packet)
      }
    }
  }

  /** @param lostForMs how long the server does not learn of it */
  hangUp(lostForMs: number): void {
    if (this.state === 'closed') return
    this.socket.hangUp(lostForMs)
    this.ended('hangs up')
  }

  frame(bytes: Uint8Array): void {
    if (this.state !== 'closed') this.parser.parse(Buffer.from(bytes))
  }

  closed(): void {
    if (this.state !== 'closed') this.ended('was closed')
  }

  private ended(how: string): void {
    const { client } = this
    this.state = 'closed'
    this.record.closedAt = client.world.scheduler.exact
    client.world.note(`${client.id} connection ${this.record.number} ${how}`)
    client.closed(this)
  }

  private packet(packet: Packet): void {
    if (this.state === 'closed') return
    const { client } = this
    switch (packet.cmd) {
      case 'connack':
        this.connack(packet.sessionPresent, packet.reasonCode ?? reasonOf(packet.returnCode))
        return
      case 'publish':
        this.delivered(packet)
        return
      case 'puback':
        this.acknowledged(packet.messageId ?? 0, packet.reasonCode ?? 0, false)
        return
      case 'pubrec':
        this.acknowledged(packet.messageId ?? 0, packet.reasonCode ?? 0, true)
        return
      case 'pubcomp':
        client.sent.delete(packet.messageId ?? 0)
        return
      case 'pubrel':
        client.receivedIds.delete(packet.messageId ?? 0)
        this.write({ cmd: 'pubcomp', messageId: packet.messageId } as Packet)
        return
      case 'suback':
        this.suback(packet.messageId ?? 0, packet.granted as number[])
        return
      case 'unsuback':
        return
      case 'disconnect':
        client.world.note(`${client.id} connection ${this.record.number} is told ${packet.reasonCode}`)
        if (packet.reasonCode !== 0x8e)
          client.world.breach('error', `${client.id} is told ${packet.reasonCode}`)
        return
      default:
        throw new Error(`a client got ${packet.cmd}`)
    }
  }

  private connack(sessionPresent: boolean, reason: number): void {
    const { client } = this
    const { world } = client
    world.note(`${client.id} connection ${this.record.number} CONNACK ${reason} session ${sessionPresent}`)
    if (reason !== 0) {
      if (reason !== 0x88 && !(reason === 0x80 && world.faults.actorsFail))
        world.breach('error', `${client.id} got CONNACK ${reason}`)
      return
    }
    this.state = 'connected'
    this.record.sessionPresent = sessionPresent
    if (!sessionPresent) {
      if (
        client.sessionKnown &&
        !client.sessionMayBeNew &&
        !this.record.cleanStart &&
        !this.raced() &&
        !this.unsynced() &&
        !client.sessionMayBeOver
      )
        world.breach('durable', `the session of ${client.id} is gone`)
      client.forgetSession(this.record.openedAt)
    }
    this.record.connackAt = world.scheduler.exact
    // One that is answered after a newer one may be of the session before.
    this.session = this.overtaken ? -1 : client.sessions
    client.sessionKnown = client.manner.kept
    client.sessionMayBeNew = false
    client.current = this
    this.resend()
    for (const [filter, qos] of client.wanted) if (!client.granted.has(filter)) this.subscribe([filter], qos)
  }

  /** Another connection was being opened too, and nobody knows here which the server answered first. */
  private raced(): boolean {
    return this.client.connections.some(
      ({ record }) =>
        record !== this.record &&
        (record.connackAt ?? Number.POSITIVE_INFINITY) > this.record.openedAt &&
        (record.closedAt ?? Number.POSITIVE_INFINITY) > this.record.openedAt,
    )
  }

  /** Its home was lost before the session was in the store, or it was begun at one that did not know of its successor yet. */
  private unsynced(): boolean {
    const { id, world, sessionSince, sessionAskedFor } = this.client
    const { mayExpire, watch } = world
    const before = this.client.connectedLast
    return watch.failOvers.some(
      (one) =>
        one.root === `devices/${id}` &&
        (((!one.session || mayExpire) && this.missed(one, sessionSince, sessionAskedFor)) ||
          // Then the store, or the successor, does not know that the client had been back.
          (mayExpire && before !== null && this.missed(one, before.connackAt ?? 0, before.openedAt))),
    )
  }

  /** Whether a new home may not know what began then, the client having opened a connection for it. */
  private missed({ at, lostAt, endedAt }: FailOver, since: number, openedAt: number): boolean {
    const { faults } = this.client.world
    return at > since
      ? lostAt < since + faults.syncedWithinMs
      : openedAt < (endedAt ?? Number.POSITIVE_INFINITY)
  }

  /** A newer connection has been accepted. */
  private get overtaken(): boolean {
    return (this.client.current?.record.number ?? -1) > this.record.number
  }

  private acknowledged(packetId: number, reason: number, second: boolean): void {
    const sent = this.client.sent.get(packetId)
    const { world } = this.client
    if (sent === undefined || sent.state === 'released') {
      if (second) this.write({ cmd: 'pubrel', messageId: packetId } as Packet)
      return
    }
    if (reason > 0 && reason < 0x80 && reason !== Reason.NoMatchingSubscribers)
      world.breach('error', `p${sent.published.number} is acknowledged with ${reason}`)
    sent.published.acknowledged = { at: world.scheduler.exact, reason }
    world.note(`${this.client.id} p${sent.published.number} acknowledged ${reason}`)
    if (second && reason < 0x80) {
      sent.state = 'released'
      this.write({ cmd: 'pubrel', messageId: packetId } as Packet)
    } else {
      this.client.sent.delete(packetId)
    }
  }

  private delivered(packet: Extract<Packet, { cmd: 'publish' }>): void {
    const { client } = this
    const { world } = client
    const messageId = packet.messageId ?? 0
    if (isShadowTopic(packet.topic) && parseShadowRequest(packet.topic) === null) {
      this.shadowSaid(packet.topic, packet.payload.toString())
      if (packet.qos > 0) this.write({ cmd: 'puback', messageId } as Packet)
      return
    }
    if (isPresence(packet.topic)) {
      const event = presenceEventSchema.parse(JSON.parse(packet.payload.toString()))
      world.note(`${client.id} is told: ${event.client} ${told(event)}${packet.retain ? ' retained' : ''}`)
      world.history.told.push({
        client: client.id,
        event,
        at: world.scheduler.exact,
        retained: packet.retain,
      })
      this.write({ cmd: 'puback', messageId } as Packet)
      return
    }
    // Its exchange may have ended on the newer connection, and whether it has the client does not know.
    if (packet.qos === 2 && this.overtaken) {
      this.ignoredSome = true
      return
    }
    const published = world.history.withPayload(packet.payload.toString())
    if (published === null) {
      world.note(`${client.id} gets a late change of ${packet.topic}: ${packet.payload.toString()}`)
      if (packet.qos > 0) this.write({ cmd: 'puback', messageId } as Packet)
      return
    }
    const answer = packet.qos === 1 ? 'puback' : packet.qos === 2 ? 'pubrec' : null
    const again = packet.qos === 2 && client.receivedIds.has(messageId)
    const marks = `${packet.dup ? ' DUP' : ''}${packet.retain ? ' retained' : ''}${again ? ' again' : ''}`
    world.note(`${client.id} gets p${published.number} QoS ${packet.qos}${marks} from ${packet.topic}`)
    if (packet.topic !== published.topic)
      world.breach('error', `p${published.number} came from ${packet.topic}`)
    if (
      expires(published.number) &&
      published.expirySeconds === 0 &&
      !published.will &&
      this.bothSayExpiry(published)
    )
      this.checkExpiry(published, packet)
    if (!again) {
      world.history.delivered.push({
        published,
        client: client.id,
        connection: this.record.number,
        region: this.region,
        at: world.scheduler.exact,
        qos: packet.qos,
        dup: packet.dup,
        retain: packet.retain,
      })
    }
    // What an older session sent, and comes only now, says nothing of the new one's ids.
    if (packet.qos === 2 && this.session === client.sessions) client.receivedIds.add(messageId)
    if (answer === null) return
    const acknowledge = () => this.write({ cmd: answer, messageId } as Packet)
    if (client.manner.ackDelayMs === 0) acknowledge()
    else world.scheduler.after(client.manner.ackDelayMs, null, acknowledge)
  }

  private shadowSaid(topic: string, text: string): void {
    const { world, id } = this.client
    const { shadows } = world.history
    const root = rootOfTopic(topic)
    world.note(`${id} gets ${topic} ${text}`)
    if (!topic.endsWith('/get/accepted')) return
    const { version, state } = JSON.parse(text) as { version: number; state: { reported: object } }
    if (version < (shadows.get(root)?.version ?? 0)) return
    shadows.set(root, { version, attributes: new Set(Object.keys(state.reported)) })
  }

  /** 3.1.1 has no expiry. */
  private bothSayExpiry({ client }: Published): boolean {
    const { world, manner } = this.client
    return manner.version === 5 && world.clients.find(({ id }) => id === client)?.manner.version === 5
  }

  /** What is left of its time, whatever the clocks on its way. Time between two regions is not counted. [MQTT-3.3.2-6] */
  private checkExpiry(published: Published, packet: Extract<Packet, { cmd: 'publish' }>): void {
    const { world } = this.client
    const left = packet.properties?.messageExpiryInterval ?? 0
    const counted = EXPIRY_SECONDS - (world.scheduler.exact - published.at) / 1000
    const most = published.resent ? EXPIRY_SECONDS : Math.min(EXPIRY_SECONDS, counted + UNDER_WAY_SECONDS_MAX)
    if (left < counted - 1 || left > most)
      world.breach('expiry', `p${published.number} has ${left} s left, not ${counted.toFixed(1)}`)
  }

  private suback(packetId: number, granted: readonly number[]): void {
    const { client } = this
    const { world } = client
    this.asked.get(packetId)?.forEach(([filter], i) => {
      const qos = granted[i] ?? 0x80
      world.note(`${client.id} SUBACK ${filter} ${qos}`)
      if (qos >= 0x80 || !client.wanted.has(filter)) return
      const subscribed: Subscribed = {
        client: client.id,
        filter,
        qos: qos as QoS,
        at: world.scheduler.exact,
        connection: this.record.number,
        endedAt: null,
      }
      if (client.granted.has(filter)) return
      client.granted.set(filter, subscribed)
      world.history.subscribed.push(subscribed)
    })
  }

  private will(): Published {
    const { world, id } = this.client
    const topic = `rooms/1/wills/${id}`
    return world.history.publish({
      client: id,
      region: this.region,
      connection: this.record.number,
      topic,
      root: rootOfTopic(topic),
      qos: 1,
      retain: false,
      will: true,
      expirySeconds: 0,
      at: world.scheduler.exact,
    })
  }
}
