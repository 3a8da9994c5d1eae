// How long regions have been silent. A region counts as lost only after a while: a restarted process is not a lost region.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RegionId } from '../src/id/ids.ts'
import { EdgeSilent } from './edge-errors.ts'
import type { Edges } from './edges.ts'
import { FAIL_OVER_AFTER_MS, SILENCE_FORGOTTEN_MS, SILENCE_LOOK_MS, SILENCE_WAIT_MS_MAX } from './limits.ts'

export class Silence {
  private readonly edges: Edges
  private readonly failOverAfterMs: number
  private readonly now: () => number
  private readonly pause: (ms: number) => Promise<unknown>
  private readonly known = new Map<RegionId, { since: number; last: number }>()

  /** @param now milliseconds that only grow: a clock set forward would make every region look lost */
  constructor(
    edges: Edges,
    failOverAfterMs = FAIL_OVER_AFTER_MS,
    now: () => number = () => performance.now(),
    pause: (ms: number) => Promise<unknown> = sleep,
  ) {
    this.edges = edges
    this.failOverAfterMs = failOverAfterMs
    this.now = now
    this.pause = pause
  }

  /**
   * True if the region is lost: silent for `failOverAfterMs`. False if it answers. Rejects with the error that it answers, or
   * with `EdgeSilent` if it has been silent for less.
   */
  async of(region: RegionId): Promise<boolean> {
    const until = this.now() + Math.min(this.failOverAfterMs, SILENCE_WAIT_MS_MAX)
    for (;;) {
      const asked = this.now()
      try {
        await this.edges.ping(region)
        this.known.delete(region)
        return false
      } catch (cause) {
        if (!(cause instanceof EdgeSilent)) {
          this.known.delete(region)
          throw cause
        }
        const now = this.now()
        if (now - this.note(region, asked, now) >= this.failOverAfterMs) return true
        if (now >= until) throw cause
      }
      await this.pause(SILENCE_LOOK_MS)
    }
  }

  /** Records a missing answer. @returns the beginning of the silence */
  private note(region: RegionId, asked: number, now: number): number {
    const before = this.known.get(region)
    const since = before === undefined || asked - before.last > SILENCE_FORGOTTEN_MS ? asked : before.since
    this.known.set(region, { since, last: now })
    return since
  }
}
