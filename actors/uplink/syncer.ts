// What the actors of a region have to sync, gathered for a moment into one call. It holds nothing: the actors' marks do.
import { ROOTS_PER_SYNC_MAX, type RootChange, type SyncResult } from '../../src/relay/sync.ts'
import { SYNC_BYTES_PER_CALL_MAX, SYNC_GATHER_MS, SYNC_PAUSE_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'

interface Waiting {
  readonly change: RootChange
  readonly bytes: number
  readonly settle: (result: SyncResult) => void
}

export class Syncer {
  private readonly platform: Platform
  private waiting: Waiting[] = []
  private planned = false
  private pausedUntil = 0

  constructor(platform: Platform) {
    this.platform = platform
  }

  sync(change: RootChange): Promise<SyncResult> {
    // The core is out of reach: everybody's retries need not find that out.
    if (this.platform.now() < this.pausedUntil) return Promise.resolve('failed')
    return new Promise((settle) => {
      this.waiting.push({ change, bytes: bytesOf(change), settle })
      if (this.planned) return
      this.planned = true
      this.platform.after(SYNC_GATHER_MS, () => {
        this.planned = false
        this.flush()
      })
    })
  }

  private flush(): void {
    while (this.waiting.length > 0) {
      let bytes = 0
      let count = 0
      for (const one of this.waiting) {
        if (count >= ROOTS_PER_SYNC_MAX || (count > 0 && bytes + one.bytes > SYNC_BYTES_PER_CALL_MAX)) break
        bytes += one.bytes
        count++
      }
      void this.call(this.waiting.splice(0, count))
    }
  }

  private async call(some: readonly Waiting[]): Promise<void> {
    let results: readonly SyncResult[] = []
    try {
      const roots = some.map(({ change }) => change)
      results = (await this.platform.core.sync({ region: this.platform.region, roots })).results
    } catch (cause) {
      this.pausedUntil = this.platform.now() + SYNC_PAUSE_MS
      this.platform.report('the core was not reached for a sync', cause)
    }
    some.forEach(({ settle }, i) => {
      settle(results[i] ?? 'failed')
    })
  }
}

/** Near enough for a bound: what is large is rows. */
function bytesOf({ queue, retained, session, history }: RootChange): number {
  let bytes = 500 + (session?.subscriptions.length ?? 0) * 200
  for (const { delivery } of queue) bytes += 100 + (delivery?.length ?? 0)
  for (const { topic, record } of retained) bytes += 100 + topic.length + (record?.length ?? 0)
  for (const { publisher, record } of history) bytes += 150 + publisher.length + record.length
  return bytes
}
