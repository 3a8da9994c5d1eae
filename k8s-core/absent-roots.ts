// Roots that had no home a moment ago. Whoever asks again and again for ids that do not exist must not make the store read each time.
import type { FleetId, Root } from '../src/id/ids.ts'
import { HOME_ABSENT_MS, HOME_ABSENT_ROOTS_MAX } from './limits.ts'

export class AbsentRoots {
  private readonly now: () => number
  /** Until when each counts as absent; the oldest first. */
  private readonly until = new Map<string, number>()

  /** @param now milliseconds that only grow */
  constructor(now: () => number) {
    this.now = now
  }

  has(fleet: FleetId, root: Root): boolean {
    return (this.until.get(keyOf(fleet, root)) ?? 0) > this.now()
  }

  add(fleet: FleetId, root: Root): void {
    const key = keyOf(fleet, root)
    this.until.delete(key)
    this.until.set(key, this.now() + HOME_ABSENT_MS)
    for (const [oldest, until] of this.until) {
      if (until > this.now() && this.until.size <= HOME_ABSENT_ROOTS_MAX) return
      this.until.delete(oldest)
    }
  }

  /** The root has a home now. */
  delete(fleet: FleetId, root: Root): void {
    this.until.delete(keyOf(fleet, root))
  }
}

function keyOf(fleet: FleetId, root: Root): string {
  return `${fleet} ${root}`
}
