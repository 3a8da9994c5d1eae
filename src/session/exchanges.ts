// The QoS 2 exchanges that a client has begun and not released. While a packet id is here, a PUBLISH with this id is a
// repetition. Exchanges belong to the session: they outlive connections. [MQTT-4.3.3-10]
import { isFailure, type ReasonCode } from '../mqtt/reason.ts'
import type { OpenPublish } from './incoming-window.ts'

interface Exchange {
  /** The publishes of the live connection that wait for the outcome; null once the message has it. */
  waiting: OpenPublish[] | null
  /** PUBREL came before the outcome. */
  released: boolean
}

/**
 * `kept`: store the packet id until PUBREL. `released`: PUBREL has come. `refused`: the exchange is over, and the client may
 * begin it again.
 */
export type Settled = 'kept' | 'released' | 'refused'

export class Exchanges {
  private readonly exchanges = new Map<number, Exchange>()

  /** @param packetIds of exchanges that have their outcome */
  constructor(packetIds: readonly number[]) {
    for (const packetId of packetIds) this.exchanges.set(packetId, { waiting: null, released: false })
  }

  get size(): number {
    return this.exchanges.size
  }

  has(packetId: number): boolean {
    return this.exchanges.has(packetId)
  }

  /** Those that have their outcome: without them a restored session would take a repetition for a new message. */
  get settledPacketIds(): number[] {
    return [...this.exchanges].flatMap(([packetId, { waiting }]) => (waiting === null ? [packetId] : []))
  }

  begin(publish: OpenPublish): void {
    this.exchanges.set(publish.packetId, { waiting: [publish], released: false })
  }

  /** A repeated PUBLISH. @returns false if the message has its outcome: it was accepted */
  wait(publish: OpenPublish): boolean {
    const exchange = this.exchanges.get(publish.packetId)
    if (exchange?.waiting == null) return false
    exchange.waiting.push(publish)
    return true
  }

  /** The connection has ended: nobody waits for an answer. */
  disconnected(): void {
    for (const exchange of this.exchanges.values()) if (exchange.waiting !== null) exchange.waiting = []
  }

  /** The message has its outcome. @returns with the publishes to answer */
  settle(
    packetId: number,
    reason: ReasonCode,
  ): { readonly settled: Settled; readonly waiting: readonly OpenPublish[] } {
    const exchange = this.exchanges.get(packetId)
    if (exchange?.waiting == null) return { settled: 'refused', waiting: [] }
    const { waiting, released } = exchange
    exchange.waiting = null
    const settled = released ? 'released' : isFailure(reason) ? 'refused' : 'kept'
    if (settled !== 'kept') this.exchanges.delete(packetId)
    return { settled, waiting }
  }

  /** PUBREL. `open`: it came before the outcome, so storage does not have the packet id. */
  release(packetId: number): 'released' | 'open' | 'unknown' {
    const exchange = this.exchanges.get(packetId)
    if (exchange === undefined) return 'unknown'
    if (exchange.waiting !== null) {
      exchange.released = true
      return 'open'
    }
    this.exchanges.delete(packetId)
    return 'released'
  }
}
