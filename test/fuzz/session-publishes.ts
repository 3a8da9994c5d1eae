// What a client's publishes must come to: passed on once per exchange, answered in order. A reference for the session.
import assert from 'node:assert/strict'
import { rootOfTopic } from '../../src/id/root.ts'
import { canonicalTopic } from '../../src/id/shadow-topic.ts'
import type { Message } from '../../src/mqtt/message.ts'
import type { AckPacket, PublishPacket } from '../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { TOPIC_ALIASES_INCOMING_MAX } from '../../src/session/limits.ts'
import type { Terms } from '../../src/session/terms.ts'

interface Outcome {
  reason: ReasonCode | null
}

/** A publish that waits for its answer. */
export interface Received {
  readonly answer: 'puback' | 'pubrec'
  readonly packetId: number
  readonly topic: string
  /** That of the exchange, if it is the same message again while that is open. */
  readonly outcome: Outcome
}

/** As the server is to see it, from PUBLISH to PUBREL. */
interface Exchange {
  readonly outcome: Outcome
  readonly topic: string
  released: boolean
}

/** As a client that keeps to MQTT sees its own. */
interface Exact {
  readonly topic: string
  state: 'sent' | 'received'
}

const EXACT_IDS = [101, 102, 103]
const NO_BYTES = new Uint8Array(0)

export class Publishes {
  /** Of the connection, in the order in which they came. */
  waiting: Received[] = []
  private aliases = new Map<number, string>()
  private readonly exchanges = new Map<number, Exchange>()
  private readonly exact = new Map<number, Exact>()
  private number = 0
  /** Topics that were passed on since the last packet. */
  private passed: string[] = []
  /** How often each message of the client that keeps to MQTT was passed on, and may have been. */
  private readonly counts = new Map<string, { passed: number; most: number }>()

  get settledIds(): number[] {
    return [...this.exchanges].flatMap(([packetId, { outcome }]) =>
      outcome.reason === null ? [] : [packetId],
    )
  }

  connected(): void {
    this.waiting = []
    this.aliases = new Map()
    this.passed = []
  }

  passedOn(message: Message): void {
    this.passed.push(message.topic)
    const count = this.counts.get(message.topic)
    if (count === undefined) return
    count.passed++
    assert.ok(count.passed <= count.most, `${message.topic} is passed on twice`)
  }

  /** What a publish must lead to: the topic that it is passed on with, or that it is not, or that the connection ends. */
  expect(
    { topicAlias, packetId, message }: PublishPacket,
    { protocolVersion, incomingWindow: window }: Terms,
  ): {
    readonly is: 'passed' | 'kept' | 'closed'
    readonly topic: string
    readonly received: Received | null
  } {
    let { topic } = message
    if (topicAlias > TOPIC_ALIASES_INCOMING_MAX) return { is: 'closed', topic, received: null }
    if (topicAlias > 0 && topic === '') {
      const known = this.aliases.get(topicAlias)
      if (known === undefined) return { is: 'closed', topic, received: null }
      topic = known
    } else if (topicAlias > 0) this.aliases.set(topicAlias, topic)
    const is = topic.startsWith('$') ? 'kept' : 'passed'
    if (message.qos === 0) return { is, topic, received: null }
    // 3.1.1 cannot be told of a refusal: the connection is about to end by it.
    if (protocolVersion === 4 && this.waiting.some(({ outcome }) => (outcome.reason ?? 0) >= 0x80))
      return { is: 'kept', topic, received: null }
    const before = message.qos === 2 ? this.exchanges.get(packetId) : undefined
    const openQos1 = this.waiting.filter(({ answer }) => answer === 'puback').length
    if (before === undefined && openQos1 + this.exchanges.size >= window) {
      return { is: 'closed', topic, received: null }
    }
    // Once settled, all that is kept of an exchange is that it succeeded.
    const open = before?.outcome.reason === null ? before.outcome : undefined
    const refused = is === 'kept' ? Reason.NotAuthorized : this.failedBefore(topic)
    const outcome = open ?? { reason: before !== undefined ? Reason.Success : refused }
    if (message.qos === 2 && before === undefined && refused === null) {
      this.exchanges.set(packetId, { outcome, topic, released: false })
    }
    const received: Received = { answer: message.qos === 1 ? 'puback' : 'pubrec', packetId, topic, outcome }
    this.waiting.push(received)
    return { is: before === undefined && refused === null ? 'passed' : 'kept', topic, received }
  }

  /** What the client sends behind a failure that it is not told of yet fails too. */
  private failedBefore(topic: string): ReasonCode | null {
    const rootOf = (name: string) => rootOfTopic(canonicalTopic(name))
    const failed = this.waiting.some(
      (one) => one.outcome.reason === Reason.UnspecifiedError && rootOf(one.topic) === rootOf(topic),
    )
    return failed ? Reason.UnspecifiedError : null
  }

  /** @param closed whether the connection ended with this packet */
  came(
    expected: { readonly is: 'passed' | 'kept' | 'closed'; readonly topic: string },
    closed: boolean,
  ): void {
    assert.deepStrictEqual(this.passed, expected.is === 'passed' ? [expected.topic] : [])
    if (expected.is !== 'kept') assert.equal(closed, expected.is === 'closed')
    this.passed = []
  }

  /** A leaf has answered. */
  settle({ answer, packetId, outcome }: Received, reason: ReasonCode): void {
    outcome.reason = reason
    const exchange = this.exchanges.get(packetId)
    if (answer !== 'pubrec' || exchange?.outcome !== outcome) return
    if (reason >= 0x80) this.anew(exchange)
    if (reason >= 0x80 || exchange.released) this.exchanges.delete(packetId)
  }

  /** PUBREL: what PUBCOMP must say. */
  release(packetId: number): ReasonCode {
    const exchange = this.exchanges.get(packetId)
    if (exchange === undefined) return Reason.PacketIdentifierNotFound
    if (exchange.outcome.reason === null) exchange.released = true
    else this.exchanges.delete(packetId)
    return Reason.Success
  }

  answered(type: AckPacket['type'], packetId: number, reason: ReasonCode): void {
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    const i = this.waiting.findIndex(({ answer }) => answer === type)
    const [first] = i < 0 ? [] : this.waiting.splice(i, 1)
    const due = first?.outcome.reason
    assert.deepStrictEqual({ packetId, reason }, { packetId: first?.packetId, reason: due })
    const exact = type === 'pubrec' ? this.exact.get(packetId) : undefined
    if (exact === undefined) return
    if (reason >= 0x80) this.exact.delete(packetId)
    else {
      exact.state = 'received'
      assert.ok((this.counts.get(exact.topic)?.passed ?? 0) >= 1, `${exact.topic} was not passed on`)
    }
  }

  /** The process is gone: an exchange without outcome may begin anew. */
  crashed(): void {
    for (const [packetId, exchange] of this.exchanges) {
      if (exchange.outcome.reason !== null) continue
      this.anew(exchange)
      this.exchanges.delete(packetId)
    }
  }

  /** The exchange was refused or lost: the client may begin it again. */
  private anew({ topic }: Exchange): void {
    const count = this.counts.get(topic)
    if (count !== undefined) count.most = count.passed + 1
  }

  ended(): void {
    this.exchanges.clear()
    this.exact.clear()
  }

  /** The next message of a client that keeps to MQTT; null while it has no packet id free. */
  next(): PublishPacket | null {
    const packetId = EXACT_IDS.find((id) => !this.exact.has(id))
    if (packetId === undefined) return null
    const topic = `exact/${++this.number}`
    this.exact.set(packetId, { topic, state: 'sent' })
    this.counts.set(topic, { passed: 0, most: 1 })
    return exactly(packetId, topic, false)
  }

  /** Those that have their PUBREC. */
  get toRelease(): number[] {
    return [...this.exact].flatMap(([packetId, { state }]) => (state === 'received' ? [packetId] : []))
  }

  /** What such a client sends again on a new connection. [MQTT-4.4.0-1] */
  get again(): (PublishPacket | AckPacket)[] {
    return [...this.exact].map(([packetId, { topic, state }]) =>
      state === 'sent'
        ? exactly(packetId, topic, true)
        : { type: 'pubrel', packetId, reason: Reason.Success, properties: {} },
    )
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    this.exact.delete(packetId)
  }

  get unfinished(): number {
    return this.exact.size
  }
}

function exactly(packetId: number, topic: string, dup: boolean): PublishPacket {
  const message = {
    topic,
    qos: 2 as const,
    retain: false,
    properties: NO_BYTES,
    payload: NO_BYTES,
    expiresAt: 0,
  }
  return { type: 'publish', dup, packetId, topicAlias: 0, message }
}
