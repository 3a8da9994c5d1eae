// The clock of a store that stands on other machines, as a pod sees it: pods' clocks may differ by minutes, and the times
// in the store go by one.
import { STORE_CLOCK_MEASURED_EVERY_MS, STORE_CLOCK_ROUND_TRIP_MS_MAX } from './limits.ts'

/** Milliseconds since the epoch, as the store says. */
type AskStore = () => Promise<number>

/** The pod's own clock does not enter, only what has passed since the store was asked: that may be set at any time, too. */
export class StoreClock {
  readonly #ask: AskStore
  readonly #elapsed: () => number
  /** What the store's clock said when nothing had elapsed. */
  #begin: number
  #askedAt: number

  private constructor(ask: AskStore, elapsed: () => number, begin: number) {
    this.#ask = ask
    this.#elapsed = elapsed
    this.#begin = begin
    this.#askedAt = elapsed()
  }

  /**
   * Rejects where the store does not say.
   * @param elapsed milliseconds that never go back
   */
  static async open(ask: AskStore, elapsed: () => number = () => performance.now()): Promise<StoreClock> {
    return new StoreClock(ask, elapsed, (await measure(ask, elapsed)).begin)
  }

  /** Milliseconds since the epoch. Waits for nothing: once a minute the store is asked meanwhile. */
  now(): number {
    if (this.#elapsed() - this.#askedAt >= STORE_CLOCK_MEASURED_EVERY_MS) void this.#correct()
    return Math.round(this.#begin + this.#elapsed())
  }

  async #correct(): Promise<void> {
    this.#askedAt = this.#elapsed()
    try {
      const { begin, roundTripMs } = await measure(this.#ask, this.#elapsed)
      if (roundTripMs <= STORE_CLOCK_ROUND_TRIP_MS_MAX) this.#begin = begin
    } catch {
      // What it said before is good for much longer than it is away, as a rule; calls that need it tell of their own.
    }
  }
}

async function measure(ask: AskStore, elapsed: () => number) {
  const asked = elapsed()
  const said = await ask()
  const answered = elapsed()
  // It was said at any time in between.
  return { begin: said - (asked + answered) / 2, roundTripMs: answered - asked }
}
