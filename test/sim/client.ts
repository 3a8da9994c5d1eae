// A simulated MQTT client that speaks real bytes and keeps to the standard: acknowledges, resends, takes QoS 2 once.
import type { Packet } from 'mqtt-packet'
import type { RegionId } from '../../src/id/ids.ts'
import { rootOfTopic } from '../../src/id/root.ts'
import type { QoS } from '../../src/mqtt/packet.ts'
import { ClientConnection } from './client-connection.ts'
import type { Connected, Published, Subscribed } from './history.ts'
import type { World } from './world.ts'

export interface Manner {
  /** Of the protocol: 3.1.1 or 5.0. */
  readonly version: 4 | 5
  /** Its session outlives its connections. */
  readonly kept: boolean
  readonly ackDelayMs: number
  readonly receiveMaximum: number
  readonly will: boolean
}

/** By so much the server may count from earlier than its client. */
const EXPIRY_SLACK_MS = 500

interface Sent {
  readonly published: Published
  readonly packetId: number
  state: 'published' | 'released'
}

export class SimClient {
  readonly id: string
  readonly world: World
  readonly manner: Manner
  region: RegionId
  /** The newest connection that was accepted and is open. */
  current: ClientConnection | null = null
  readonly connections: ClientConnection[] = []
  /** Filters that the application wants, with the QoS. */
  readonly wanted = new Map<string, QoS>()
  readonly granted = new Map<string, Subscribed>()
  readonly sent = new Map<number, Sent>()
  readonly receivedIds = new Set<number>()
  /** How many sessions the server has begun anew. */
  sessions = 0
  /** When the client learned that it has this session, and when it had opened the connection that began it. */
  sessionSince = 0
  sessionAskedFor = 0
  /** The server has a session, as far as this client knows. */
  sessionKnown = false
  /** The server may have lost its session by this client's own doing, a clean start whose answer never came. */
  sessionMayBeNew = false
  retired = false
  private nextId = 0

  constructor(world: World, id: string, region: RegionId, manner: Manner) {
    this.world = world
    this.id = id
    this.region = region
    this.manner = manner
  }

  /** Its session has ended by its own reckoning too, where it was away for as long. [MQTT-3.1.2-23] */
  connect(region: RegionId = this.region, cleanStart = !this.manner.kept || this.sessionMayBeOver): void {
    this.region = region
    // In 3.1.1 a clean session is one that ends with its connection too.
    const clean = this.manner.version === 4 ? !this.manner.kept : cleanStart
    this.connections.push(new ClientConnection(this, region, clean))
  }

  /** The newest connection that was accepted. */
  get connectedLast(): Connected | null {
    return this.connections.findLast(({ record }) => record.connackAt !== null)?.record ?? null
  }

  get sessionMayBeOver(): boolean {
    const { scheduler, sessionExpirySeconds } = this.world
    const closedAt = this.connectedLast?.closedAt ?? scheduler.exact
    return scheduler.exact - closedAt > sessionExpirySeconds * 1000 - EXPIRY_SLACK_MS
  }

  get busy(): boolean {
    return this.connections.some(({ state }) => state !== 'closed')
  }

  subscribe(filters: readonly string[], qos: QoS): void {
    for (const filter of filters) this.wanted.set(filter, qos)
    this.current?.subscribe(filters, qos)
  }

  unsubscribe(filter: string): void {
    this.wanted.delete(filter)
    this.endSubscription(filter)
    this.current?.write({
      cmd: 'unsubscribe',
      messageId: this.packetId(),
      unsubscriptions: [filter],
    } as Packet)
  }

  publish(topic: string, qos: QoS, retain: boolean, expirySeconds: number): void {
    const { current } = this
    if (current === null) return
    const published = this.world.history.publish({
      client: this.id,
      region: current.region,
      connection: current.record.number,
      topic,
      root: rootOfTopic(topic),
      qos,
      retain,
      will: false,
      expirySeconds: this.manner.version === 4 ? 0 : expirySeconds,
      at: this.world.scheduler.exact,
    })
    const packetId = qos === 0 ? 0 : this.packetId()
    if (qos > 0) this.sent.set(packetId, { published, packetId, state: 'published' })
    this.world.note(
      `${this.id} publishes p${published.number} QoS ${qos}${retain ? ' retained' : ''}${expirySeconds > 0 ? ` for ${expirySeconds} s` : ''} to ${topic}`,
    )
    current.publish(published, packetId, false)
  }

  /** Leaves with DISCONNECT. */
  disconnect(): void {
    this.current?.write({ cmd: 'disconnect', reasonCode: 0, properties: {} } as Packet)
    this.current?.hangUp(0)
  }

  packetId(): number {
    this.nextId = (this.nextId % 65_535) + 1
    return this.nextId
  }

  endSubscription(filter: string): void {
    const subscribed = this.granted.get(filter)
    if (subscribed !== undefined) subscribed.endedAt = this.world.scheduler.exact
    this.granted.delete(filter)
  }

  /** The server's session is a new one. @param openedAt when the connection that began it was opened */
  forgetSession(openedAt: number): void {
    for (const filter of [...this.granted.keys()]) this.endSubscription(filter)
    this.sent.clear()
    this.receivedIds.clear()
    this.sessions++
    this.sessionSince = this.world.scheduler.exact
    this.sessionAskedFor = openedAt
  }

  closed(connection: ClientConnection): void {
    if (this.current === connection) {
      this.current = this.connections.findLast(({ state }) => state === 'connected') ?? null
      if (this.current?.ignoredSome === true) {
        this.current.hangUp(0)
        return
      }
      this.current?.resend()
    }
    if (this.retired || this.busy) return
    const { random, scheduler } = this.world
    scheduler.after(random.between(50, this.world.awayMsMax), null, () => {
      if (!this.retired && !this.busy) this.connect(this.world.wander(this))
    })
  }
}
