// The state of the link to one destination region, or to `?` if the destination is unknown. A dead one delays no other.
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
  /** The time of the first failure in a row, and the last error. */
  private since = 0
  private problem = ''

  /** True if the last call failed. */
  get down(): boolean {
    return this.failures > 0
  }

  /** Null while the destination answers. */
  get failing(): Failing | null {
    return this.down ? { since: this.since, problem: this.problem } : null
  }

  /** The pause before the next call. */
  waitMs(now: number): number {
    return this.retryAt - now
  }

  answered(): void {
    this.failures = 0
    this.retryAt = 0
  }

  /** @param random 0 to 1. The pause doubles with each failure, plus or minus half, so that uplinks retry at different times */
  failed(now: number, random: number, problem: string): void {
    if (!this.down) this.since = now
    this.problem = problem
    const pause = Math.min(UPLINK_RETRY_MS_MIN * 2 ** this.failures, UPLINK_RETRY_MS_MAX)
    this.failures++
    this.retryAt = now + pause * (0.5 + random)
  }
}
