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

  /** The topic that a PUBLISH means, noting the alias that it sets; or the reason to close the connection. */
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

/** An alias takes three bytes, so a topic shorter than that gains nothing. */
const TOPIC_CHARS_MIN = 4
/** Topics that were sent once: an alias is worth its bytes only for what comes again. */
const SEEN_TOPICS_MAX = 32

export interface TopicAlias {
  readonly alias: number
  /** The client knows what it stands for: the topic need not be sent. */
  readonly known: boolean
}

/** The aliases that the server has set. Forgotten with the actor's memory: each may be set anew at any time. */
export class OutgoingAliases {
  private readonly maximum: number
  /** The one used longest ago first. */
  private readonly aliases = new Map<string, number>()
  private readonly seen = new Set<string>()

  /** @param maximum how many the client allows, or our bound, whichever is less [MQTT-3.1.2-26] */
  constructor(maximum: number) {
    this.maximum = maximum
  }

  /** The alias to send with a topic; null for none. To be called only for what is then sent. */
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
