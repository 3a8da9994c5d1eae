// Waits for something that other events bring about, for a bounded time.
import { FENCE_LOOK_MS, FENCE_WAIT_MS_MAX } from './limits.ts'
import type { Platform } from './platform.ts'

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
