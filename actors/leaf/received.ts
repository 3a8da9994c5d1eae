// What of an envelope is new: uplinks number what they send, and send again what was not answered.
import { base64ToBytes } from '../../src/relay/base64.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { decodeRouted, type Routed } from '../../src/relay/routed.ts'

/** How many uplink lives a receiver remembers. */
const SOURCES_MAX = 64

export class Received {
  private readonly lastBySource = new Map<string, number>()

  /** The records that have not come before, and how many have; those lead. */
  take({ source, first, records }: Envelope): { readonly fresh: Routed[]; readonly again: number } {
    const all = unpackBatch(base64ToBytes(records))
    const seen = this.lastBySource.get(source) ?? -1
    const fresh = all.slice(Math.max(0, seen + 1 - first)).map(decodeRouted)
    if (this.lastBySource.size >= SOURCES_MAX && !this.lastBySource.has(source)) {
      const oldest = this.lastBySource.keys().next().value
      if (oldest !== undefined) this.lastBySource.delete(oldest)
    }
    this.lastBySource.set(source, Math.max(first + all.length - 1, seen))
    return { fresh, again: all.length - fresh.length }
  }
}
