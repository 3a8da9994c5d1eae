// Looks whether a connection still stands, and sets the alarm that looks again.
import { WILL_CHECK_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { SessionStore } from '../session/session-store.ts'
import type { Live } from './live.ts'

/** One without keep alive costs no alarm, unless somebody's will waits for its end. */
export function checkKeepAlive(platform: Platform, store: SessionStore, live: Live): 'well' | 'silent' {
  const now = platform.now()
  const deadline = live.lastActivityAt + live.keepAliveMs
  if (live.terms.keepAliveSeconds === 0) {
    if (store.wills.current() !== null) platform.wakeBy(now + WILL_CHECK_MS)
  } else if (deadline <= now) return 'silent'
  else platform.wakeBy(deadline)
  return 'well'
}
