// When a client that does not read loses its connection.
import { SOCKET_STALLED_MS_MAX, SOCKET_STALLED_MS_MIN } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from './live.ts'

/** Reason String of the DISCONNECT. */
export const STALLED = 'the client does not read what it is sent'

/**
 * Whether a client for which messages were dropped has sent no packet for so long since that its connection ends. Otherwise the
 * actor is woken when that time is over: by its alarm, since a timer would keep it in memory.
 */
export function checkStalled(platform: Platform, live: Live | null): 'stalled' | 'fine' {
  const fullAt = live?.unread.fullAt ?? null
  if (live === null || fullAt === null) return 'fine'
  const at = fullAt + Math.min(Math.max(live.keepAliveMs, SOCKET_STALLED_MS_MIN), SOCKET_STALLED_MS_MAX)
  if (at <= platform.now()) return 'stalled'
  if (live.unread.dropped === 1) platform.report(STALLED, null)
  platform.wakeBy(at)
  return 'fine'
}
