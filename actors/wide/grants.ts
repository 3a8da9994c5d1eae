// Grants: leave for a leaf not to ask again for a while. A wide SUBACK waits until those that are out have ended.
import { WIDE_GRANT_MARGIN_MS, WIDE_GRANT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'

export class Grants {
  private readonly platform: Platform
  private until: number

  constructor(platform: Platform) {
    this.platform = platform
    // The life before may have given some, and nobody remembers.
    this.until = this.end()
  }

  /** For so long, from when it called, the leaf need not ask. */
  give(): number {
    this.until = this.end()
    return WIDE_GRANT_MS
  }

  get remainingMs(): number {
    // Nothing that was given lasts longer from now on: if it seems to, the clock was set back.
    this.until = Math.min(this.until, this.end())
    return Math.max(0, this.until - this.platform.now())
  }

  private end(): number {
    return this.platform.now() + WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS
  }
}
