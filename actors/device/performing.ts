// Performs what a session decided, in order: what an effect brings about comes after those before it.
import type { Effect, Session } from '../../src/session/session.ts'
import type { Platform } from '../platform.ts'

/** Resolves when what the effect began is over; null where that is at once. */
export type PerformOne = (effect: Effect, session: Session | null) => Promise<void> | null

interface Undone {
  readonly effect: Effect
  readonly session: Session | null
  readonly pending: Promise<void>[]
}

export class Performing {
  private readonly platform: Platform
  private readonly performOne: PerformOne
  private readonly undone: Undone[] = []
  private busy = false

  constructor(platform: Platform, performOne: PerformOne) {
    this.platform = platform
    this.performOne = performOne
  }

  /**
   * @param session whose effects they are
   * @returns what they began; filled at once, or by the call that is performing further up
   */
  perform(effects: readonly Effect[], session: Session | null): readonly Promise<void>[] {
    const pending: Promise<void>[] = []
    for (const effect of effects) this.undone.push({ effect, session, pending })
    if (this.busy) return pending
    this.busy = true
    try {
      for (let next = this.undone.shift(); next !== undefined; next = this.undone.shift()) {
        const more = this.performOne(next.effect, next.session)
        if (more !== null)
          next.pending.push(more.catch((cause) => this.platform.report('an effect failed', cause)))
      }
    } finally {
      this.busy = false
    }
    return pending
  }
}
