// Announces this region's wide filters to the other regions, and learns theirs. One call at a time (a round) carries the whole
// set. A round is clear when no grant against its filters is in use any more: then every publish reaches them.

import { waitAtMost } from '../calls/waits.ts'
import type { Subscribers } from '../leaf/delivery/subscribers.ts'
import { WIDE_ASK_AGAIN_MS, WIDE_FIRST_WAIT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Grants } from './grants.ts'
import type { RemoteFilters } from './remote-filters.ts'
import { OWN_ROWS } from './schema.ts'

interface Round {
  readonly number: number
  /** Resolves when every other region has the set, with the time by this actor's clock when all grants against it have ended. */
  readonly announced: Promise<number>
  /** Resolves when those grants have ended. Made by the first caller that waits for it. */
  clear: Promise<void> | null
  failed: boolean
}

export class FilterAnnouncer {
  private readonly platform: Platform
  private readonly shard: number
  private readonly subscribers: Subscribers
  private readonly remote: RemoteFilters
  private readonly grants: Grants
  private version = 0
  private known = false
  /** The set has changed since its last version. */
  private changed = false
  private readonly settled = new Set<string>()
  /** Filters that are not settled, with the number of the round that announces them. */
  private readonly open = new Map<string, number>()
  private begun = 0
  private last: Round | null = null
  private next: Promise<Round> | null = null
  private announceAgainAt = 0
  private learnAgainAt = 0
  private firstAnswer: Promise<void> | null = null

  constructor(
    platform: Platform,
    shard: number,
    subscribers: Subscribers,
    remote: RemoteFilters,
    grants: Grants,
  ) {
    this.platform = platform
    this.shard = shard
    this.subscribers = subscribers
    this.remote = remote
    this.grants = grants
    const [row] = platform.storage.rows(OWN_ROWS)
    this.version = Number(row?.version ?? 0)
    this.known = row?.synced === 1
    for (const { filter } of platform.storage.exec('SELECT filter FROM settled'))
      this.settled.add(String(filter))
    for (const filter of subscribers.filters) if (!this.settled.has(filter)) this.added(filter)
  }

  /** True if the other regions' filters were learnt at least once. */
  get synced(): boolean {
    return this.known
  }

  /** True if every publish that matches reaches the filter. */
  isSettled(filter: string): boolean {
    return this.settled.has(filter)
  }

  /** A filter has a subscriber. @returns the round to wait for; 0 if the filter is settled */
  added(filter: string): number {
    if (this.settled.has(filter)) return 0
    let round = this.open.get(filter)
    if (round === undefined) {
      round = this.begun + 1
      this.open.set(filter, round)
      this.changed = true
    }
    return round
  }

  /** Forgets filters without subscribers. True if there were any. */
  dropUnused(): boolean {
    let any = false
    for (const filter of [...this.settled, ...this.open.keys()]) {
      if (this.subscribers.hasFilter(filter)) continue
      any = true
      this.open.delete(filter)
      if (this.settled.delete(filter))
        this.platform.storage.exec('DELETE FROM settled WHERE filter = ?', filter)
    }
    if (any) this.changed = true
    return any
  }

  /** Resolves when a round with this number or a higher one is clear. Rejects with `CoreUnreachable`. */
  async clear(number: number): Promise<void> {
    const round = await this.covering(number)
    round.clear ??= this.clearing(round)
    await round.clear
  }

  /** Announces a change, without a retry: a region that misses it goes on sending unwanted messages, see `announceAgain`. */
  announce(): void {
    this.covering(this.begun + 1)
      .then(({ announced }) => announced)
      .catch(() => undefined)
  }

  /** A region sent messages that no filter here matches: it has an older set. */
  announceAgain(): void {
    if (this.platform.now() < this.announceAgainAt) return
    this.announceAgainAt = this.platform.now() + WIDE_ASK_AGAIN_MS
    this.changed = true
    this.announce()
  }

  /** Asks for the other regions' filters if they were never learnt. Not null while a publish must wait for the answer. */
  learning(): Promise<void> | null {
    // Even if another round has learnt them meanwhile: new messages must not overtake those that wait.
    if (this.known) return this.firstAnswer
    const now = this.platform.now()
    if (now >= this.learnAgainAt) {
      const first = this.learnAgainAt === 0
      this.learnAgainAt = now + WIDE_ASK_AGAIN_MS
      if (first) this.firstAnswer = this.firstRound()
      else this.announce()
    }
    return this.firstAnswer
  }

  /** This region's set, announced or not. */
  present(): { readonly version: number; readonly filters: string[] } {
    if (this.changed) {
      this.changed = false
      // At least the clock: above every version that was announced before this actor's storage may have been lost.
      this.version = Math.max(this.version + 1, this.platform.now())
      this.write()
    }
    return { version: this.version, filters: [...this.subscribers.filters] }
  }

  private firstRound(): Promise<void> {
    const announced = this.covering(this.begun + 1).then((round) => round.announced)
    return waitAtMost(this.platform, WIDE_FIRST_WAIT_MS, announced).then(() => {
      this.firstAnswer = null
    })
  }

  private covering(number: number): Promise<Round> {
    const { last } = this
    if (last !== null && last.number >= number && !last.failed) return Promise.resolve(last)
    if (this.next === null) {
      const before: Promise<unknown> = last?.announced ?? Promise.resolve()
      this.next = before.catch(() => undefined).then(() => this.begin())
    }
    return this.next
  }

  private begin(): Round {
    this.next = null
    const round: Round = { number: ++this.begun, announced: this.exchange(), clear: null, failed: false }
    round.announced.catch((cause) => {
      round.failed = true
      this.platform.report('the other regions do not know the wide filters of this one', cause)
    })
    this.last = round
    return round
  }

  private async exchange(): Promise<number> {
    const { platform } = this
    // Only this region's grants in use now matter: a new grant takes the set of now into account.
    let clearAt = platform.now() + this.grants.remainingMs
    const { fleet, region } = platform
    const { regions } = await platform.core.wide({ fleet, region, shard: this.shard, ...this.present() })
    for (const other of regions) {
      this.remote.learn(other.region, other.version, other.filters)
      clearAt = Math.max(clearAt, platform.now() + other.waitMs)
    }
    this.remote.keepOnly(regions.map((other) => other.region))
    if (!this.known) {
      this.known = true
      this.write()
    }
    return clearAt
  }

  private async clearing({ number, announced }: Round): Promise<void> {
    const waitMs = (await announced) - this.platform.now()
    if (waitMs > 0) {
      await new Promise<void>((over) => {
        this.platform.after(waitMs, over)
      })
    }
    for (const [filter, since] of this.open) {
      if (since > number) continue
      this.open.delete(filter)
      this.settled.add(filter)
      this.platform.storage.exec('INSERT OR REPLACE INTO settled (filter) VALUES (?)', filter)
    }
  }

  private write(): void {
    this.platform.storage.exec(
      'INSERT OR REPLACE INTO own (one, version, synced) VALUES (1, ?, ?)',
      this.version,
      Number(this.known),
    )
  }
}
