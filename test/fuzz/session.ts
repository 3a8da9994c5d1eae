// Fuzz: random lives of a session against what MQTT and the promises say of them, with a client that knows what it was sent.

import assert from 'node:assert/strict'
import type { Message } from '../../src/mqtt/message.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import type { AckPacket, ClientPacket, ServerPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Delivery, DeliveryOutcome } from '../../src/session/delivery.ts'
import { ACK_WAIT_MS, INCOMING_INFLIGHT_MAX, QUEUE_BYTES_MAX, STALL_MS } from '../../src/session/limits.ts'
import { packetIdOf, type StoredDelivery } from '../../src/session/stored-delivery.ts'
import type { Terms } from '../../src/session/terms.ts'
import type { TopicAlias } from '../../src/session/topic-aliases.ts'
import { replay } from '../session/recording.ts'
import { fuzz } from './fuzz.ts'
import { SessionActor, type Witness } from './session-actor.ts'
import { isExpired, type Known, Messages, numberOf, type Shape } from './session-messages.ts'
import { Publishes, type Received } from './session-publishes.ts'
import { type Connecting, type Life, lives, type Step } from './session-steps.ts'

const LARGE_BYTES = 6 * 1024 * 1024

interface Connection {
  readonly terms: Terms
  /** What SUBSCRIBE, UNSUBSCRIBE and PUBREL wait for: `suback 3 with 2` reasons. */
  readonly asked: string[]
}

const OUTCOMES: Readonly<Record<DeliveryOutcome, number>> = {
  accepted: Reason.Success,
  stored: Reason.Success,
  'client-away': Outcome.ClientAway,
  'queue-full': Reason.QuotaExceeded,
  dropped: Reason.Success,
}

const PLAIN: Shape = { qos: 1, lifeMs: 0, share: 'no' }

const RETURNING: Connecting = {
  do: 'connect',
  version: 5,
  clean: false,
  expirySeconds: 100,
  outgoingWindow: 3,
  incomingWindow: 30,
  maximumPacketSize: 0xffff_ffff,
  outgoingAliases: 2,
}

class Model implements Witness {
  private readonly actor: SessionActor<Received>
  private readonly messages = new Messages()
  private readonly publishes = new Publishes()
  private connection: Connection | null = null

  constructor({ begin, first, bound }: Omit<Life, 'steps'>) {
    const actor = new SessionActor<Received>(this, bound)
    this.actor = actor
    const { messages } = this
    const rows: StoredDelivery[] = []
    if (begin === 'wrapping') actor.begin(100, rows, 65_532, 65_532)
    if (begin === 'long' || begin === 'long-exact') {
      // The oldest were sent long ago, and the next ones come to their packet ids.
      const qos = begin === 'long' ? 1 : 2
      for (const position of [3, 4, 5]) {
        rows.push({ position, delivery: messages.next('s1', { ...PLAIN, qos }, 0, 0) })
      }
      const released = begin === 'long' ? [] : [2]
      actor.begin(100, rows, 65_535 + 2 - released.length, 4, released)
      for (const position of released) messages.released.add(packetIdOf(position))
      for (const number of [1, 2, 3]) messages.of(number).settled = Reason.Success
      for (const number of [1, 2]) messages.held(number, number + 2)
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
        this.receive(step.packet)
        break
      case 'acknowledge':
        this.acknowledge(step.which, step.reason, step.wrong)
        break
      case 'complete':
        this.say('pubcomp', [...this.messages.toComplete], step.which)
        break
      case 'received-again':
        this.say('pubrec', [...this.messages.released], step.which)
        break
      case 'completed-again':
        this.say('pubcomp', [...this.messages.open.keys()], step.which)
        break
      case 'publish-exactly': {
        const packet = this.connection === null ? null : this.publishes.next()
        if (packet !== null) this.receive(packet)
        break
      }
      case 'release-exactly':
        this.say('pubrel', this.publishes.toRelease, step.which)
        break
      case 'answer':
        this.answer(step.which, step.reason)
        break
      case 'deliver':
        for (let i = 0; i < step.count; i++) this.deliver(step, step.large ? LARGE_BYTES : 0)
        break
      case 'give':
        actor.give()
        break
      case 'given':
        this.given(step.count)
        break
      case 'pass':
        actor.pass(step.ms)
        break
      case 'drop':
        actor.drop()
        break
      case 'hibernate':
        this.hibernate()
        break
      case 'sleep':
        while (actor.owed.length > 0) this.answer(0, Reason.Success)
        if (actor.wakeAt > 0) actor.pass(ACK_WAIT_MS)
        if (actor.wakeAt > 0) actor.pass(STALL_MS)
        this.hibernate()
        break
      case 'crash':
        for (const one of this.messages.known.values()) if (one.settled === null) one.abandoned = true
        this.publishes.crashed()
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
    if (this.actor.session !== null && this.actor.live !== null) {
      this.drained('not sent on this connection')
      this.takesAll()
    }
    this.step({ do: 'drop' })
    this.allSettled()
    if (this.actor.session === null) return
    this.connect(RETURNING)
    while (this.actor.owed.length > 0) this.step({ do: 'answer', which: 0, reason: Reason.Success })
    assert.ok(this.connection !== null)
    this.drained('never acknowledged')
    assert.equal(this.actor.storage.queue.size, 0, 'rows are left')
    assert.equal(this.actor.storage.released.size, 0, 'packet ids are left')
    this.takesAll()
    this.step({ do: 'drop' })
    this.allSettled()
  }

  /** Each session of this life, from its recorded inputs, has the same effects again. */
  replay(): void {
    for (const recording of this.actor.recordings) replay(recording)
  }

  private drained(what: string): void {
    this.acknowledgeAll()
    while (this.publishes.toRelease.length > 0) this.step({ do: 'release-exactly', which: 0 })
    assert.equal(this.publishes.unfinished, 0, 'QoS 2 publishes are left')
    const { session, now } = this.actor
    assert.ok(session !== null)
    for (const [number, one] of this.messages.wanted(session.id, now)) {
      assert.ok(one.acknowledged, `${number} is ${what}`)
    }
    assert.deepStrictEqual(session.outgoing.snapshot().released, [])
    // Else the client would take the next message with that packet id for one that it has.
    assert.deepStrictEqual([...this.messages.holds], [], 'the client still holds packet ids')
  }

  private allSettled(): void {
    for (const [number, one] of this.messages.known)
      assert.ok(one.settled !== null || one.abandoned, `${number} has no outcome`)
  }

  /** No count has leaked: the whole bound of an empty queue is free. */
  private takesAll(): void {
    const one = this.messages.of(this.deliver(PLAIN, QUEUE_BYTES_MAX - 100))
    assert.ok(one.packetId !== null || one.acknowledged, 'an empty queue takes no message')
    this.acknowledgeAll()
    assert.equal(one.settled, Reason.Success)
  }

  sent(delivery: Delivery, packetId: number, dup: boolean, alias: TopicAlias | null): void {
    assert.ok(this.connection !== null)
    if (alias !== null) assert.ok(alias.alias >= 1 && alias.alias <= this.connection.terms.outgoingAliases)
    this.messages.sent(delivery, packetId, dup, alias)
  }

  skipped(delivery: Delivery, packetId: number): void {
    assert.ok(this.connection !== null)
    this.messages.skipped(delivery, packetId)
  }

  dropped(deliveries: readonly Delivery[]): void {
    this.messages.dropped(deliveries)
  }

  pubrel(packetId: number): void {
    assert.ok(this.connection !== null)
    this.messages.pubrel(packetId)
  }

  passedOn(message: Message): void {
    this.publishes.passedOn(message)
  }

  replied(packet: ServerPacket): void {
    const { connection } = this
    assert.ok(connection !== null)
    if (packet.type === 'puback' || packet.type === 'pubrec') {
      this.publishes.answered(packet.type, packet.packetId, packet.reason)
    } else if (packet.type === 'pubrel') {
      // Of an id that the server does not know.
      assert.equal(packet.reason, Reason.PacketIdentifierNotFound)
      assert.ok(!this.messages.open.has(packet.packetId) && !this.messages.released.has(packet.packetId))
    } else if (packet.type === 'pubcomp') {
      this.expected(connection, `pubcomp ${packet.packetId} with ${packet.reason}`)
      this.publishes.completed(packet.packetId)
    } else if (packet.type === 'suback' || packet.type === 'unsuback') {
      // A careless client may have asked twice with one packet id.
      this.expected(connection, `${packet.type} ${packet.packetId} with ${packet.reasons.length}`)
    }
  }

  private expected({ asked }: Connection, answer: string): void {
    const i = asked.indexOf(answer)
    assert.ok(i >= 0, `${answer} was not asked for`)
    asked.splice(i, 1)
  }

  closed(): void {
    this.connection = null
  }

  ended(sessionId: string, left: readonly Delivery[]): void {
    this.messages.ended(sessionId, left, this.actor.now)
    this.publishes.ended()
  }

  private connect(step: Connecting): void {
    const terms = {
      protocolVersion: step.version,
      keepAliveSeconds: 0,
      outgoingWindow: step.outgoingWindow,
      // Past its window a 3.1.1 client's publishes wait: test/session/held-packets.test.ts.
      incomingWindow: step.version === 5 ? step.incomingWindow : INCOMING_INFLIGHT_MAX,
      outgoingAliases: step.version === 5 ? step.outgoingAliases : 0,
      maximumPacketSize: step.maximumPacketSize,
    }
    // The old connection must be seen to end before the new one is there.
    if (this.connection !== null) this.actor.drop()
    this.connection = { terms, asked: [] }
    this.messages.connected(step.outgoingWindow)
    this.publishes.connected()
    this.actor.connect(terms, step.expirySeconds, step.clean)
    for (const packet of this.publishes.again) this.receive(packet)
  }

  private receive(packet: ClientPacket): void {
    const { connection, actor, messages, publishes } = this
    if (connection === null) return
    switch (packet.type) {
      case 'publish': {
        const expected = publishes.expect(packet, connection.terms)
        actor.step(packet, expected.received)
        publishes.came(expected, this.connection === null)
        return
      }
      case 'puback':
      case 'pubrec': {
        const right = messages.acknowledge(packet.type, packet.packetId, packet.reason)
        actor.step(packet)
        assert.equal(this.connection !== null, right, `${packet.type} ${packet.packetId}`)
        return
      }
      case 'pubcomp':
        messages.complete(packet.packetId)
        break
      case 'pubrel':
        connection.asked.push(`pubcomp ${packet.packetId} with ${publishes.release(packet.packetId)}`)
        actor.step(packet)
        assert.ok(!connection.asked.some((answer) => answer.startsWith('pubcomp')), 'PUBREL is not answered')
        return
      case 'subscribe':
        connection.asked.push(`suback ${packet.packetId} with ${packet.subscriptions.length}`)
        break
      case 'unsubscribe':
        connection.asked.push(`unsuback ${packet.packetId} with ${packet.filters.length}`)
        break
      default:
    }
    actor.step(packet)
  }

  private answer(which: number, reason: ReasonCode): void {
    const { owed } = this.actor
    if (owed.length === 0) return
    const { origin } = owed[which % owed.length] ?? { origin: null }
    if (origin !== null) this.publishes.settle(origin, reason)
    this.actor.answer(which, reason)
  }

  /** The client sends one of the packets that it could send. */
  private say(type: AckPacket['type'], ids: readonly number[], which: number): void {
    const packetId = ids[which % ids.length]
    if (packetId === undefined) return
    this.receive({ type, packetId, reason: Reason.Success, properties: {} })
  }

  private acknowledge(which: number, reason: ReasonCode, wrong: boolean): void {
    const { open } = this.messages
    const [packetId, number] = [...open][which % open.size] ?? []
    if (packetId === undefined || number === undefined) return
    const exactly = (this.messages.of(number).qos === 2) !== wrong
    this.receive({ type: exactly ? 'pubrec' : 'puback', packetId, reason, properties: {} })
  }

  private acknowledgeAll(): void {
    const busy = (): boolean => this.messages.open.size + this.messages.toComplete.size > 0
    while (busy()) {
      this.step({ do: 'acknowledge', which: 0, reason: Reason.Success, wrong: false })
      this.step({ do: 'complete', which: 0 })
      if (!busy()) this.step({ do: 'pass', ms: STALL_MS })
    }
  }

  private deliver(step: Shape, payloadBytes: number): number {
    const { session } = this.actor
    if (session === null) return 0
    const { messages } = this
    const expiresAt = step.lifeMs === 0 ? 0 : this.actor.now + step.lifeMs
    const delivery = messages.next(session.id, step, expiresAt, payloadBytes)
    const number = messages.last
    const one = messages.of(number)
    this.actor.deliver(delivery, (outcome) => {
      const reason = OUTCOMES[outcome]
      assert.equal(one.settled, null, 'settled twice')
      if (reason === Outcome.ClientAway) assert.ok(one.shared && !one.acknowledged, 'passed back')
      one.settled = reason
    })
    const passed = one.settled === Outcome.ClientAway
    assert.equal(passed, step.share === 'passes' && this.actor.live === null, 'passed back at once')
    return number
  }

  private given(count: number): void {
    const before = this.stored()
    this.actor.given(count)
    const after = this.stored()
    for (const number of before) if (!after.has(number)) this.messages.of(number).acknowledged = true
  }

  private hibernate(): void {
    const before = this.actor.session
    this.actor.hibernate()
    const { session } = this.actor
    if (session !== before && session?.persistent === false) this.messages.forget(this.stored())
  }

  private stored(): Set<number> {
    return new Set([...this.actor.storage.queue.values()].map(({ identifiers }) => numberOf(identifiers)))
  }

  private check(): void {
    const { session, storage } = this.actor
    const head = this.publishes.waiting[0]
    // 3.1.1 has no negative acknowledgement, and its connection is closed instead.
    if (this.connection !== null) {
      assert.ok(head === undefined || head.outcome.reason === null, 'an acknowledgement is due')
    }
    if (session === null) return
    const { lastPosition, sentUpTo, released, ...counts } = session.outgoing.snapshot()
    const { lastPosition: _, sentUpTo: __, released: ___, ...rows } = storage.snapshot(lastPosition, sentUpTo)
    assert.deepStrictEqual(counts, rows)
    assert.deepStrictEqual(new Set(released.map(packetIdOf)), this.messages.released)
    assert.deepStrictEqual(new Set(session.received), new Set(this.publishes.settledIds))
    if (session.persistent) {
      assert.deepStrictEqual(storage.released, new Set(released))
      assert.deepStrictEqual(storage.received, new Set(this.publishes.settledIds))
    }
    const stored = this.stored()
    for (const [number, one] of this.messages.known) {
      if (one.sessionId !== session.id || one.abandoned || one.ended || one.qos === 0) continue
      this.checkOne(number, one, stored.has(number))
    }
  }

  private checkOne(number: number, one: Known, stored: boolean): void {
    const { session, live, wakeAt, now } = this.actor
    if (one.settled === null) {
      // Promise 1: nobody waits for longer than a moment.
      assert.ok(live !== null && wakeAt > 0 && wakeAt <= now + ACK_WAIT_MS, `${number} waits without a wake`)
    } else if (one.settled !== Reason.Success) {
      assert.ok(!stored, `${number} is not taken, and stored`)
    } else if (one.dropped) {
      assert.ok(!stored, `${number} is dropped, and stored`)
    } else if (!one.acknowledged && (session?.persistent === true || (one.shared && one.packetId === null))) {
      assert.ok(isExpired(one, now) || stored, `${number} is settled and neither stored nor acknowledged`)
    }
    if (one.acknowledged && one.qos === 2 && session?.persistent === true)
      assert.ok(!stored, `${number} is stored`)
  }
}

export const SESSION = [
  fuzz('session', 40, lives, ({ steps, ...life }) => {
    const model = new Model(life)
    for (const step of steps) model.step(step)
    model.finish()
    model.replay()
  }),
]
