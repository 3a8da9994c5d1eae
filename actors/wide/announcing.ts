// Tells the other regions which wide filters this one has, in rounds: one call to the core at a time, each with the whole
// set, and learns theirs by it. When a round is clear, no publish anywhere passes over what it told.

import { atMost } from '../calls/eventually.ts'
import type { Subscribers } from '../leaf/delivery/subscribers.ts'
import { WIDE_ASK_AGAIN_MS, WIDE_FIRST_WAIT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Grants } from './grants.ts'
import type { Others } from './others.ts'
import { OWN_ROWS } from './schema.ts'

interface Round {
  readonly number: number
  /** Every other region has the set; when, on this actor's clock, the grants against it will have ended. */
  readonly told: Promise<number>
  /** They have ended. Made where somebody waits for it. */
  clear: Promise<void> | null
  failed: boolean
}

export class Announcing {
  private readonly platform: Platform
  private readonly shard: number
  private readonly subscribers: Subscribers
  private readonly others: Others
  private readonly grants: Grants
  private version = 0
  private known = false
  /** The set has changed since it had its version. */
  private changed = false
  private readonly settled = new Set<string>()
  /** Filters that are not settled, with the number of the round that tells them. */
  private readonly open = new Map<string, number>()
  private begun = 0
  private last: Round | null = null
  private next: Promise<Round> | null = null
  private tellAgainAt = 0
  private learnAgainAt = 0
  private firstAnswer: Promise<void> | null = null

  constructor(platform: Platform, shard: number, subscribers: Subscribers, others: Others, grants: Grants) {
    this.platform = platform
    this.shard = shard
    this.subscribers = subscribers
    this.others = others
    this.grants = grants
    const [row] = platform.storage.rows(OWN_ROWS)
    this.version = Number(row?.version ?? 0)
    this.known = row?.synced === 1
    for (const { filter } of platform.storage.exec('SELECT filter FROM settled'))
      this.settled.add(String(filter))
    for (const filter of subscribers.filters) if (!this.settled.has(filter)) this.added(filter)
  }

  /** The other regions' filters have been learnt, once at least. */
  get synced(): boolean {
    return this.known
  }

  /** No publish anywhere passes it over. */
  isSettled(filter: string): boolean {
    return this.settled.has(filter)
  }

  /** A filter has a subscriber. The round to wait for; 0 where it is settled. */
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

  /** Forgets the filters that nobody has any more. True if there were any. */
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

  /** Resolves when a round with this number or a later one is clear. Rejects with `CoreUnreachable`. */
  async clear(number: number): Promise<void> {
    const round = await this.covering(number)
    round.clear ??= this.clearing(round)
    await round.clear
  }

  /** Lets the other regions know what has changed; if they are not reached, they ask by what they send. */
  tell(): void {
    this.covering(this.begun + 1)
      .then(({ told }) => told)
      .catch(() => undefined)
  }

  /** A region sends what nobody here wants: it has an older set. */
  tellAgain(): void {
    if (this.platform.now() < this.tellAgainAt) return
    this.tellAgainAt = this.platform.now() + WIDE_ASK_AGAIN_MS
    this.changed = true
    this.tell()
  }

  /** Asks for the other regions' filters where they were never learnt. Not null while that is to be waited for. */
  learning(): Promise<void> | null {
    // Where an earlier round has told it meanwhile, what comes now still goes behind what waits.
    if (this.known) return this.firstAnswer
    const now = this.platform.now()
    if (now >= this.learnAgainAt) {
      const first = this.learnAgainAt === 0
      this.learnAgainAt = now + WIDE_ASK_AGAIN_MS
      if (first) this.firstAnswer = this.firstRound()
      else this.tell()
    }
    return this.firstAnswer
  }

  /** The own set, whatever of it the others have been told. */
  present(): { readonly version: number; readonly filters: string[] } {
    if (this.changed) {
      this.changed = false
      // Above all that an earlier storage of this actor may have told, should it have been lost.
      this.version = Math.max(this.version + 1, this.platform.now())
      this.write()
    }
    return { version: this.version, filters: [...this.subscribers.filters] }
  }

  private firstRound(): Promise<void> {
    const told = this.covering(this.begun + 1).then((round) => round.told)
    return atMost(this.platform, WIDE_FIRST_WAIT_MS, told).then(() => {
      this.firstAnswer = null
    })
  }

  private covering(number: number): Promise<Round> {
    const { last } = this
    if (last !== null && last.number >= number && !last.failed) return Promise.resolve(last)
    if (this.next === null) {
      const before: Promise<unknown> = last?.told ?? Promise.resolve()
      this.next = before.catch(() => undefined).then(() => this.begin())
    }
    return this.next
  }

  private begin(): Round {
    this.next = null
    const round: Round = { number: ++this.begun, told: this.exchange(), clear: null, failed: false }
    round.told.catch((cause) => {
      round.failed = true
      this.platform.report('the other regions do not know the wide filters of this one', cause)
    })
    this.last = round
    return round
  }

  private async exchange(): Promise<number> {
    const { platform } = this
    // Of this region's own grants those count that are out now: what the set now has gets no others.
    let clearAt = platform.now() + this.grants.remainingMs
    const { fleet, region } = platform
    const { regions } = await platform.core.wide({ fleet, region, shard: this.shard, ...this.present() })
    for (const other of regions) {
      this.others.learn(other.region, other.version, other.filters)
      clearAt = Math.max(clearAt, platform.now() + other.waitMs)
    }
    this.others.keepOnly(regions.map((other) => other.region))
    if (!this.known) {
      this.known = true
      this.write()
    }
    return clearAt
  }

  private async clearing({ number, told }: Round): Promise<void> {
    const waitMs = (await told) - this.platform.now()
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
