// The publishes of one connection that wait for their answer, which goes out in the order they came. [MQTT-4.6.0-2]
import type { Root } from '../id/ids.ts'
import { rootOfTopic } from '../id/root.ts'
import { canonicalTopic } from '../id/shadow-topic.ts'
import { Reason, type ReasonCode } from '../mqtt/reason.ts'

interface Open {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly topic: string
  reason: ReasonCode | null
}

/** What is owed to a publish: PUBACK for QoS 1, PUBREC for QoS 2. */
export interface Acknowledgement {
  readonly packetId: number
  readonly qos: 1 | 2
  readonly reason: ReasonCode
}

export class Incoming {
  private readonly open: Open[] = []
  private qos1 = 0
  /** Those that failed and whose turn has not come. */
  private failed = 0

  /** QoS 1 publishes whose PUBACK is still to come. */
  get openQos1(): number {
    return this.qos1
  }

  /** Whether a publish to the topic's root has failed, and the client is not told yet. */
  failedBefore(topic: string): boolean {
    if (this.failed === 0) return false
    const root = rootOf(topic)
    return this.open.some((one) => one.reason === Reason.UnspecifiedError && rootOf(one.topic) === root)
  }

  receive(packetId: number, qos: 1 | 2, topic: string): Open {
    const entry: Open = { packetId, qos, topic, reason: null }
    this.open.push(entry)
    if (qos === 1) this.qos1++
    return entry
  }

  /** A publish has its outcome: returns the acknowledgements that may go out now. */
  settle(entry: Open, reason: ReasonCode): Acknowledgement[] {
    entry.reason = reason
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

function rootOf(topic: string): Root {
  return rootOfTopic(canonicalTopic(topic))
}
