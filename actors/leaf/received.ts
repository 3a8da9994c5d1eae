// What of an envelope is new: uplinks number what they send, and send again what was not answered.
import { Reason } from '../../src/mqtt/reason.ts'
import { base64ToBytes } from '../../src/relay/base64.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { decodeRouted, type Routed } from '../../src/relay/routed.ts'

export class Received {
  private readonly sourcesMax: number
  private readonly lastBySource = new Map<string, number>()
  /** Of each source's last envelope, by number: one that comes again has the outcome of the first, and waits for it. */
  private readonly outcomes = new Map<string, ReadonlyMap<number, Promise<number>>>()

  /** @param sourcesMax how many of an uplink's lanes are remembered, the latest ones */
  constructor(sourcesMax: number) {
    this.sourcesMax = sourcesMax
  }

  /**
   * Resolves with the outcomes of an envelope's records.
   * @param accept is given those that have not come before, at once; their outcomes
   */
  take(
    { source, first, records }: Envelope,
    accept: (fresh: readonly Routed[]) => Promise<number[]>,
  ): Promise<number[]> {
    const all = unpackBatch(base64ToBytes(records))
    const seen = this.lastBySource.get(source) ?? -1
    const fresh = all.slice(Math.max(0, seen + 1 - first)).map(decodeRouted)
    const again = all.length - fresh.length
    this.note(source, first + all.length - 1)
    const accepted = accept(fresh)
    const before = this.outcomes.get(source)
    const outcomes = all.map((_, i) =>
      i < again
        ? (before?.get(first + i) ?? Promise.resolve(Reason.Success))
        : accepted.then((those) => those[i - again] ?? Reason.Success),
    )
    if (this.lastBySource.has(source))
      this.outcomes.set(source, new Map(outcomes.map((outcome, i) => [first + i, outcome])))
    // Nobody knows what became of it: it is taken anew.
    accepted.catch(() => {
      this.lastBySource.delete(source)
      this.outcomes.delete(source)
    })
    return Promise.all(outcomes)
  }

  /** Numbers of this source up to `last` have come, or came another way. */
  note(source: string, last: number): void {
    const seen = this.lastBySource.get(source) ?? -1
    this.lastBySource.delete(source)
    this.lastBySource.set(source, Math.max(last, seen))
    const [oldest] = this.lastBySource.keys()
    if (oldest === undefined || this.lastBySource.size <= this.sourcesMax) return
    this.lastBySource.delete(oldest)
    this.outcomes.delete(oldest)
  }
}
