// Upgrades that show no token to the Worker: each may wake an actor before anybody knows who asks. So each address gets a number of
// them a minute, and the rest is refused before there is an actor. See docs/decisions/0027-unproven-clients.md.
import { UNPROVEN_ADDRESSES_MAX, UNPROVEN_WINDOW_MS } from '../limits.ts'

interface Window {
  readonly begun: number
  count: number
}

export class UnprovenUpgrades {
  /** By address; the window that began first comes first. */
  private readonly windows = new Map<string, Window>()

  /**
   * Counts one.
   * @param perWindowMax for each address
   * @returns 0 if the upgrade may go on; else for how long none of this address may, ms
   */
  waitMs(address: string, perWindowMax: number, now: number): number {
    const key = networkOf(address)
    let window = this.windows.get(key)
    if (window === undefined || now - window.begun >= UNPROVEN_WINDOW_MS) {
      window = { begun: now, count: 0 }
      this.windows.delete(key)
      this.windows.set(key, window)
      const [oldest] = this.windows.keys()
      if (oldest !== undefined && this.windows.size > UNPROVEN_ADDRESSES_MAX) this.windows.delete(oldest)
    }
    if (window.count >= perWindowMax) return window.begun + UNPROVEN_WINDOW_MS - now
    window.count++
    return 0
  }
}

/** Of IPv6 the first 64 bits: one host has all the addresses behind them. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':')
}
