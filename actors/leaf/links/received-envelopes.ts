// Which records of an envelope are new. Uplinks number records, and repeat those without an answer. If an actor stored a record, its
// number is stored here too: else a repetition would be stored a second time after this actor lost its memory.
import { hasExpiry, moveExpiry } from '../../../src/mqtt/message.ts'
import { Outcome, packOutcomes, readOutcomes } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { Envelope } from '../../../src/relay/envelope.ts'
import { decodeRouted, type Routed, recordOf } from '../../../src/relay/routed.ts'
import { SOURCES_PRUNED_AT_ONCE } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Run } from '../../uplink/uplink-peer.ts'

/** The last envelope of a source with a new record. The source does not repeat lower numbers any more. */
interface Last {
  readonly first: number
  /** A repeated record waits for the outcome of the first. */
  readonly outcomes: readonly Promise<Outcome>[]
}

/** @param now by this region's clock: expiry times are converted to it */
export function runOf({ source, first, records, clock }: Envelope, now: number): Run {
  const byMs = now - clock
  const moves = byMs !== 0 && unpackBatch(records).some((routed) => hasExpiry(recordOf(routed)))
  if (!moves) return { source, first, batch: records }
  // A copy: the caller may repeat its call, with the times unchanged.
  const batch = records.slice()
  for (const routed of unpackBatch(batch)) moveExpiry(recordOf(routed), byMs)
  return { source, first, batch }
}

export class ReceivedEnvelopes {
  private readonly platform: Platform
  private readonly sourcesMax: number
  private readonly lastBySource = new Map<string, Last>()
  /** How many sources are stored; null before this actor's first write. */
  private noted: number | null = null

  /** @param sourcesMax how many sources are remembered; older ones are forgotten */
  constructor(platform: Platform, sourcesMax: number) {
    this.platform = platform
    this.sourcesMax = sourcesMax
  }

  /**
   * Resolves with the outcomes of the records.
   * @param accept called at once with the new records. @returns their outcomes
   */
  async take(
    { source, first, batch }: Run,
    accept: (fresh: readonly Routed[]) => Promise<Outcome[]>,
  ): Promise<Outcome[]> {
    const all = unpackBatch(batch)
    const last = this.last(source)
    const seen = last === null ? first : last.first + last.outcomes.length
    const again = Math.min(all.length, Math.max(0, seen - first))
    const known = (number: number) => last?.outcomes[number - last.first] ?? Promise.resolve(Reason.Success)
    const outcomes: Promise<Outcome>[] = []
    for (let i = 0; i < again; i++) outcomes.push(known(first + i))
    if (again === all.length) return Promise.all(outcomes)
    const accepted = accept(all.slice(again).map(decodeRouted))
    for (let i = again; i < all.length; i++)
      outcomes.push(accepted.then((those) => those[i - again] ?? Reason.Success))
    const now: Last = { first, outcomes }
    this.remember(source, now)
    try {
      const settled = await Promise.all(outcomes)
      if (settled.some(mayBeStored)) this.note(source, first, settled)
      return settled
    } catch (cause) {
      // The outcomes are unknown: a repetition is accepted as new.
      if (this.lastBySource.get(source) === now) this.lastBySource.delete(source)
      throw cause
    }
  }

  private last(source: string): Last | null {
    const known = this.lastBySource.get(source)
    if (known !== undefined) return known
    const [row] = this.platform.storage.exec('SELECT first, outcomes FROM envelope WHERE source = ?', source)
    if (row === undefined) return null
    const outcomes = readOutcomes(new Uint8Array(row.outcomes as ArrayBuffer)).map((one) =>
      Promise.resolve(one),
    )
    return { first: Number(row.first), outcomes }
  }

  private remember(source: string, last: Last): void {
    this.lastBySource.delete(source)
    this.lastBySource.set(source, last)
    const [oldest] = this.lastBySource.keys()
    if (oldest !== undefined && this.lastBySource.size > this.sourcesMax) this.lastBySource.delete(oldest)
  }

  /** Stored before the sender gets its answer: after the answer it does not repeat the records. */
  private note(source: string, first: number, outcomes: readonly Outcome[]): void {
    const { storage } = this.platform
    // A repetition with more records may have its outcomes earlier: keep the longer run.
    const end = first + outcomes.length
    const [before] = storage.exec(
      'SELECT first, length(outcomes) AS n FROM envelope WHERE source = ?',
      source,
    )
    if (before !== undefined && Number(before.first) + Number(before.n) >= end) return
    storage.exec(
      'INSERT OR REPLACE INTO envelope (source, first, outcomes, noted) VALUES (?, ?, ?, ?)',
      source,
      first,
      packOutcomes(outcomes),
      this.platform.now(),
    )
    if (before === undefined) this.prune()
  }

  private prune(): void {
    const { storage } = this.platform
    this.noted =
      this.noted === null ? Number(storage.exec('SELECT count(*) AS n FROM envelope')[0]?.n) : this.noted + 1
    if (this.noted < this.sourcesMax + SOURCES_PRUNED_AT_ONCE) return
    storage.exec(
      'DELETE FROM envelope WHERE source IN (SELECT source FROM envelope ORDER BY noted LIMIT ?)',
      SOURCES_PRUNED_AT_ONCE,
    )
    this.noted -= SOURCES_PRUNED_AT_ONCE
  }
}

/** Whether some receiver may have stored the record. */
function mayBeStored(outcome: Outcome): boolean {
  return (
    outcome !== Reason.Success && outcome !== Reason.NoMatchingSubscribers && outcome !== Outcome.ClientAway
  )
}
