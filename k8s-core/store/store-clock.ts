// A pod's view of the store's clock. Pods' clocks may differ by minutes, so all stored times use the store's clock.
import { STORE_CLOCK_MEASURED_EVERY_MS, STORE_CLOCK_ROUND_TRIP_MS_MAX } from './limits.ts'

/** The store's clock, milliseconds since the epoch. */
type AskStore = () => Promise<number>

/** Uses only the time that has passed since the store's answer, never the pod's wall clock, which somebody may set. */
export class StoreClock {
  readonly #ask: AskStore
  readonly #elapsed: () => number
  /** The store's time at `elapsed() === 0`. */
  #begin: number
  #askedAt: number

  private constructor(ask: AskStore, elapsed: () => number, begin: number) {
    this.#ask = ask
    this.#elapsed = elapsed
    this.#begin = begin
    this.#askedAt = elapsed()
  }

  /**
   * Rejects if the store does not answer.
   * @param elapsed milliseconds that never go back
   */
  static async open(ask: AskStore, elapsed: () => number = () => performance.now()): Promise<StoreClock> {
    return new StoreClock(ask, elapsed, (await measure(ask, elapsed)).begin)
  }

  /** Milliseconds since the epoch. Never waits: once a minute it asks the store in the background. */
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
      // The last time stays usable: own clocks drift slowly, and the store's other calls report that it is away.
    }
  }
}

async function measure(ask: AskStore, elapsed: () => number) {
  const asked = elapsed()
  const said = await ask()
  const answered = elapsed()
  // The store read its clock at an unknown moment between the two: take the middle.
  return { begin: said - (asked + answered) / 2, roundTripMs: answered - asked }
}
