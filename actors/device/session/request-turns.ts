// A SUBSCRIBE must not overtake the retained messages that its client has published before: these are retained by then. Whatever
// the client asks after a SUBSCRIBE that waits comes after it.
import { waitAtMost } from '../../calls/waits.ts'
import { RETAINED_BEFORE_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

export class RequestTurns {
  private readonly platform: Platform
  /** Resolves when the last request that waits may begin; null if none waits. */
  private turn: Promise<void> | null = null

  constructor(platform: Platform) {
    this.platform = platform
  }

  /**
   * Begins a request at once, or when all earlier ones have begun.
   * @param before what the request waits for, at most `RETAINED_BEFORE_MS`; null for nothing
   */
  take(before: Promise<unknown> | null, begin: () => Promise<void>): Promise<void> {
    const { turn, platform } = this
    if (turn === null && before === null) return begin()
    const waited = before === null ? Promise.resolve() : waitAtMost(platform, RETAINED_BEFORE_MS, before)
    const mine = Promise.all([turn, waited]).then(() => undefined)
    this.turn = mine
    return mine.then(() => {
      if (this.turn === mine) this.turn = null
      return begin()
    })
  }
}
