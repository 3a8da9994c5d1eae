// The messages that an actor handled recently, in memory only, for `explain`. Lost when the actor hibernates.
import { userProperty } from '../../src/mqtt/message-properties.ts'
import {
  RECENT_PER_TOPIC_MAX,
  RECENT_TOPIC_CHARACTERS_MAX,
  RECENT_TOPICS_MAX,
  RECENT_TRACED_MAX,
  TRACE_CHARACTERS_MAX,
} from '../limits.ts'

export interface Passed {
  readonly at: number
  readonly qos: 0 | 1 | 2
  /** The message's user property `trace`. */
  readonly trace: string | null
}

export class Recent<One extends Passed> {
  /** When this memory of the actor began. */
  readonly begun: number
  private readonly topics = new Map<string, One[]>()
  /** Apart from the others, so that other messages of the topic do not replace them. */
  private readonly traced: { readonly topic: string; readonly one: One }[] = []

  constructor(begun: number) {
    this.begun = begun
  }

  /** Remembers a few messages of a few topics. The oldest topic is replaced first. */
  note(topic: string, one: One): void {
    let ones = this.topics.get(topic)
    if (ones === undefined) {
      if (topic.length > RECENT_TOPIC_CHARACTERS_MAX) return
      const [oldest] = this.topics.keys()
      if (this.topics.size >= RECENT_TOPICS_MAX && oldest !== undefined) this.topics.delete(oldest)
      ones = []
      this.topics.set(topic, ones)
    }
    if (ones.length >= RECENT_PER_TOPIC_MAX) ones.shift()
    ones.push(one)
    if (one.trace === null) return
    if (this.traced.length >= RECENT_TRACED_MAX) this.traced.shift()
    this.traced.push({ topic, one })
  }

  /** Oldest first. @param trace only those with it; null for any */
  of(topic: string, trace: string | null): readonly One[] {
    if (trace === null) return this.topics.get(topic) ?? []
    return this.traced.flatMap((known) =>
      known.topic === topic && known.one.trace === trace ? [known.one] : [],
    )
  }
}

/** A message's user property `trace`, by which one message can be followed. */
export function traceOf(properties: Uint8Array): string | null {
  if (properties.length === 0) return null
  const trace = userProperty(properties, 'trace')
  return trace === null || trace === '' || trace.length > TRACE_CHARACTERS_MAX ? null : trace
}
