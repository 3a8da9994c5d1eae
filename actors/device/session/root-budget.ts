// How many roots a client may begin: a root that nobody has used gets a row in the directory, by a lightweight transaction, and an
// actor. Roots that exist cost nothing here, however many a client uses.
import { ROOT_AGAIN_MS, ROOTS_BEGUN_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

export class RootBudget {
  private readonly platform: Platform
  private left = ROOTS_BEGUN_MAX
  /** Up to this time, ms, the budget has grown. */
  private grownTo: number

  constructor(platform: Platform) {
    this.platform = platform
    this.grownTo = platform.now()
  }

  /** Takes one from the budget. @returns false if nothing is left */
  take(): boolean {
    const grown = Math.max(0, Math.floor((this.platform.now() - this.grownTo) / ROOT_AGAIN_MS))
    this.grownTo += grown * ROOT_AGAIN_MS
    this.left = Math.min(ROOTS_BEGUN_MAX, this.left + grown)
    if (this.left === 0) return false
    this.left--
    return true
  }
}
