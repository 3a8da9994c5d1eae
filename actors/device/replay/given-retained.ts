// Retained messages that were read after SUBACK. A message that was published after SUBACK may be among them, and comes live too:
// the client gets it once.
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import { GIVEN_RETAINED_MAX, GIVEN_RETAINED_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

export class GivenRetained {
  private readonly platform: Platform
  private readonly outcomes = new Map<string, Promise<Outcome>>()
  private until = 0

  constructor(platform: Platform) {
    this.platform = platform
  }

  /** A retained message goes to the client. @param outcome of its delivery */
  note({ message }: Delivery, outcome: Promise<Outcome>): void {
    const { origin } = message
    // A message without a name was accepted before anybody could read it after SUBACK: it does not come live.
    if (origin === undefined) return
    const [oldest] = this.outcomes.keys()
    if (this.outcomes.size >= GIVEN_RETAINED_MAX && oldest !== undefined) this.outcomes.delete(oldest)
    this.outcomes.set(origin, outcome)
    this.until = this.platform.now() + GIVEN_RETAINED_MS
    void outcome.then((reason) => {
      if (isFailure(reason)) this.outcomes.delete(origin)
    })
  }

  /** The outcome of the retained message that this live one is; null if the client was not given it. */
  outcomeOf({ message, share }: Delivery): Promise<Outcome> | null {
    if (this.outcomes.size === 0 || share !== null || message.origin === undefined) return null
    if (this.platform.now() <= this.until) return this.outcomes.get(message.origin) ?? null
    this.outcomes.clear()
    return null
  }
}
