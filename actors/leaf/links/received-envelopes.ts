// What of an envelope is new: uplinks number what they send, and send again what was not answered. What was stored anywhere
// because of it is known in storage too, so that it is not stored a second time after this actor's memory was lost.

import { hasExpiry, moveExpiry } from '../../../src/mqtt/message.ts'
import { Outcome, packOutcomes, readOutcomes } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { Envelope } from '../../../src/relay/envelope.ts'
import { decodeRouted, type Routed, recordOf } from '../../../src/relay/routed.ts'
import { SOURCES_PRUNED_AT_ONCE } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Run } from '../../uplink/uplink-peer.ts'

/** The last envelope of a source that had something new. What it numbered before that is over. */
interface Last {
  readonly first: number
  /** One that comes again has the outcome of the first, and waits for it. */
  readonly outcomes: readonly Promise<Outcome>[]
}

/** @param now by the clock of this region, to which what expires is moved */
export function runOf({ source, first, records, clock }: Envelope, now: number): Run {
  const byMs = now - clock
  const moves = byMs !== 0 && unpackBatch(records).some((routed) => hasExpiry(recordOf(routed)))
  if (!moves) return { source, first, batch: records }
  // A copy: the caller may make its call again, with the times as they were.
  const batch = records.slice()
  for (const routed of unpackBatch(batch)) moveExpiry(recordOf(routed), byMs)
  return { source, first, batch }
}

export class ReceivedEnvelopes {
  private readonly platform: Platform
  private readonly sourcesMax: number
  private readonly lastBySource = new Map<string, Last>()
  /** How many sources are in storage; null before the first write of this life. */
  private noted: number | null = null

  /** @param sourcesMax how many sources are remembered, the latest ones */
  constructor(platform: Platform, sourcesMax: number) {
    this.platform = platform
    this.sourcesMax = sourcesMax
  }

  /**
   * Resolves with the outcomes of the records.
   * @param source unique for a lane
   * @param accept is given those that have not come before, at once; their outcomes
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
      if (settled.some(isKept)) this.note(source, first, settled)
      return settled
    } catch (cause) {
      // Nobody knows what became of it: it is taken anew.
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

  /** Before the sender is answered: from then on it does not send these again. */
  private note(source: string, first: number, outcomes: readonly Outcome[]): void {
    const { storage } = this.platform
    // One that was sent again with more behind it, and has its outcomes earlier, is not undone.
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

/** Somebody keeps it, or one of several may. */
function isKept(outcome: Outcome): boolean {
  return (
    outcome !== Reason.Success && outcome !== Reason.NoMatchingSubscribers && outcome !== Outcome.ClientAway
  )
}
