// What of an envelope is new: uplinks number what they send, and send again what was not answered.
import { base64ToBytes } from '../../src/relay/base64.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { decodeRouted, type Routed } from '../../src/relay/routed.ts'

export class Received {
  private readonly sourcesMax: number
  private readonly lastBySource = new Map<string, number>()

  /** @param sourcesMax how many of an uplink's lanes are remembered, the latest ones */
  constructor(sourcesMax: number) {
    this.sourcesMax = sourcesMax
  }

  /** The records that have not come before, and how many have; those lead. */
  take({ source, first, records }: Envelope): { readonly fresh: Routed[]; readonly again: number } {
    const all = unpackBatch(base64ToBytes(records))
    const seen = this.lastBySource.get(source) ?? -1
    const fresh = all.slice(Math.max(0, seen + 1 - first)).map(decodeRouted)
    this.note(source, first + all.length - 1)
    return { fresh, again: all.length - fresh.length }
  }

  /** Numbers of this source up to `last` have come, or came another way. */
  note(source: string, last: number): void {
    const seen = this.lastBySource.get(source) ?? -1
    this.lastBySource.delete(source)
    this.lastBySource.set(source, Math.max(last, seen))
    const [oldest] = this.lastBySource.keys()
    if (oldest !== undefined && this.lastBySource.size > this.sourcesMax) this.lastBySource.delete(oldest)
  }
}
