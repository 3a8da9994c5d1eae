// The state of the way to one destination region (or `?` where that is not known yet): a dead one delays no other.
import { UPLINK_RETRY_MS_MAX, UPLINK_RETRY_MS_MIN } from '../limits.ts'

export interface Failing {
  readonly since: number
  readonly problem: string
}

export class Link {
  calls = 0
  planned = false
  private failures = 0
  private retryAt = 0
  /** Since when it does not answer, and its last problem. */
  private since = 0
  private problem = ''

  /** The last call failed. */
  get down(): boolean {
    return this.failures > 0
  }

  /** Null while it answers. */
  get failing(): Failing | null {
    return this.down ? { since: this.since, problem: this.problem } : null
  }

  /** Nothing is to be sent for so long. */
  waitMs(now: number): number {
    return this.retryAt - now
  }

  answered(): void {
    this.failures = 0
    this.retryAt = 0
  }

  /** @param random 0 to 1: the pause doubles with each failure, give or take half, so that uplinks do not come back together */
  failed(now: number, random: number, problem: string): void {
    if (!this.down) this.since = now
    this.problem = problem
    const pause = Math.min(UPLINK_RETRY_MS_MIN * 2 ** this.failures, UPLINK_RETRY_MS_MAX)
    this.failures++
    this.retryAt = now + pause * (0.5 + random)
  }
}
