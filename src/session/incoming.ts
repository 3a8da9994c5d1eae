// The publishes of one connection that wait for their acknowledgement, answered in the order they came. [MQTT-4.6.0-2]
import type { ReasonCode } from '../mqtt/reason.ts'

interface Open {
  readonly packetId: number
  reason: ReasonCode | null
}

export interface Acknowledgement {
  readonly packetId: number
  readonly reason: ReasonCode
}

export class Incoming {
  private readonly open: Open[] = []
  private readonly receiveMaximum: number

  /** @param receiveMaximum publishes that may be open at once */
  constructor(receiveMaximum: number) {
    this.receiveMaximum = receiveMaximum
  }

  get size(): number {
    return this.open.length
  }

  /** Takes a publish in; null if the client has more open than it may. [MQTT-3.3.4-7] */
  receive(packetId: number): Open | null {
    if (this.open.length >= this.receiveMaximum) return null
    const entry: Open = { packetId, reason: null }
    this.open.push(entry)
    return entry
  }

  /** A publish has its outcome: returns the acknowledgements that may go out now. */
  settle(entry: Open, reason: ReasonCode): Acknowledgement[] {
    entry.reason = reason
    const ready: Acknowledgement[] = []
    let head = this.open[0]
    while (head !== undefined && head.reason !== null) {
      ready.push({ packetId: head.packetId, reason: head.reason })
      this.open.shift()
      head = this.open[0]
    }
    return ready
  }
}
