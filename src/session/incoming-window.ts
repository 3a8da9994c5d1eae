// The QoS 1 and 2 publishes of one connection that wait for PUBACK or PUBREC, which go out in the order of the publishes.
// [MQTT-4.6.0-2]
import type { Root } from '../id/ids.ts'
import { rootOfTopic } from '../id/root.ts'
import { canonicalTopic } from '../id/shadow-topic.ts'
import type { Message } from '../mqtt/message.ts'
import { Reason, type ReasonCode } from '../mqtt/reason.ts'

export interface OpenPublish {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly topic: string
  /** Null while the outcome is unknown. */
  reason: ReasonCode | null
}

/** PUBACK for QoS 1, PUBREC for QoS 2. */
export interface Acknowledgement {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly reason: ReasonCode
}

export class IncomingWindow {
  /** In the order of arrival. */
  private readonly open: OpenPublish[] = []
  private qos1 = 0
  /** Failed publishes that wait for the acknowledgements before theirs. */
  private failed = 0

  /** QoS 1 publishes without a PUBACK. */
  get openQos1(): number {
    return this.qos1
  }

  /** Whether a publish to the topic's root has failed, and its acknowledgement is not out. */
  failedBefore(topic: string): boolean {
    if (this.failed === 0) return false
    const root = rootOf(topic)
    return this.open.some((one) => one.reason === Reason.UnspecifiedError && rootOf(one.topic) === root)
  }

  receive(packetId: number, qos: 1 | 2, topic: string): OpenPublish {
    const publish: OpenPublish = { packetId, qos, topic, reason: null }
    this.open.push(publish)
    if (qos === 1) this.qos1++
    return publish
  }

  /** A publish has its outcome. @returns the acknowledgements that may go out now */
  settle(publish: OpenPublish, reason: ReasonCode): Acknowledgement[] {
    publish.reason = reason
    if (reason === Reason.UnspecifiedError) this.failed++
    const ready: Acknowledgement[] = []
    let head = this.open[0]
    while (head !== undefined && head.reason !== null) {
      ready.push({ packetId: head.packetId, qos: head.qos, reason: head.reason })
      if (head.qos === 1) this.qos1--
      if (head.reason === Reason.UnspecifiedError) this.failed--
      this.open.shift()
      head = this.open[0]
    }
    return ready
  }
}

/** What a message takes in memory and in a call, about. */
export function messageBytes({ topic, properties, payload }: Message): number {
  return topic.length + properties.length + payload.length
}

function rootOf(topic: string): Root {
  return rootOfTopic(canonicalTopic(topic))
}
