// The publishes of a session's client: each message is passed on once, and each publish is answered, in order.
import type { AckPacket, PublishPacket } from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import type { Effect } from './effect.ts'
import { Exchanges } from './exchanges.ts'
import { type Acknowledgement, IncomingWindow, messageBytes, type OpenPublish } from './incoming-window.ts'
import type { AliasPair } from './input.ts'
import { INCOMING_BYTES_MAX } from './limits.ts'
import { refusal } from './publish-refusal.ts'
import type { Terms } from './terms.ts'
import { IncomingAliases } from './topic-aliases.ts'

interface Connected {
  readonly terms: Terms
  readonly window: IncomingWindow
  readonly aliases: IncomingAliases
  /** A publish of a 3.1.1 client was refused: the connection is closed when the publishes before it have their answers. */
  ending: boolean
}

interface PassedOn {
  readonly publish: OpenPublish
  readonly bytes: number
}

export class Publishes {
  private readonly exchanges: Exchanges
  private readonly nextNumber: () => number
  /** The messages that were passed on and have no outcome, by number. */
  private readonly passedOn = new Map<number, PassedOn>()
  private passedOnBytes = 0
  private connection: Connected | null = null

  /** @param received packet ids of QoS 2 exchanges that have their outcome */
  constructor(received: readonly number[], nextNumber: () => number) {
    this.exchanges = new Exchanges(received)
    this.nextNumber = nextNumber
  }

  /** Packet ids of the QoS 2 exchanges that have their outcome. */
  get received(): number[] {
    return this.exchanges.settledPacketIds
  }

  get aliases(): readonly AliasPair[] {
    return this.connection?.aliases.all ?? []
  }

  connected(terms: Terms, aliases: readonly AliasPair[]): void {
    this.disconnected()
    const window = new IncomingWindow()
    this.connection = { terms, window, aliases: new IncomingAliases(aliases), ending: false }
  }

  disconnected(): void {
    this.connection = null
    this.exchanges.disconnected()
    // Nobody waits for these outcomes. That of a QoS 2 message still ends its exchange.
    for (const [number, { publish }] of this.passedOn) if (publish.qos === 1) this.forget(number)
  }

  /**
   * Whether a publish may be passed on now. QoS 0 may: nobody waits for its outcome.
   * @param held QoS 1 and 2 publishes that wait already
   * @returns `excess` if a 5.0 client has more of them open than its Receive Maximum
   */
  roomFor({ message, packetId }: PublishPacket, held: number): 'now' | 'later' | 'excess' {
    const { connection } = this
    if (message.qos === 0 || connection === null) return 'now'
    const { protocolVersion, incomingWindow } = connection.terms
    const isFull = connection.window.openQos1 + this.exchanges.size + held >= incomingWindow
    const repeated = message.qos === 2 && this.exchanges.has(packetId)
    if (isFull && !repeated) return protocolVersion === 5 ? 'excess' : 'later' // [MQTT-3.3.4-8]
    const fits = this.passedOnBytes === 0 || this.passedOnBytes + messageBytes(message) <= INCOMING_BYTES_MAX
    return fits ? 'now' : 'later'
  }

  receive(packet: PublishPacket): Effect[] {
    const { connection } = this
    if (connection === null) return []
    const topic = connection.aliases.topicOf(packet)
    if (typeof topic === 'number') return [{ do: 'close', reason: topic }]
    const message = topic === packet.message.topic ? packet.message : { ...packet.message, topic }
    const { packetId } = packet
    const refusedByTopic = refusal(topic)
    if (message.qos === 0)
      return refusedByTopic !== null ? [] : [{ do: 'publish', number: 0, message, exchange: null }]
    // After a failed publish, take no later one until the client knows. Otherwise it resends both, and the later one arrives
    // first. A 3.1.1 client learns of the failure from the end of its connection.
    if (connection.ending) return []
    const repeated = message.qos === 2 && this.exchanges.has(packetId)
    const { window } = connection
    const refused =
      refusedByTopic ?? (!repeated && window.failedBefore(topic) ? Reason.UnspecifiedError : null)
    const publish = window.receive(packetId, message.qos, topic)
    if (repeated) return this.exchanges.wait(publish) ? [] : this.answer(publish, Reason.Success)
    if (message.qos === 2) this.exchanges.begin(publish)
    if (refused !== null) return this.settle(publish, refused)
    const number = this.nextNumber()
    const bytes = messageBytes(message)
    this.passedOn.set(number, { publish, bytes })
    this.passedOnBytes += bytes
    const exchange = message.qos === 2 ? { packetId, dup: packet.dup } : null
    return [{ do: 'publish', number, message, exchange }]
  }

  /** The message with this number has its outcome. */
  published(number: number, reason: ReasonCode): Effect[] {
    const passed = this.passedOn.get(number)
    if (passed === undefined) return []
    this.forget(number)
    return this.settle(passed.publish, reason)
  }

  /** PUBREL, which PUBCOMP answers. [MQTT-4.3.3-11] */
  release(packetId: number): Effect[] {
    const known = this.exchanges.release(packetId)
    if (known === 'unknown') return [reply('pubcomp', packetId, Reason.PacketIdentifierNotFound)]
    const complete = reply('pubcomp', packetId, Reason.Success)
    return known === 'open' ? [complete] : [{ do: 'dismissed', packetId }, complete]
  }

  private forget(number: number): void {
    this.passedOnBytes -= this.passedOn.get(number)?.bytes ?? 0
    this.passedOn.delete(number)
  }

  private settle(publish: OpenPublish, reason: ReasonCode): Effect[] {
    if (publish.qos === 1) return this.answer(publish, reason)
    const { packetId } = publish
    const { settled, waiting } = this.exchanges.settle(packetId, reason)
    const answers = waiting.flatMap((one) => this.answer(one, reason))
    return settled === 'refused'
      ? answers
      : [{ do: settled === 'kept' ? 'received' : 'dismissed', packetId }, ...answers]
  }

  private answer(publish: OpenPublish, reason: ReasonCode): Effect[] {
    const { connection } = this
    if (connection === null) return []
    connection.ending ||= connection.terms.protocolVersion === 4 && isFailure(reason)
    return acknowledge(connection.terms, connection.window.settle(publish, reason))
  }
}

function acknowledge({ protocolVersion }: Terms, acknowledgements: readonly Acknowledgement[]): Effect[] {
  const effects: Effect[] = []
  for (const { packetId, qos, reason } of acknowledgements) {
    // 3.1.1 has no negative acknowledgement: accept, or close. [MQTT-3.3.5-2, 3.1.1]
    if (protocolVersion === 4 && isFailure(reason)) {
      effects.push({ do: 'close', reason })
      return effects
    }
    effects.push(reply(qos === 1 ? 'puback' : 'pubrec', packetId, reason))
  }
  return effects
}

export function reply(type: AckPacket['type'], packetId: number, reason: ReasonCode): Effect {
  return { do: 'reply', packet: { type, packetId, reason, properties: {} } }
}
