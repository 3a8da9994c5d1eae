// Sends a home's changes to the core's store, about a second after they are made. The actor's storage stays the working copy.
import type { Root } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { noChange, type RootChange, type SyncResult } from '../../../src/relay/sync.ts'
import { waitAtMost } from '../../calls/waits.ts'
import {
  CONFIRM_AGAIN_MS,
  GLOBAL_SYNC_WAIT_MS,
  RESOLVE_WAIT_MS,
  STORED_SOON_WAIT_MS,
  SYNC_ALARM_MS,
  SYNC_BYTES_PER_ROUND_MAX,
  SYNC_DELAY_MS,
  SYNC_EVERY_MS,
  SYNC_RETRY_MS_MAX,
  SYNC_RETRY_MS_MIN,
  SYNC_ROWS_PER_ROUND_MAX,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { HomeKnowledge } from '../home/home-knowledge.ts'
import type { SyncedRow } from '../leaf-part.ts'
import type { History, HistoryRound } from '../stages/history.ts'
import type { Mark, Marks } from './marks.ts'

/** What a round of syncing reads. */
export interface SyncSource {
  home(): HomeKnowledge
  /** Begins a round: reads marked rows of every kind but `void`. */
  rows(): (mark: Mark) => readonly SyncedRow[]
  /** Another region has taken over. Resolves when that is performed; never rejects. */
  fenced(): Promise<void>
}

/** What a caller may wait for. */
type Awaited = 'queue' | 'retained' | 'shadow' | 'interests' | 'history'

interface Waiter {
  readonly kind: Awaited
  readonly upTo: number | string
  /** Ends as soon as the store is found to be out of reach. */
  readonly hurried: boolean
  readonly settle: (stored: boolean) => void
}

export class StoreSync {
  readonly marks: Marks
  private readonly history: History
  private readonly platform: Platform
  private readonly root: Root
  private readonly source: SyncSource
  private readonly waiters = new Set<Waiter>()
  private timer: { readonly at: number; readonly cancel: () => void } | null = null
  private running: Promise<SyncResult> | null = null
  private fencing: Promise<void> | null = null
  private lastAt = 0
  private retryAt = 0
  private failures = 0

  constructor(platform: Platform, root: Root, marks: Marks, history: History, source: SyncSource) {
    this.platform = platform
    this.root = root
    this.marks = marks
    this.source = source
    this.history = history
    marks.changed = () => this.plan()
    history.changed = () => this.plan()
    if (this.any) this.plan()
  }

  /**
   * `durability: global`. Success once the store has the row (of a queue: all rows up to it), or the row is deleted again.
   * A failure after `GLOBAL_SYNC_WAIT_MS`.
   */
  async outcome(kind: Exclude<Awaited, 'interests'>, upTo: number | string): Promise<Outcome> {
    return (await this.stored(kind, upTo)) ? Reason.Success : Reason.ImplementationSpecificError
  }

  /** Whether the store has the row in time. */
  stored(kind: Awaited, upTo: number | string): Promise<boolean> {
    return this.wait(kind, upTo, GLOBAL_SYNC_WAIT_MS, false)
  }

  /** As `stored`, but false at once while the store is out of reach. */
  async storedSoon(kind: Awaited, upTo: number | string): Promise<boolean> {
    return this.failures === 0 && this.wait(kind, upTo, STORED_SOON_WAIT_MS, true)
  }

  private wait(kind: Awaited, upTo: number | string, waitMs: number, hurried: boolean): Promise<boolean> {
    if (!this.lacks(kind, upTo)) return Promise.resolve(true)
    return new Promise((settle) => {
      const waiter: Waiter = {
        kind,
        upTo,
        hurried,
        settle: (stored) => {
          cancel()
          this.waiters.delete(waiter)
          settle(stored)
        },
      }
      const cancel = this.platform.after(waitMs, () => waiter.settle(false))
      this.waiters.add(waiter)
      this.plan()
    })
  }

  /**
   * Asks, after a client was accepted by this actor's own storage, whether another region has taken over: in one call with other
   * actors' changes. Asks nothing if there are marks, since syncing them asks too. Repeats the question for a while if the core is
   * out of reach; the region goes on meanwhile (promise 7).
   * @param needless whether the client has left
   */
  async confirm(needless: () => boolean): Promise<void> {
    const begun = this.source.home()
    for (const pause of CONFIRM_AGAIN_MS) {
      const home = this.source.home()
      if (home.at !== 'here' || begun.at !== 'here' || home.epoch !== begun.epoch) return
      if (this.marks.any || needless() || (await this.confirmHome())) return
      await new Promise<void>((go) => this.platform.after(pause * (0.5 + this.platform.random()), go))
    }
  }

  /**
   * Asks the store whether another region has taken over, in one call with changes of this actor or others. Resolves when the
   * answer is performed, or the store was not reached. Never rejects.
   * @returns true if the store confirms that this region is the home
   */
  async confirmHome(): Promise<boolean> {
    const home = this.source.home()
    if (home.at !== 'here') return false
    const asked = this.marks.any ? this.run() : this.send({ ...this.nothing(home.epoch), version: 0 })
    const result = await asked.catch((cause): SyncResult => {
      this.platform.report(`changes of ${this.root} were not synced`, cause)
      return 'failed'
    })
    if (result === 'fenced') await this.fence()
    return result === 'applied'
  }

  /** As `confirmHome`, but resolves after `RESOLVE_WAIT_MS` without an answer. */
  heardSoon(): Promise<void> {
    return waitAtMost(this.platform, RESOLVE_WAIT_MS, this.confirmHome())
  }

  /** There may be marks of a process that died, or marks that wait until the core is back. */
  async alarm(): Promise<void> {
    if (!this.any) return
    if (this.platform.now() >= this.retryAt) await this.run()
    this.plan()
  }

  /** Plans the next round. Called with each change, and when this region has become the home. */
  plan(): void {
    if (!this.any || this.running !== null) return
    const now = this.platform.now()
    // Asked for each time: an alarm that was set for this may have gone off for another reason.
    this.platform.wakeBy(now + SYNC_ALARM_MS)
    const soonest = this.waiters.size > 0 ? now : Math.max(now + SYNC_DELAY_MS, this.lastAt + SYNC_EVERY_MS)
    const at = Math.max(soonest, this.retryAt)
    // A timer keeps the actor in memory, so a long wait is left to the alarm.
    if (at > now + 2 * SYNC_EVERY_MS) {
      this.platform.wakeBy(at)
      return
    }
    if (this.timer !== null && this.timer.at <= at) return
    this.timer?.cancel()
    this.timer = { at, cancel: this.platform.after(at - now, () => void this.run()) }
  }

  private run(): Promise<SyncResult> {
    this.timer?.cancel()
    this.timer = null
    this.running ??= this.rounds().finally(() => {
      this.running = null
      if (this.any) this.plan()
    })
    return this.running
  }

  /** Syncs until nothing is left, or a round fails. */
  private async rounds(): Promise<SyncResult> {
    this.lastAt = this.platform.now()
    while (this.any) {
      const history = this.history.any ? this.history.round() : null
      const sent = this.round(history)
      const result = await this.send(sent.change)
      if (history !== null) {
        if (result === 'failed') this.history.failed()
        else this.history.applied(history)
      }
      if (result === 'applied') {
        this.failures = 0
        this.retryAt = 0
        if (sent.change.version > 0) this.marks.applied(sent.change.version)
        for (const waiter of [...this.waiters]) if (!this.lacks(waiter.kind, waiter.upTo)) waiter.settle(true)
        if (sent.all && this.waiters.size === 0) return result
      } else if (result === 'fenced') {
        void this.fence()
        return result
      } else {
        this.marks.failed()
        for (const waiter of [...this.waiters]) if (waiter.hurried) waiter.settle(false)
        const pause = Math.min(SYNC_RETRY_MS_MIN * 2 ** this.failures++, SYNC_RETRY_MS_MAX)
        this.retryAt = this.platform.now() + pause * (0.5 + this.platform.random())
        return result
      }
    }
    return 'applied'
  }

  private fence(): Promise<void> {
    this.fencing ??= this.source.fenced().finally(() => {
      this.fencing = null
    })
    return this.fencing
  }

  private async send(change: RootChange): Promise<SyncResult> {
    try {
      return await this.platform.peers.uplink(this.root).sync(change, this.failures > 0)
    } catch (cause) {
      this.platform.report(`changes of ${this.root} were not synced`, cause)
      return 'failed'
    }
  }

  private nothing(epoch: number): Omit<RootChange, 'version'> {
    const { platform, root } = this
    return { fleet: platform.fleet, root, epoch, clock: platform.now(), ...noChange() }
  }

  /** @param history messages for the history, which a former home sends too */
  private round(history: HistoryRound | null): { readonly change: RootChange; readonly all: boolean } {
    const home = this.source.home()
    const here = home.at === 'here'
    const change: RootChange = {
      ...this.nothing(here ? home.epoch : 0),
      version: 0,
      history: history?.rows ?? [],
    }
    const allHistory = history?.all ?? true
    if (!here || !this.marks.any) return { change, all: allHistory }
    const marks = this.marks.first(SYNC_ROWS_PER_ROUND_MAX + 1)
    const rowsOf = this.source.rows()
    const sent: Mark[] = []
    let bytes = 0
    for (const mark of marks.slice(0, SYNC_ROWS_PER_ROUND_MAX)) {
      const rows = rowsOf(mark)
      const more = rows.reduce((sum, row) => sum + row.bytes, 0)
      if (sent.length > 0 && bytes + more > SYNC_BYTES_PER_ROUND_MAX) break
      bytes += more
      for (const row of rows) row.addTo(change)
      if (mark.kind === 'void') setVoid(change, mark)
      sent.push(mark)
    }
    const since = sent.reduce((first, mark) => Math.min(first, mark.since), change.clock)
    const version = this.marks.begin(sent)
    return {
      change: { ...change, since: sent.length > 0 ? since : null, version },
      all: allHistory && sent.length === marks.length,
    }
  }

  /** Whether the store lacks anything of this region. */
  private get any(): boolean {
    return this.history.any || (this.marks.any && this.source.home().at === 'here')
  }

  private lacks(kind: Awaited, upTo: number | string): boolean {
    return kind === 'history' ? this.history.lacks(Number(upTo)) : this.marks.lacks(kind, upTo)
  }
}

/** All rows of a kind are gone from the store, up to the mark's version. */
function setVoid(change: RootChange, { key, version }: Mark): void {
  if (key === 'queue') change.queueVoidUpTo = version
  else if (key === 'retained') change.retainedVoidUpTo = version
  else change.shadowsVoidUpTo = version
}
