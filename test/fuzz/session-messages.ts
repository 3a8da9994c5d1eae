// What a session's client was sent, and what it holds as a correct receiver of QoS 2. A reference for the session.

import assert from 'node:assert/strict'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import { QUEUE_BYTES_MAX } from '../../src/session/limits.ts'
import { packetIdOf } from '../../src/session/stored-delivery.ts'
import type { TopicAlias } from '../../src/session/topic-aliases.ts'
import type { Step } from './session-steps.ts'

/** What a step says of a delivery. */
export type Shape = Pick<Extract<Step, { do: 'deliver' }>, 'qos' | 'lifeMs' | 'share'>

export interface Known {
  readonly sessionId: string
  readonly qos: number
  readonly shared: boolean
  readonly expiresAt: number
  settled: number | null
  packetId: number | null
  /** The client has it, or it was skipped, or others have it. */
  acknowledged: boolean
  /** How often the client took it for a new message. */
  arrived: number
  /** The process died, or the session ended, before its outcome: nobody was promised anything. */
  abandoned: boolean
  ended: boolean
  /** The full queue dropped it for a newer one, and counted it. */
  dropped: boolean
}

const NO_BYTES = new Uint8Array(0)
/** One allocation for all: nothing here looks into a payload. */
const PAYLOAD = new Uint8Array(QUEUE_BYTES_MAX)
/** Topics of deliveries: few, so that aliases come into use and are taken from one another. */
const TOPICS = 4

export class Messages {
  /** By number, which is the delivery's identifier; numbers grow. */
  readonly known = new Map<number, Known>()
  /** Of the connection: packet id to the message's number. */
  open = new Map<number, number>()
  /** Packet ids of PUBRELs that the client has not answered on this connection. */
  toComplete = new Set<number>()
  /** Packet ids that are the server's to complete: PUBREC came, PUBCOMP did not. */
  readonly released = new Set<number>()
  /** What the client would take for a message that it has: packet id to number, until PUBREL. [MQTT-4.3.3-10] */
  readonly holds = new Map<number, number>()
  /** Packet ids in flight of which the server has forgotten all else. */
  private forgotten = new Set<number>()
  private aliases = new Map<number, string>()
  /** The number of the newest. */
  last = 0
  private lastSent = 0
  private window = 0

  /** A new message, with the next number. */
  next(sessionId: string, { qos, share }: Shape, expiresAt: number, payloadBytes: number): Delivery {
    this.known.set(++this.last, {
      sessionId,
      qos,
      shared: share !== 'no',
      expiresAt,
      settled: null,
      packetId: null,
      acknowledged: false,
      arrived: 0,
      abandoned: false,
      ended: false,
      dropped: false,
    })
    const payload = payloadBytes === 0 ? NO_BYTES : PAYLOAD.subarray(0, payloadBytes)
    const topic = `rooms/${this.last % TOPICS}`
    return {
      qos,
      retain: false,
      identifiers: [this.last],
      share: share === 'no' ? null : { filter: '$share/g/rooms/+', waits: share === 'waits' },
      message: { topic, qos, retain: false, properties: NO_BYTES, payload, expiresAt },
    }
  }

  connected(window: number): void {
    this.open = new Map()
    this.toComplete = new Set()
    this.forgotten = new Set()
    this.aliases = new Map()
    this.lastSent = 0
    this.window = window
  }

  of(number: number): Known {
    const one = this.known.get(number)
    assert.ok(one !== undefined, `${number} was never delivered`)
    return one
  }

  /** As if an earlier life had sent it. */
  held(number: number, position: number): void {
    const one = this.of(number)
    one.packetId = packetIdOf(position)
    if (one.qos !== 2) return
    one.arrived = 1
    this.holds.set(one.packetId, number)
  }

  sent(
    { qos, message, identifiers }: Delivery,
    packetId: number,
    dup: boolean,
    alias: TopicAlias | null,
  ): void {
    if (alias?.known === true) assert.equal(this.aliases.get(alias.alias), message.topic, 'another topic')
    else if (alias !== null) this.aliases.set(alias.alias, message.topic)
    if (qos === 0) {
      assert.ok(packetId === 0 && !dup)
      return
    }
    const number = numberOf(identifiers)
    this.begins(number, packetId)
    const one = this.of(number)
    assert.equal(dup, one.packetId !== null, 'DUP')
    one.packetId = packetId
    this.open.set(packetId, number)
    if (qos !== 2) return
    const before = this.holds.get(packetId)
    assert.ok(before === undefined || before === number, `${number} is taken for ${before}`)
    if (before === undefined) assert.equal(++one.arrived, 1, `${number} arrives twice`)
    this.holds.set(packetId, number)
  }

  skipped({ qos, identifiers }: Delivery, packetId: number): void {
    if (qos === 0) return
    const number = numberOf(identifiers)
    this.begins(number, packetId)
    const one = this.of(number)
    one.acknowledged = true
    // A client that got it on an earlier connection is to let go of its packet id.
    if (qos === 2 && one.packetId !== null) this.released.add(packetId)
  }

  /** Only what is not in flight, from the oldest of its kind. */
  dropped(deliveries: readonly Delivery[]): void {
    for (const { identifiers } of deliveries) {
      const number = numberOf(identifiers)
      const one = this.of(number)
      assert.ok(!one.dropped && !one.ended, `${number} is dropped twice`)
      assert.ok(one.packetId === null, `${number} was sent and is dropped`)
      one.dropped = true
      for (const [older, { packetId, ...before }] of this.known)
        assert.ok(
          older >= number ||
            before.sessionId !== one.sessionId ||
            before.shared !== one.shared ||
            before.qos === 0 ||
            packetId !== null ||
            before.acknowledged ||
            before.dropped ||
            before.abandoned ||
            before.expiresAt > 0 ||
            (before.settled !== null && before.settled !== Reason.Success),
          `${number} is dropped before ${older}`,
        )
    }
  }

  private begins(number: number, packetId: number): void {
    const one = this.of(number)
    assert.ok(!this.open.has(packetId) && !this.released.has(packetId), `packet id ${packetId} is taken`)
    assert.ok(this.open.size + this.released.size < this.window, 'more than the Receive Maximum')
    assert.ok(number > this.lastSent, `${number} after ${this.lastSent}`)
    if (one.packetId !== null) assert.equal(packetId, one.packetId, 'another packet id') // [MQTT-4.4.0-1]
    assert.ok(!one.ended && !one.dropped && !one.acknowledged && one.settled !== Outcome.ClientAway)
    this.lastSent = number
  }

  /** PUBREL of what the server has PUBREC for. */
  pubrel(packetId: number): void {
    assert.ok(this.released.has(packetId) && !this.open.has(packetId), `${packetId} was not received`)
    this.holds.delete(packetId)
    this.toComplete.add(packetId)
  }

  /** The actor's memory is lost, and with it what a session that ends with its connection has in flight. */
  forget(stored: ReadonlySet<number>): void {
    this.forgotten = new Set([...this.open].flatMap(([id, number]) => (stored.has(number) ? [] : [id])))
  }

  /** The client says PUBACK or PUBREC. False if that is the wrong one, which ends the connection. */
  acknowledge(type: 'puback' | 'pubrec', packetId: number, reason: ReasonCode): boolean {
    const number = this.open.get(packetId)
    if (number === undefined) {
      // [MQTT-4.3.3-4]
      if (type === 'pubrec' && reason >= 0x80) this.complete(packetId)
      return type === 'pubrec' || !this.released.has(packetId)
    }
    // What it has forgotten may be of either kind.
    if ((this.of(number).qos === 2) !== (type === 'pubrec') && !this.forgotten.has(packetId)) return false
    this.open.delete(packetId)
    this.forgotten.delete(packetId)
    this.of(number).acknowledged = true
    if (type === 'pubrec' && reason < 0x80) this.released.add(packetId)
    else this.holds.delete(packetId)
    return true
  }

  complete(packetId: number): void {
    this.released.delete(packetId)
    this.toComplete.delete(packetId)
  }

  ended(sessionId: string, left: readonly Delivery[], now: number): void {
    const others = new Set(left.map(({ identifiers }) => numberOf(identifiers)))
    for (const [number, one] of this.known) {
      if (one.sessionId !== sessionId || one.ended) continue
      one.ended = true
      const mine =
        one.acknowledged || one.dropped || (one.qos === 2 && one.packetId !== null) || others.has(number)
      if (!one.shared || one.qos === 0 || one.settled !== Reason.Success || isExpired(one, now)) continue
      assert.ok(mine, `${number} of a shared subscription is lost with the session`)
    }
    this.released.clear()
    this.holds.clear()
  }

  /** What this session owes its client: taken, not expired, not lost with the process before it was promised. */
  *wanted(sessionId: string, now: number): Generator<[number, Known]> {
    for (const [number, one] of this.known) {
      const refused = one.settled !== null && one.settled !== Reason.Success
      if (one.sessionId !== sessionId || one.qos === 0) continue
      if (!isExpired(one, now) && !refused && !one.abandoned && !one.ended && !one.dropped)
        yield [number, one]
    }
  }
}

export function numberOf(identifiers: readonly number[]): number {
  return identifiers[0] ?? 0
}

export function isExpired({ expiresAt }: Known, now: number): boolean {
  return expiresAt > 0 && expiresAt <= now
}
