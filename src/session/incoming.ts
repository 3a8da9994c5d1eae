// The publishes of one connection that wait for their answer, which goes out in the order they came. [MQTT-4.6.0-2]
import type { ReasonCode } from '../mqtt/reason.ts'

interface Open {
  readonly packetId: number
  readonly qos: 1 | 2
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

  /** QoS 1 publishes whose PUBACK is still to come. */
  get openQos1(): number {
    return this.qos1
  }

  receive(packetId: number, qos: 1 | 2): Open {
    const entry: Open = { packetId, qos, reason: null }
    this.open.push(entry)
    if (qos === 1) this.qos1++
    return entry
  }

  /** A publish has its outcome: returns the acknowledgements that may go out now. */
  settle(entry: Open, reason: ReasonCode): Acknowledgement[] {
    entry.reason = reason
    const ready: Acknowledgement[] = []
    let head = this.open[0]
    while (head !== undefined && head.reason !== null) {
      ready.push({ packetId: head.packetId, qos: head.qos, reason: head.reason })
      if (head.qos === 1) this.qos1--
      this.open.shift()
      head = this.open[0]
    }
    return ready
  }
}
