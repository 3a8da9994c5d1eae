// Checks whether a client has been silent for longer than its keep alive, and sets the alarm of the next check.
import { WILL_CHECK_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from './live.ts'

/** A connection without keep alive sets no alarm, unless it has a will: the process may die with the connection. */
export function checkKeepAlive(platform: Platform, live: Live, hasWill: () => boolean): 'well' | 'silent' {
  const now = platform.now()
  const deadline = live.lastActivityAt + live.keepAliveMs
  if (live.terms.keepAliveSeconds === 0) {
    if (hasWill()) platform.wakeBy(now + WILL_CHECK_MS)
  } else if (deadline <= now) return 'silent'
  else platform.wakeBy(deadline)
  return 'well'
}
