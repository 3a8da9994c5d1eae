// Grants: a leaf's permission to skip this WideActor for a while. A wide SUBACK waits until all grants in use have ended.
import { WIDE_GRANT_MARGIN_MS, WIDE_GRANT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'

export class Grants {
  private readonly platform: Platform
  private until: number

  constructor(platform: Platform) {
    this.platform = platform
    // Assume a grant: this actor may have given one before it lost its memory.
    this.until = this.end()
  }

  /** @returns the time for which the leaf may skip this actor, from the beginning of its call */
  give(): number {
    this.until = this.end()
    return WIDE_GRANT_MS
  }

  get remainingMs(): number {
    // No grant lasts longer than a new one. If one seems to, the clock was set back.
    this.until = Math.min(this.until, this.end())
    return Math.max(0, this.until - this.platform.now())
  }

  private end(): number {
    return this.platform.now() + WIDE_GRANT_MS + WIDE_GRANT_MARGIN_MS
  }
}
