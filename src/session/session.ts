// One client's MQTT session, connected or not, as a step: (session, input) → effects. The session changes only itself, reads
// no clock and does no I/O. Its inputs and effects are data, so that its life can be recorded and replayed.
import type { AckPacket, ClientPacket, DisconnectPacket } from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Delivery } from './delivery.ts'
import type { Effect, OutgoingEffect } from './effect.ts'
import { type HeldPacket, HeldPackets } from './held-packets.ts'
import type { AliasPair, SessionInput, SessionStart } from './input.ts'
import { SESSION_EXPIRY_SECONDS_MAX } from './limits.ts'
import { OutgoingDeliveries, type OutgoingState } from './outgoing.ts'
import { type Overlap, overlapOf } from './overlap.ts'
import { Publishes, reply } from './publishes.ts'
import type { QueueBound } from './queue-room.ts'
import { EMPTY_OUTGOING } from './stored-delivery.ts'
import type { Subscription } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'

const NOTHING: Effect[] = []

export class Session {
  readonly id: string
  private expiry: number
  private readonly queue: QueueBound
  private readonly publishes: Publishes
  private readonly subscribed: Subscriptions
  private readonly held = new HeldPackets()
  private deliveries: OutgoingDeliveries
  private isConnected = false
  private lastNumber = 0

  constructor({ id, expirySeconds, subscriptions, outgoing, received, queue }: SessionStart) {
    const nextNumber = () => ++this.lastNumber
    this.id = id
    this.expiry = expirySeconds
    this.queue = queue
    this.publishes = new Publishes(received, nextNumber)
    this.subscribed = new Subscriptions(subscriptions, nextNumber)
    this.deliveries = new OutgoingDeliveries(expirySeconds > 0, outgoing, queue)
  }

  /** A new session, without subscriptions and messages. */
  static begin(id: string, expirySeconds: number, queue: QueueBound): Session {
    const outgoing = EMPTY_OUTGOING
    return new Session({ id, expirySeconds, queue, subscriptions: [], outgoing, received: [] })
  }

  /** Whether deliveries that are not acknowledged outlive the connection. Changes with a CONNECT only. */
  get persistent(): boolean {
    return this.deliveries.persistent
  }

  /** How long the session outlives its connection. Changes with CONNECT and DISCONNECT. */
  get expirySeconds(): number {
    return this.expiry
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.subscribed.byFilter
  }

  /** The subscriptions whose retained messages the client still is to get. */
  get retaining(): readonly Subscription[] {
    return this.subscribed.retaining
  }

  /** A message that comes to this session by two ways; null for any other. */
  overlapOf(delivery: Delivery): Overlap | null {
    return overlapOf(delivery, this.subscribed)
  }

  get outgoing(): OutgoingState {
    return this.deliveries
  }

  /** Packet ids of QoS 2 publishes that have their PUBREC and wait for PUBREL. */
  get received(): number[] {
    return this.publishes.received
  }

  /** The topic aliases that the live connection's client has set. */
  get aliases(): readonly AliasPair[] {
    return this.publishes.aliases
  }

  /** Bytes of the client's packets that wait. */
  get heldBytes(): number {
    return this.held.heldBytes
  }

  /** The most that may wait, as of the last input `memory`. */
  get heldBytesMax(): number {
    return this.held.bytesMax
  }

  step(input: SessionInput): Effect[] {
    switch (input.type) {
      case 'delivery':
        return this.deliveries.deliver(input.delivery, input.number, input.now)
      case 'published':
        return this.workOff(this.publishes.published(input.number, input.reason))
      case 'subscribed':
        return this.subscribed.subscribed(input.number, input.reasons, input.said)
      case 'unsubscribed':
        return this.subscribed.unsubscribed(input.number)
      case 'resumed':
        // Whether the session outlives the connection may change, and with it what is stored.
        this.expiry = input.expirySeconds
        this.deliveries = new OutgoingDeliveries(
          input.expirySeconds > 0,
          this.deliveries.snapshot(),
          this.queue,
        )
        return NOTHING
      case 'connected':
        this.isConnected = true
        this.publishes.connected(input.terms, [])
        return this.deliveries.connected(input.terms.outgoingWindow)
      case 'awakened':
        this.isConnected = true
        this.publishes.connected(input.terms, input.aliases)
        this.deliveries.awaken(input)
        return NOTHING
      case 'disconnected':
        return this.disconnected()
      case 'skipped':
        return this.deliveries.skipped(input.packetId)
      case 'refill':
        return this.deliveries.refill(input.rows, input.limit, input.now)
      case 'dropped':
        return this.deliveries.dropped(input.asked, input.rows)
      case 'memory':
        this.held.bytesMax = input.heldBytesMax
        return NOTHING
      case 'purged':
        return this.deliveries.purge()
      case 'ack-wait-over':
        return this.deliveries.ackWaitOver(input.now)
      case 'redistributed':
        return this.deliveries.redistributed(input.rows)
      case 'retained-sent':
        this.subscribed.retainedSent(input.filter, input.after)
        return NOTHING
      case 'learned':
        this.subscribed.learn(input.filter, input.subscription)
        return NOTHING
      default:
        // A packet that arrives after its connection has ended has no effect.
        return this.isConnected ? this.arrived(input) : NOTHING
    }
  }

  private arrived(packet: ClientPacket): Effect[] {
    switch (packet.type) {
      case 'publish':
      case 'subscribe':
      case 'unsubscribe':
        return this.inOrder(packet)
      case 'pubrel':
        return this.workOff(this.packet(packet))
      case 'disconnect':
        // The client waits for no answer, so what waits goes first, whatever room there is.
        return [...this.passOnHeld(), ...this.packet(packet)]
      default:
        return this.packet(packet)
    }
  }

  /** Publishes for which there is no room wait, and with them what comes after them. */
  private inOrder(packet: HeldPacket): Effect[] {
    const { held } = this
    const room = packet.type === 'publish' ? this.publishes.roomFor(packet, held.openPublishes) : 'now'
    if (room === 'excess') return this.closing(Reason.ReceiveMaximumExceeded)
    if (room === 'now' && held.isEmpty) return this.packet(packet)
    if (held.hold(packet)) return NOTHING
    const isDropped = packet.type === 'publish' && packet.message.qos === 0
    return isDropped ? NOTHING : this.closing(Reason.QuotaExceeded)
  }

  /** What waits and has room now. @param effects come first */
  private workOff(effects: Effect[]): Effect[] {
    const { held } = this
    if (held.isEmpty) return effects
    const all = [...effects]
    for (let next = held.first; next !== null && !closes(all); next = held.first) {
      if (next.type === 'publish' && this.publishes.roomFor(next, 0) !== 'now') return all
      held.removeFirst()
      all.push(...this.packet(next))
    }
    if (closes(all)) held.clear()
    return all
  }

  private passOnHeld(): Effect[] {
    const { held } = this
    const all: Effect[] = []
    for (let next = held.first; next !== null; next = held.first) {
      held.removeFirst()
      all.push(...this.packet(next))
    }
    return all
  }

  private closing(reason: ReasonCode): Effect[] {
    this.held.clear()
    return [{ do: 'close', reason }]
  }

  /** What waits is passed on all the same: a client that has left sends QoS 0 messages only once. */
  private disconnected(): Effect[] {
    const passedOn = this.isConnected ? this.passOnHeld() : NOTHING
    this.isConnected = false
    this.publishes.disconnected()
    this.subscribed.disconnected()
    return [...passedOn, ...this.deliveries.disconnected()]
  }

  private packet(packet: ClientPacket): Effect[] {
    switch (packet.type) {
      case 'publish':
        return this.publishes.receive(packet)
      case 'puback':
        return acknowledged(this.deliveries.acknowledged(packet.packetId), NOTHING)
      case 'pubrec':
        return this.pubrec(packet)
      case 'pubrel':
        return this.publishes.release(packet.packetId)
      case 'pubcomp':
        return this.deliveries.completed(packet.packetId)
      case 'subscribe':
        return this.subscribed.subscribe(packet)
      case 'unsubscribe':
        return this.subscribed.unsubscribe(packet)
      case 'pingreq':
        return [{ do: 'reply', packet: { type: 'pingresp' } }] // [MQTT-3.12.4-1]
      case 'disconnect':
        return this.disconnect(packet)
      case 'connect': // [MQTT-3.1.0-2]
        return [{ do: 'close', reason: Reason.ProtocolError }]
      case 'auth': // No enhanced authentication was agreed at CONNECT. [MQTT-4.12.0-7]
        return [{ do: 'close', reason: Reason.ProtocolError }]
      default:
        return packet satisfies never
    }
  }

  private pubrec({ packetId, reason }: AckPacket): Effect[] {
    const refused = isFailure(reason)
    // PUBREL answers only a PUBREC that accepts. [MQTT-4.3.3-4]
    const unknown = refused ? NOTHING : [reply('pubrel', packetId, Reason.PacketIdentifierNotFound)]
    return acknowledged(this.deliveries.received(packetId, refused), unknown)
  }

  private disconnect({ reason, properties }: DisconnectPacket): Effect[] {
    const effects: Effect[] = []
    const asked = properties.sessionExpiryInterval
    if (asked !== undefined) {
      // A session that was to end with its connection cannot be kept after all. (section 3.14.2.2.2)
      if (this.expiry === 0 && asked > 0) return [{ do: 'close', reason: Reason.ProtocolError }]
      this.expiry = Math.min(asked, SESSION_EXPIRY_SECONDS_MAX)
    }
    if (reason === Reason.Success) effects.push({ do: 'discard-will' })
    effects.push({ do: 'close', reason: null })
    return effects
  }
}

function closes(effects: readonly Effect[]): boolean {
  return effects.some((effect) => effect.do === 'close')
}

/** @param unknown for an id that is not in flight: a resend crossed its acknowledgement */
function acknowledged(effects: OutgoingEffect[] | 'unknown' | 'misused', unknown: Effect[]): Effect[] {
  if (effects === 'unknown') return unknown
  return effects === 'misused' ? [{ do: 'close', reason: Reason.ProtocolError }] : effects
}
