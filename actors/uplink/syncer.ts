// Gathers the syncs of a region's actors for a moment into one call of the core. It stores nothing: the actors' marks survive.
import { ROOTS_PER_SYNC_MAX, type RootChange, type SyncResult } from '../../src/relay/sync.ts'
import {
  SYNC_BYTES_PER_CALL_MAX,
  SYNC_CALLS_MAX,
  SYNC_GATHER_MS,
  SYNC_HELD_MS_MAX,
  SYNC_PAUSE_MS,
} from '../limits.ts'
import type { Platform } from '../platform.ts'

interface Waiting {
  readonly change: RootChange
  readonly bytes: number
  /** The sync is retried until this time. */
  readonly until: number
  readonly settle: (result: SyncResult) => void
}

export class Syncer {
  private readonly platform: Platform
  private waiting: Waiting[] = []
  private gathering = false
  private calls = 0
  /** Failed syncs, retried after a pause. */
  private held: Waiting[] = []
  private pausing = false
  /** The end of the pause after a call that did not reach the core; 0 after a call that did. */
  private pausedUntil = 0

  constructor(platform: Platform) {
    this.platform = platform
  }

  /**
   * @param patient true for a sync that failed before: it is retried here for a while, so that it arrives soon after core and
   * store are back
   */
  sync(change: RootChange, patient = false): Promise<SyncResult> {
    const now = this.platform.now()
    // The core is unreachable: fail at once, instead of one more call for each actor.
    if (!patient && now < this.pausedUntil) return Promise.resolve('failed')
    return new Promise((settle) => {
      const until = patient ? now + SYNC_HELD_MS_MAX : now
      const one = { change, bytes: bytesOf(change), until, settle }
      if (this.away && patient) this.hold(one)
      else this.gather([one])
    })
  }

  private get away(): boolean {
    return this.pausedUntil > 0
  }

  private gather(some: readonly Waiting[]): void {
    this.waiting.push(...some)
    if (this.gathering || this.waiting.length === 0) return
    this.gathering = true
    this.platform.after(SYNC_GATHER_MS, () => {
      this.gathering = false
      this.callNext()
    })
  }

  /** One call after another: an actor has few connections, and messages need them too. */
  private callNext(): void {
    if (this.calls >= SYNC_CALLS_MAX || this.waiting.length === 0) return
    this.calls++
    void this.call(this.waiting.splice(0, fitting(this.waiting))).finally(() => {
      this.calls--
      this.callNext()
    })
  }

  private hold(one: Waiting): void {
    this.held.push(one)
    if (this.pausing) return
    this.pausing = true
    this.platform.after(SYNC_PAUSE_MS, () => {
      this.pausing = false
      const now = this.platform.now()
      const held = this.held.splice(0)
      for (const { until, settle } of held) if (until <= now) settle('failed')
      this.held = held.filter(({ until }) => until > now)
      // While the core is away, one call is enough to find out whether it is back.
      this.gather(this.held.splice(0, this.away ? fitting(this.held) : this.held.length))
    })
  }

  private async call(some: readonly Waiting[]): Promise<void> {
    let results: readonly SyncResult[] = []
    try {
      const roots = some.map(({ change }) => change)
      results = (await this.platform.core.sync({ region: this.platform.region, roots })).results
      if (this.away) this.gather(this.held.splice(0))
      this.pausedUntil = 0
    } catch (cause) {
      this.pausedUntil = this.platform.now() + SYNC_PAUSE_MS
      this.platform.report('a sync did not reach the core', cause)
    }
    some.forEach((one, i) => {
      const result = results[i] ?? 'failed'
      if (result === 'failed' && this.platform.now() < one.until) this.hold(one)
      else one.settle(result)
    })
  }
}

/** How many of the first syncs fit into one call. */
function fitting(waiting: readonly Waiting[]): number {
  let bytes = 0
  let count = 0
  for (const one of waiting) {
    if (count >= ROOTS_PER_SYNC_MAX || (count > 0 && bytes + one.bytes > SYNC_BYTES_PER_CALL_MAX)) break
    bytes += one.bytes
    count++
  }
  return count
}

/** An estimate, good enough for a bound. */
function bytesOf({ queue, retained, session, history }: RootChange): number {
  let bytes = 500 + (session?.subscriptions.length ?? 0) * 200
  for (const { delivery } of queue) bytes += 100 + (delivery?.length ?? 0)
  for (const { topic, record } of retained) bytes += 100 + topic.length + (record?.length ?? 0)
  for (const { publisher, record } of history) bytes += 150 + publisher.length + record.length
  return bytes
}
