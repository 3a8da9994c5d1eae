// Fuzz: random lives of a session against what MQTT and the promises say of them, with a client that knows what it was sent.
import assert from 'node:assert/strict'
import type { AckPacket, ClientPacket, PublishPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import { ACK_WAIT_MS, QUEUE_BYTES_MAX, STALL_MS } from '../../src/session/limits.ts'
import { packetIdOf, type StoredDelivery } from '../../src/session/outgoing.ts'
import type { Terms } from '../../src/session/terms.ts'
import { fuzz } from './fuzz.ts'
import { SessionActor, type Witness } from './session-actor.ts'
import { type Connecting, type Life, lives, type Step } from './session-steps.ts'

const NO_BYTES = new Uint8Array(0)
/** One allocation for all: nothing here looks into a payload. */
const PAYLOAD = new Uint8Array(QUEUE_BYTES_MAX)
const LARGE_BYTES = 6 * 1024 * 1024

/** A publish of the client that waits for its answer. */
interface Received {
  readonly answer: AckPacket['type']
  readonly packetId: number
  reason: ReasonCode | null
}

interface Connection {
  readonly terms: Terms
  /** In the order in which they came. */
  readonly received: Received[]
  /** What SUBSCRIBE and UNSUBSCRIBE wait for: `suback 3 with 2` reasons. */
  readonly asked: string[]
  /** Packet id to the message's number. */
  readonly open: Map<number, number>
  lastSent: number
}

interface Known {
  readonly sessionId: string
  readonly qos: number
  readonly expiresAt: number
  settled: number | null
  packetId: number | null
  acknowledged: boolean
  /** The process died, or the session ended, before its outcome: nobody was promised anything. */
  abandoned: boolean
  ended: boolean
}

class Model implements Witness {
  private readonly actor = new SessionActor<Received>(this)
  private connection: Connection | null = null
  /** By number, which is the topic too; numbers grow. */
  private readonly known = new Map<number, Known>()
  private last = 0

  constructor(begin: Life['begin'], first: Connecting) {
    const rows: StoredDelivery[] = []
    if (begin === 'wrapping') this.actor.begin(100, rows, 65_532, 65_532)
    if (begin === 'long') {
      // The oldest were sent long ago, and the next ones come to their packet ids.
      for (const position of [3, 4, 5]) rows.push({ position, delivery: this.delivery('s1', 1, 0, 0) })
      this.actor.begin(100, rows, 65_535 + 2, 4)
      for (const number of [1, 2, 3]) this.of(number).settled = Reason.Success
      for (const number of [1, 2]) this.of(number).packetId = packetIdOf(number + 2)
    }
    this.step({ ...first, clean: first.clean && begin === 'new' })
  }

  step(step: Step): void {
    const { actor } = this
    switch (step.do) {
      case 'connect':
        this.connect(step)
        break
      case 'packet':
        if (this.connection !== null) this.receive(this.connection, step.packet)
        break
      case 'acknowledge':
        this.acknowledge(step.which, step.reason)
        break
      case 'answer':
        this.answer(step.which, step.reason)
        break
      case 'deliver':
        for (let i = 0; i < step.count; i++) this.deliver(step.qos, step.lifeMs, step.large ? LARGE_BYTES : 0)
        break
      case 'pass':
        actor.pass(step.ms)
        break
      case 'drop':
        actor.drop()
        break
      case 'hibernate':
        actor.hibernate()
        break
      case 'sleep':
        while (actor.owed.length > 0) this.answer(0, Reason.Success)
        if (actor.wakeAt > 0) actor.pass(ACK_WAIT_MS)
        if (actor.wakeAt > 0) actor.pass(STALL_MS)
        actor.hibernate()
        break
      case 'crash':
        for (const one of this.known.values()) if (one.settled === null) one.abandoned = true
        this.connection = null
        actor.crash()
        break
      default:
        step satisfies never
    }
    this.check()
  }

  /** Everybody answers, the connection ends, and a client that stays gets all that was promised. */
  finish(): void {
    while (this.actor.owed.length > 0) this.step({ do: 'answer', which: 0, reason: Reason.Success })
    const { session, live } = this.actor
    if (session !== null && live !== null) {
      this.acknowledgeAll()
      for (const one of this.wanted(session.id)) assert.ok(one.acknowledged, 'not sent on this connection')
      this.takesAll()
    }
    this.step({ do: 'drop' })
    for (const [number, one] of this.known)
      assert.ok(one.settled !== null || one.abandoned, `${number} has no outcome`)
    if (this.actor.session === null) return
    this.connect({
      do: 'connect',
      version: 5,
      clean: false,
      expirySeconds: 100,
      outgoingWindow: 3,
      incomingWindow: 3,
      maximumPacketSize: 0xffff_ffff,
    })
    this.acknowledgeAll()
    assert.equal(this.actor.rows.size, 0, 'rows are left')
    for (const one of this.wanted(this.actor.session.id)) assert.ok(one.acknowledged, 'never acknowledged')
    this.takesAll()
    this.step({ do: 'drop' })
    for (const [number, one] of this.known)
      assert.ok(one.settled !== null || one.abandoned, `${number} has no outcome`)
  }

  /** No count has leaked: the whole bound of an empty queue is free. */
  private takesAll(): void {
    const one = this.of(this.deliver(1, 0, QUEUE_BYTES_MAX - 100))
    assert.notEqual(one.packetId, null, 'an empty queue takes no message')
    this.acknowledgeAll()
    assert.equal(one.settled, Reason.Success)
  }

  sent(delivery: Delivery, packetId: number, dup: boolean): void {
    const { connection } = this
    assert.ok(connection !== null)
    if (delivery.qos === 0) {
      assert.ok(packetId === 0 && !dup)
      return
    }
    const number = Number(delivery.message.topic)
    const one = this.of(number)
    assert.ok(!connection.open.has(packetId), `packet id ${packetId} is in flight`)
    assert.ok(connection.open.size < connection.terms.outgoingWindow, 'more than the Receive Maximum')
    assert.ok(number > connection.lastSent, `${number} after ${connection.lastSent}`)
    assert.equal(dup, one.packetId !== null, 'DUP')
    if (one.packetId !== null) assert.equal(packetId, one.packetId, 'another packet id') // [MQTT-4.4.0-1]
    assert.ok(!one.ended && !one.acknowledged)
    one.packetId = packetId
    connection.lastSent = number
    connection.open.set(packetId, number)
  }

  discarded(packetId: number): void {
    this.of(this.connection?.open.get(packetId) ?? 0).acknowledged = true
    this.connection?.open.delete(packetId)
  }

  replied(packet: ServerPacket): void {
    const { connection } = this
    assert.ok(connection !== null)
    if (packet.type === 'puback' || packet.type === 'pubrec') {
      // [MQTT-4.6.0-2]
      const i = connection.received.findIndex(({ answer }) => answer === packet.type)
      const [first] = i < 0 ? [] : connection.received.splice(i, 1)
      assert.deepStrictEqual(
        { packetId: packet.packetId, reason: packet.reason },
        { packetId: first?.packetId, reason: first?.reason },
      )
    } else if (packet.type === 'suback' || packet.type === 'unsuback') {
      // A careless client may have asked twice with one packet id.
      const answer = `${packet.type} ${packet.packetId} with ${packet.reasons.length}`
      const i = connection.asked.indexOf(answer)
      assert.ok(i >= 0, `${answer} was not asked for`)
      connection.asked.splice(i, 1)
    }
  }

  closed(): void {
    this.connection = null
  }

  ended(sessionId: string): void {
    for (const one of this.known.values()) if (one.sessionId === sessionId) one.ended = true
  }

  private connect(step: Connecting): void {
    const terms = {
      protocolVersion: step.version,
      keepAliveSeconds: 0,
      outgoingWindow: step.outgoingWindow,
      incomingWindow: step.incomingWindow,
      maximumPacketSize: step.maximumPacketSize,
    }
    // The old connection must be seen to end before the new one is there.
    if (this.connection !== null) this.actor.drop()
    this.connection = { terms, received: [], asked: [], open: new Map(), lastSent: 0 }
    this.actor.connect(terms, step.expirySeconds, step.clean)
  }

  private receive(connection: Connection, packet: ClientPacket): void {
    if (packet.type === 'puback') {
      const number = connection.open.get(packet.packetId)
      if (number !== undefined) this.of(number).acknowledged = true
      connection.open.delete(packet.packetId)
    }
    if (packet.type === 'subscribe')
      connection.asked.push(`suback ${packet.packetId} with ${packet.subscriptions.length}`)
    if (packet.type === 'unsubscribe')
      connection.asked.push(`unsuback ${packet.packetId} with ${packet.filters.length}`)
    const received = packet.type === 'publish' ? receivedOf(packet) : null
    if (received !== null) connection.received.push(received)
    this.actor.step(packet, received)
  }

  private answer(which: number, reason: ReasonCode): void {
    const { owed } = this.actor
    if (owed.length === 0) return
    const { origin } = owed[which % owed.length] ?? { origin: null }
    if (origin !== null) origin.reason = reason
    this.actor.answer(which, reason)
  }

  private acknowledge(which: number, reason: ReasonCode): void {
    const { connection } = this
    const ids = [...(connection?.open.keys() ?? [])]
    const packetId = ids[which % ids.length]
    if (connection === null || packetId === undefined) return
    this.receive(connection, { type: 'puback', packetId, reason, properties: {} })
  }

  private acknowledgeAll(): void {
    const open = (): number => this.connection?.open.size ?? 0
    while (open() > 0) {
      this.step({ do: 'acknowledge', which: 0, reason: Reason.Success })
      if (open() === 0) this.step({ do: 'pass', ms: STALL_MS })
    }
  }

  private deliver(qos: 0 | 1 | 2, lifeMs: number, payloadBytes: number): number {
    const { session } = this.actor
    if (session === null) return 0
    const delivery = this.delivery(session.id, qos, lifeMs, payloadBytes)
    const one = this.of(this.last)
    this.actor.deliver(delivery, (reason) => {
      assert.equal(one.settled, null, 'settled twice')
      one.settled = reason
    })
    return this.last
  }

  private delivery(sessionId: string, qos: 0 | 1 | 2, lifeMs: number, payloadBytes: number): Delivery {
    const expiresAt = lifeMs === 0 ? 0 : this.actor.now + lifeMs
    this.known.set(++this.last, {
      sessionId,
      qos,
      expiresAt,
      settled: null,
      packetId: null,
      acknowledged: false,
      abandoned: false,
      ended: false,
    })
    const payload = payloadBytes === 0 ? NO_BYTES : PAYLOAD.subarray(0, payloadBytes)
    const message = { topic: `${this.last}`, qos, retain: false, properties: NO_BYTES, payload, expiresAt }
    return { qos, retain: false, identifiers: [], message }
  }

  private of(number: number): Known {
    const one = this.known.get(number)
    assert.ok(one !== undefined, `${number} was never delivered`)
    return one
  }

  /** What this session owes its client: taken, not expired, not lost with the process before it was promised. */
  private *wanted(sessionId: string): Generator<Known> {
    for (const one of this.known.values()) {
      const expired = one.expiresAt > 0 && one.expiresAt <= this.actor.now
      const refused = one.settled !== null && one.settled !== Reason.Success
      if (one.sessionId !== sessionId || one.qos === 0) continue
      if (!expired && !refused && !one.abandoned && !one.ended) yield one
    }
  }

  private check(): void {
    const { session, live, rows, wakeAt, now } = this.actor
    const head = this.connection?.received[0]
    // 3.1.1 has no negative acknowledgement, and its connection is closed instead.
    assert.ok(head === undefined || head.reason === null, 'an acknowledgement is due')
    if (session === null) return
    const { lastPosition, sentUpTo, ...counts } = session.outgoing.snapshot()
    const { storedMessages, storedBytes } = this.actor.snapshotOfRows(lastPosition, sentUpTo)
    assert.deepStrictEqual(counts, { storedMessages, storedBytes })
    const stored = new Set([...rows.values()].map(({ message }) => Number(message.topic)))
    for (const [number, one] of this.known) {
      if (one.sessionId !== session.id || one.abandoned || one.ended || one.qos === 0) continue
      if (one.settled === null) {
        // Promise 1: nobody waits for longer than a moment.
        assert.ok(
          live !== null && wakeAt > 0 && wakeAt <= now + ACK_WAIT_MS,
          `${number} waits without a wake`,
        )
      } else if (one.settled === Reason.Success && session.persistent && !one.acknowledged) {
        const expired = one.expiresAt > 0 && one.expiresAt <= now
        assert.ok(expired || stored.has(number), `${number} is settled and neither stored nor acknowledged`)
      }
    }
  }
}

/** What a publish must be answered with; a reason is known at once where no leaf is asked. */
function receivedOf({ packetId, message }: PublishPacket): Received | null {
  if (message.qos === 0) return null
  const reason = message.topic.startsWith('$') ? Reason.NotAuthorized : null
  return { answer: message.qos === 1 ? 'puback' : 'pubrec', packetId, reason }
}

export const SESSION = [
  fuzz('session', 40, lives, ({ begin, first, steps }) => {
    const model = new Model(begin, first)
    for (const step of steps) model.step(step)
    model.finish()
  }),
]
