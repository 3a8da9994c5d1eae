// Bounded waits: for a condition, for the end of some work, and for a call that fails at first.
import { COURIER_RETRY_MS, FENCE_LOOK_MS, FENCE_WAIT_MS_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'

/** Resolves when the condition holds. Rejects if the time runs out: the caller asks again later. */
export async function waitUntil(
  platform: Platform,
  holds: () => boolean,
  waitMs = FENCE_WAIT_MS_MAX,
): Promise<void> {
  const end = platform.now() + waitMs
  while (!holds()) {
    if (platform.now() >= end) throw new Error(`a wait ended after ${waitMs} ms`)
    await new Promise<void>((look) => {
      platform.after(FENCE_LOOK_MS, look)
    })
  }
}

/** Resolves when the work has settled, or when the time is over. Never rejects. */
export async function waitAtMost(platform: Platform, ms: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((done) => {
    const cancel = platform.after(ms, done)
    const end = () => {
      cancel()
      done()
    }
    work.then(end, end)
  })
}

/** Makes a call between actors, and repeats it after short pauses if it fails. Rejects as the last try does. */
export async function withRetries<T>(platform: Platform, call: () => Promise<T>): Promise<T> {
  for (const pause of COURIER_RETRY_MS) {
    try {
      return await call()
    } catch {
      await new Promise<void>((done) => {
        platform.after(pause, done)
      })
    }
  }
  return call()
}
