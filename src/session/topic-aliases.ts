// Topic aliases of one connection, in both directions. [MQTT-3.3.2-8]
import type { PublishPacket } from '../mqtt/packet.ts'
import { Reason } from '../mqtt/reason.ts'
import { TOPIC_ALIASES_INCOMING_MAX } from './limits.ts'

/** The aliases that a client has set. */
export class IncomingAliases {
  private readonly topics: Map<number, string>

  constructor(aliases: readonly (readonly [alias: number, topic: string])[]) {
    this.topics = new Map(aliases)
  }

  get all(): readonly (readonly [alias: number, topic: string])[] {
    return [...this.topics]
  }

  /** Also stores the alias that the PUBLISH sets. @returns its topic, or the reason to close the connection */
  topicOf({
    topicAlias,
    message,
  }: PublishPacket): string | typeof Reason.TopicAliasInvalid | typeof Reason.ProtocolError {
    if (topicAlias === 0) return message.topic
    if (topicAlias > TOPIC_ALIASES_INCOMING_MAX) return Reason.TopicAliasInvalid // [MQTT-3.3.2-9]
    if (message.topic === '') return this.topics.get(topicAlias) ?? Reason.ProtocolError
    this.topics.set(topicAlias, message.topic)
    return message.topic
  }
}

/** An alias takes three bytes: a shorter topic gains nothing. */
const TOPIC_CHARS_MIN = 4
/** How many topics that were sent once are remembered. Only a repeated topic is worth an alias. */
const SEEN_TOPICS_MAX = 32

export interface TopicAlias {
  readonly alias: number
  /** The client knows the alias: the topic need not be sent. */
  readonly known: boolean
}

/** The aliases that the server has set. Lost with the actor's memory, since each may be set again at any time. */
export class OutgoingAliases {
  private readonly maximum: number
  /** Topic to alias, the least recently used first. */
  private readonly aliases = new Map<string, number>()
  private readonly seen = new Set<string>()

  /** @param maximum the client's Topic Alias Maximum or our bound, whichever is less [MQTT-3.1.2-26] */
  constructor(maximum: number) {
    this.maximum = maximum
  }

  /** To be called only for a message that is then sent. @returns the alias to send with its topic; null for none */
  use(topic: string): TopicAlias | null {
    if (this.maximum === 0 || topic.length < TOPIC_CHARS_MIN) return null
    const alias = this.aliases.get(topic)
    if (alias !== undefined) {
      this.aliases.delete(topic)
      this.aliases.set(topic, alias)
      return { alias, known: true }
    }
    if (!this.seen.delete(topic)) {
      const [oldest] = this.seen
      if (this.seen.size >= SEEN_TOPICS_MAX && oldest !== undefined) this.seen.delete(oldest)
      this.seen.add(topic)
      return null
    }
    return { alias: this.assign(topic), known: false }
  }

  private assign(topic: string): number {
    let alias = this.aliases.size + 1
    if (alias > this.maximum) {
      const [oldest] = this.aliases
      if (oldest === undefined) throw new Error('no alias to reuse')
      this.aliases.delete(oldest[0])
      alias = oldest[1]
    }
    this.aliases.set(topic, alias)
    return alias
  }
}
