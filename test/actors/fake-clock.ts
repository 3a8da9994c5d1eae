// Time for actors under test: it passes only when the test says so, and what is due then runs in one order.

interface Timer {
  at: number
  readonly number: number
  readonly task: () => void
}

/** 2026-01-01, so that times look like times. */
const BEGINNING = Date.UTC(2026, 0, 1)

export class FakeClock {
  private time = BEGINNING
  private number = 0
  private readonly timers = new Set<Timer>()

  get now(): number {
    return this.time
  }

  /** When the next timer is due, or null. */
  get nextAt(): number | null {
    return this.next()?.at ?? null
  }

  /** @returns cancels it */
  after(ms: number, task: () => void): () => void {
    const timer = { at: this.time + Math.max(0, ms), number: this.number++, task }
    this.timers.add(timer)
    return () => {
      this.timers.delete(timer)
    }
  }

  /** Everything that needs no time has happened. */
  settled(): Promise<void> {
    // The queue of microtasks is empty before Node comes to this.
    return new Promise((done) => setImmediate(done))
  }

  /**
   * Lets time pass. Timers run in the order of their times, then of their setting, each after all that the one before
   * it brought about. What a timer throws is thrown here.
   */
  async pass(ms: number): Promise<void> {
    const until = this.time + ms
    await this.settled()
    for (let timer = this.next(); timer !== null && timer.at <= until; timer = this.next()) {
      this.timers.delete(timer)
      this.time = Math.max(this.time, timer.at)
      timer.task()
      await this.settled()
    }
    this.time = until
  }

  /** Somebody sets the clock. Timers are about what passes, and go off when they would have. */
  set(byMs: number): void {
    this.time += byMs
    for (const timer of this.timers) timer.at += byMs
  }

  private next(): Timer | null {
    let first: Timer | null = null
    for (const timer of this.timers) {
      if (first === null || timer.at < first.at || (timer.at === first.at && timer.number < first.number))
        first = timer
    }
    return first
  }
}
