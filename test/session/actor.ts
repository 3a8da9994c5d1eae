// A small actor for tests of OutgoingDeliveries: performs its effects over a store in memory, and records what is sent.
import type { ProtocolVersion } from '../../src/mqtt/packet.ts'
import { type Delivery, type DeliveryOutcome, deliveryBytes } from '../../src/session/delivery.ts'
import type { DropEffect, OutgoingEffect } from '../../src/session/effect.ts'
import { QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { OutgoingDeliveries } from '../../src/session/outgoing.ts'
import type { QueueBound } from '../../src/session/queue-room.ts'
import { EMPTY_OUTGOING, packetIdOf, type StoredDelivery } from '../../src/session/stored-delivery.ts'

const NO_BYTES = new Uint8Array(0)

export function delivery(
  topic: string,
  more: { qos?: 0 | 1 | 2; expiresAt?: number; payloadBytes?: number } = {},
): Delivery {
  const qos = more.qos ?? 1
  const payload = more.payloadBytes === undefined ? NO_BYTES : new Uint8Array(more.payloadBytes)
  const message = {
    topic,
    qos,
    retain: false,
    properties: NO_BYTES,
    payload,
    expiresAt: more.expiresAt ?? 0,
  } as const
  return { qos, retain: false, identifiers: [], share: null, message }
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

export const DROPPING: QueueBound = { messagesMax: QUEUE_MESSAGES_MAX, whenFull: 'drop-oldest' }
export const REFUSING: QueueBound = { messagesMax: QUEUE_MESSAGES_MAX, whenFull: 'refuse' }

export interface Sent {
  readonly topic: string
  readonly packetId: number
  readonly dup: boolean
}

export class FakeActor {
  outgoing: OutgoingDeliveries
  /** What storage holds. */
  readonly rows = new Map<number, Delivery>()
  /** Positions that storage knows as released. */
  readonly released = new Set<number>()
  savedLast = 0
  savedSentUpTo = 0
  /** Everything sent to the client, on all connections. */
  readonly sent: Sent[] = []
  /** Packet ids of the PUBRELs that were sent. */
  readonly pubrels: number[] = []
  /** Names and kinds of what was stored, in order. */
  readonly stored: string[] = []
  readonly outcomes = new Map<string, DeliveryOutcome[]>()
  /** Topics of the deliveries, by number. */
  private readonly numbered: string[] = []
  wakeAt = 0
  now = 1_000_000
  /** Called before a refill is performed: effects of one call are performed one after another, not at once. */
  beforeRefill: () => void = () => undefined

  /** Topics of what was dropped, in order. */
  readonly dropped: string[] = []
  private readonly bound: QueueBound

  constructor(persistent: boolean, bound: QueueBound = DROPPING) {
    this.bound = bound
    this.outgoing = new OutgoingDeliveries(persistent, EMPTY_OUTGOING, bound)
  }

  deliver(one: Delivery): void {
    this.perform(this.outgoing.deliver(one, this.numbered.push(one.message.topic), this.now))
  }

  deliverAll(...topics: string[]): void {
    for (const topic of topics) this.deliver(delivery(topic))
  }

  resume(window: number): void {
    this.savedLast = this.outgoing.snapshot().lastPosition
    this.perform(this.outgoing.connected(window))
  }

  close(): void {
    this.perform(this.outgoing.disconnected())
    this.savedLast = this.outgoing.snapshot().lastPosition
  }

  acknowledge(...packetIds: number[]): void {
    for (const id of packetIds) {
      const effects = this.outgoing.acknowledged(id)
      if (typeof effects === 'string') throw new Error(`${id} is not in flight`)
      this.perform(effects)
    }
  }

  /** PUBREC and PUBCOMP. */
  receive(packetId: number): void {
    const effects = this.outgoing.received(packetId, false)
    if (typeof effects === 'string') throw new Error(`${packetId} is ${effects}`)
    this.perform(effects)
  }

  complete(packetId: number): void {
    this.perform(this.outgoing.completed(packetId))
  }

  pass(ms: number): void {
    this.now += ms
    if (this.wakeAt > 0 && this.wakeAt <= this.now) {
      this.wakeAt = 0
      this.perform(this.outgoing.ackWaitOver(this.now))
    }
  }

  /** Memory is lost; the connection, with what its attachment says, is not. */
  hibernate(window: number): void {
    const { persistent } = this.outgoing
    const inflight = persistent ? [] : this.outgoing.inflightPacketIds
    const { lastPosition, sentUpTo, released } = this.outgoing.snapshot()
    const { sentOnConnection } = this.outgoing
    this.reload(persistent, lastPosition, sentUpTo, persistent ? [...this.released] : released)
    const stored = this.read(0, window).filter((row) => row.position <= sentOnConnection)
    const unstored = inflight.filter((id) => !stored.some((row) => packetIdOf(row.position) === id))
    const terms = { ...termsOf(5), outgoingWindow: window }
    this.outgoing.awaken({ terms, unstored, stored, sentOnConnection, now: this.now })
  }

  /** The process is killed: only storage is left. */
  crash(): void {
    this.reload(true, Math.max(this.savedLast, ...this.rows.keys()), this.savedSentUpTo, [...this.released])
  }

  /** Topics of what was sent after the first so many. */
  sentAfter(count: number): string[] {
    return this.sent.slice(count).map(({ topic }) => topic)
  }

  perform(effects: readonly OutgoingEffect[]): void {
    for (const effect of effects) this.performOne(effect)
  }

  private performOne(effect: OutgoingEffect): void {
    switch (effect.do) {
      case 'send':
        this.sent.push({
          topic: effect.delivery.message.topic,
          packetId: effect.packetId,
          dup: effect.dup,
        })
        return
      case 'outcome':
        this.settle(effect.number, effect.outcome)
        return
      case 'store':
        for (const { position, delivery: one } of effect.entries) {
          this.rows.set(position, one)
          this.stored.push(one.message.topic)
          this.savedLast = Math.max(this.savedLast, position)
        }
        for (const number of effect.numbers) this.settle(number, 'stored')
        return
      case 'forget':
        for (const position of effect.positions) {
          if (!this.rows.delete(position)) throw new Error(`position ${position} is not stored`)
        }
        return
      case 'release':
        if (effect.stored !== this.rows.delete(effect.position)) throw new Error('a row too many or too few')
        if (this.outgoing.persistent) this.released.add(effect.position)
        return
      case 'pubrel':
        this.pubrels.push(effect.packetId)
        return
      case 'complete':
        this.released.delete(effect.position)
        return
      case 'sent-up-to':
        this.savedSentUpTo = effect.position
        return
      case 'refill':
        this.beforeRefill()
        this.perform(this.outgoing.refill(this.read(effect.after, effect.limit), effect.limit, this.now))
        return
      case 'drop-oldest':
        this.perform(this.outgoing.dropped(effect, oldest(this.read(0, this.rows.size), effect)))
        return
      case 'dropped':
        this.dropped.push(...effect.deliveries.map(({ message }) => message.topic))
        return
      case 'wake':
        this.wakeAt = effect.at
        return
      default:
        effect satisfies never
    }
  }

  private settle(number: number, outcome: DeliveryOutcome): void {
    const topic = this.numbered[number - 1] ?? ''
    this.outcomes.set(topic, [...(this.outcomes.get(topic) ?? []), outcome])
  }

  private read(after: number, limit: number): StoredDelivery[] {
    return [...this.rows]
      .map(([position, one]) => ({ position, delivery: one }))
      .filter(({ position }) => position > after)
      .sort((a, b) => a.position - b.position)
      .slice(0, limit)
  }

  private reload(
    persistent: boolean,
    lastPosition: number,
    sentUpTo: number,
    released: readonly number[],
  ): void {
    this.wakeAt = 0
    this.outgoing = new OutgoingDeliveries(
      persistent,
      { lastPosition, sentUpTo, ...sizeOf(this.rows.values()), released },
      this.bound,
    )
  }
}

/** What `queueSize` of a session's store counts. */
export function sizeOf(deliveries: Iterable<Delivery>) {
  const size = { storedMessages: 0, storedBytes: 0, sharedMessages: 0, sharedBytes: 0 }
  for (const one of deliveries) {
    size.storedMessages++
    size.storedBytes += deliveryBytes(one)
    if (one.share === null) continue
    size.sharedMessages++
    size.sharedBytes += deliveryBytes(one)
  }
  return size
}

/** What `oldest` of a session's store reads. @param rows all, by position */
export function oldest(
  rows: readonly StoredDelivery[],
  { shared, after, messages, bytes }: DropEffect,
): StoredDelivery[] {
  const found: StoredDelivery[] = []
  let foundBytes = 0
  for (const row of rows) {
    if (row.position <= after || (row.delivery.share !== null) !== shared) continue
    if (found.length >= messages && foundBytes >= bytes) break
    found.push(row)
    foundBytes += deliveryBytes(row.delivery)
  }
  return found
}
