// The QoS 2 publishes that a client has sent and not yet released: while a packet id is here, a PUBLISH with it is the
// same one again. Part of the session, so it outlives connections. [MQTT-4.3.3-10]
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'

type Answer<Effect> = (reason: ReasonCode) => Effect[]

interface Exchange<Effect> {
  /** Null once the message has its outcome; until then, who waits for that: the connections that it was sent on. */
  waiting: Answer<Effect>[] | null
  /** PUBREL came before the outcome. */
  released: boolean
}

export type Settled = 'kept' | 'released' | 'refused'

export class Received<Effect> {
  private readonly exchanges = new Map<number, Exchange<Effect>>()

  constructor(packetIds: readonly number[]) {
    for (const packetId of packetIds) this.exchanges.set(packetId, { waiting: null, released: false })
  }

  get size(): number {
    return this.exchanges.size
  }

  has(packetId: number): boolean {
    return this.exchanges.has(packetId)
  }

  /** Those that have their outcome: what is to be kept while the actor's memory is lost. */
  get packetIds(): number[] {
    return [...this.exchanges].flatMap(([packetId, { waiting }]) => (waiting === null ? [packetId] : []))
  }

  begin(packetId: number): void {
    this.exchanges.set(packetId, { waiting: [], released: false })
  }

  /** The effects of answering with the outcome: now where there is one, else with `settle`. */
  outcome(packetId: number, answer: Answer<Effect>): Effect[] {
    const exchange = this.exchanges.get(packetId)
    if (exchange?.waiting == null) return answer(Reason.Success)
    exchange.waiting.push(answer)
    return []
  }

  /**
   * The message has its outcome. `kept`: the packet id is to be kept until PUBREL, which for a `released` one has come.
   * `refused`: the exchange is over, but the client may send the message again (DUP) after all.
   */
  settle(packetId: number, reason: ReasonCode): { readonly now: Settled; readonly effects: Effect[] } {
    const exchange = this.exchanges.get(packetId)
    if (exchange?.waiting == null) return { now: 'refused', effects: [] }
    const { waiting, released } = exchange
    exchange.waiting = null
    const now = released ? 'released' : isFailure(reason) ? 'refused' : 'kept'
    if (now !== 'kept') this.exchanges.delete(packetId)
    return { now, effects: waiting.flatMap((answer) => answer(reason)) }
  }

  /** PUBREL. `unknown`: there is no such id; `open`: it came early, and there is nothing to forget in storage. */
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
