// Waits for a bounded time: for something that other events bring about, or for a call that fails at first.
import { COURIER_RETRY_MS, FENCE_LOOK_MS, FENCE_WAIT_MS_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'

/** Rejects if it is not so in time: the caller is to ask again, not to wait. */
export async function eventually(
  platform: Platform,
  isSo: () => boolean,
  waitMs = FENCE_WAIT_MS_MAX,
): Promise<void> {
  const end = platform.now() + waitMs
  while (!isSo()) {
    if (platform.now() >= end) throw new Error('something under way takes long')
    await new Promise<void>((look) => {
      platform.after(FENCE_LOOK_MS, look)
    })
  }
}

/** Resolves when the work has ended, well or not, or when the time is over. */
export async function atMost(platform: Platform, ms: number, work: Promise<unknown>): Promise<void> {
  await new Promise<void>((done) => {
    const cancel = platform.after(ms, done)
    const end = () => {
      cancel()
      done()
    }
    work.then(end, end)
  })
}

/** Tries a call between actors again after short pauses; rejects as the last try does. */
export async function persistently<T>(platform: Platform, call: () => Promise<T>): Promise<T> {
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
