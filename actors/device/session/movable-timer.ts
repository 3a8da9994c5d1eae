// One timer that can be moved.
import type { Platform } from '../../platform.ts'

export class MovableTimer {
  private readonly platform: Platform
  private readonly task: () => void
  private cancel: (() => void) | null = null

  constructor(platform: Platform, task: () => void) {
    this.platform = platform
    this.task = task
  }

  /** Runs the task at this time, ms, instead of the time that an earlier call set. */
  at(time: number): void {
    this.cancel?.()
    this.cancel = this.platform.after(Math.max(0, time - this.platform.now()), () => {
      this.cancel = null
      this.task()
    })
  }
}
