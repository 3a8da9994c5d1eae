// The homes that a pod remembers: guesses, which the edge that gets one may correct.
import type { FleetId, Root } from '../src/id/ids.ts'
import { HOME_CACHE_MS, HOME_CACHE_ROOTS_MAX, HOME_REFRESH_MS, HOME_STALE_MS } from './limits.ts'
import type { Home } from './store/port.ts'

interface Entry {
  readonly home: Home
  readonly readAt: number
  /** When the store is to be asked again. */
  refreshAt: number
}

export class HomeCache {
  private readonly now: () => number
  private readonly rootsMax: number
  /** The root that was used last comes last. */
  private readonly entries = new Map<string, Entry>()

  /** @param now milliseconds that only grow */
  constructor(now: () => number, rootsMax = HOME_CACHE_ROOTS_MAX) {
    this.now = now
    this.rootsMax = rootsMax
  }

  /** The home as it was last read; null if it was not read for HOME_STALE_MS. */
  get(fleet: FleetId, root: Root): Home | null {
    const key = keyOf(fleet, root)
    const entry = this.entries.get(key)
    if (entry === undefined) return null
    this.entries.delete(key)
    if (entry.readAt + HOME_STALE_MS <= this.now()) return null
    this.entries.set(key, entry)
    return entry.home
  }

  /** Whether the caller is to read the home from the store again. True once in HOME_REFRESH_MS, so that few ask at a time. */
  shallRefresh(fleet: FleetId, root: Root): boolean {
    const entry = this.entries.get(keyOf(fleet, root))
    if (entry === undefined || entry.refreshAt > this.now()) return false
    entry.refreshAt = this.now() + HOME_REFRESH_MS
    return true
  }

  set(fleet: FleetId, root: Root, home: Home): void {
    const key = keyOf(fleet, root)
    this.entries.delete(key)
    this.entries.set(key, { home, readAt: this.now(), refreshAt: this.now() + HOME_CACHE_MS })
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.rootsMax) break
      this.entries.delete(oldest)
    }
  }

  /** The root has no home any more. */
  delete(fleet: FleetId, root: Root): void {
    this.entries.delete(keyOf(fleet, root))
  }
}

function keyOf(fleet: FleetId, root: Root): string {
  return `${fleet} ${root}`
}
