// Sends what a home has changed to the core's store, a moment later: the actor's own storage is the working copy.

import type { Root } from '../../../src/id/ids.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { noChange, type RootChange, type SyncResult } from '../../../src/relay/sync.ts'
import { atMost } from '../../calls/eventually.ts'
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
import type { HomeKnowledge } from '../home/home.ts'
import type { SyncedRow } from '../leaf-part.ts'
import type { History, HistoryRound } from '../stages/history.ts'
import type { Mark, Marks } from './marks.ts'

/** The working copies. */
export interface SyncSource {
  home(): HomeKnowledge
  /** Begins a round: reads marked rows of every kind but `void`. */
  rows(): (mark: Mark) => readonly SyncedRow[]
  /** Another region has taken over. Resolves when that is performed; never rejects. */
  fenced(): Promise<void>
}

/** What somebody may wait for. */
type Awaited = 'queue' | 'retained' | 'shadow' | 'interests' | 'history'

interface Waiter {
  readonly kind: Awaited
  readonly upTo: number | string
  /** It goes on without the store as soon as that is not reached. */
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
   * For a publisher that waits for the store: Success once the store has the row (or all rows of a queue up to it), or it
   * is gone again; a failure if that takes long.
   */
  async outcome(kind: Exclude<Awaited, 'interests'>, upTo: number | string): Promise<Outcome> {
    return (await this.stored(kind, upTo)) ? Reason.Success : Reason.ImplementationSpecificError
  }

  /** Whether the store has it in time. */
  stored(kind: Awaited, upTo: number | string): Promise<boolean> {
    return this.wait(kind, upTo, GLOBAL_SYNC_WAIT_MS, false)
  }

  /** The same for who is not to wait for a store that is not reached. */
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
   * Serving has begun from what storage said; whether another region has taken over is asked afterwards, in one call with
   * what other actors sync and ask. What is marked asks by itself. While the core is out of reach nobody can say, and the
   * region goes on with what it has (promise 7); it is asked again for a while, since a core may have died with the question.
   * @param needless whether nobody is served any more
   */
  async confirm(needless: () => boolean): Promise<void> {
    const begun = this.source.home()
    for (const pause of CONFIRM_AGAIN_MS) {
      const home = this.source.home()
      if (home.at !== 'here' || begun.at !== 'here' || home.epoch !== begun.epoch) return
      if (this.marks.any || needless() || (await this.heard())) return
      await new Promise<void>((go) => this.platform.after(pause * (0.5 + this.platform.random()), go))
    }
  }

  /**
   * Resolves when the store has said whether another region has taken over, and that has been performed, or was not reached.
   * No call of its own either: it goes with what is marked, or with what others sync. Never rejects.
   * @returns whether it has said that this is the home
   */
  async heard(): Promise<boolean> {
    const home = this.source.home()
    if (home.at !== 'here') return false
    const asked = this.marks.any ? this.run() : this.send({ ...this.nothing(home.epoch), version: 0 })
    const result = await asked.catch((cause): SyncResult => {
      this.platform.report(`${this.root} could not be synced`, cause)
      return 'failed'
    })
    if (result === 'fenced') await this.fence()
    return result === 'applied'
  }

  /** The same for who goes on without an answer where that takes long. */
  heardSoon(): Promise<void> {
    return atMost(this.platform, RESOLVE_WAIT_MS, this.heard())
  }

  /** Something may be marked since before the process died, or wait for the core to be back. */
  async alarm(): Promise<void> {
    if (!this.any) return
    if (this.platform.now() >= this.retryAt) await this.run()
    this.plan()
  }

  /** To be called when this has become the home. */
  plan(): void {
    if (!this.any || this.running !== null) return
    const now = this.platform.now()
    // The platform knows whether there is an earlier one: a memory of its own would outlast an alarm that went off for another.
    this.platform.wakeBy(now + SYNC_ALARM_MS)
    const soonest = this.waiters.size > 0 ? now : Math.max(now + SYNC_DELAY_MS, this.lastAt + SYNC_EVERY_MS)
    const at = Math.max(soonest, this.retryAt)
    // A timer keeps the actor in memory, so what waits long waits for the alarm.
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

  /** Round after round until nothing is left, or one fails. */
  private async rounds(): Promise<SyncResult> {
    this.lastAt = this.platform.now()
    while (this.any) {
      const kept = this.history.any ? this.history.round() : null
      const sent = this.round(kept)
      const result = await this.send(sent.change)
      if (kept !== null) {
        if (result === 'failed') this.history.failed()
        else this.history.applied(kept)
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
      this.platform.report(`${this.root} could not be synced`, cause)
      return 'failed'
    }
  }

  private nothing(epoch: number): Omit<RootChange, 'version'> {
    const { platform, root } = this
    return { fleet: platform.fleet, root, epoch, clock: platform.now(), ...noChange() }
  }

  /** @param kept what goes along of the messages that this region has kept, as the home or when it was that */
  private round(kept: HistoryRound | null): { readonly change: RootChange; readonly all: boolean } {
    const home = this.source.home()
    const here = home.at === 'here'
    const change: RootChange = {
      ...this.nothing(here ? home.epoch : 0),
      version: 0,
      history: kept?.rows ?? [],
    }
    const keptAll = kept?.all ?? true
    if (!here || !this.marks.any) return { change, all: keptAll }
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
      all: keptAll && sent.length === marks.length,
    }
  }

  /** Whether there is anything that this region has yet to give to the store. */
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
