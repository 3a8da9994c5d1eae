// Whether the client takes more of what is read for it page by page, so that such messages fill no queue.
import type { Session } from '../../../src/session/session.ts'
import { REPLAY_LOOK_MS, REPLAY_STALL_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from '../connection/live.ts'
import type { DeviceState } from '../device-state.ts'

/** Waits until the next message would be sent at once. False if the client stalls, or the connection has ended. */
export async function clientHasRoom(
  platform: Platform,
  state: DeviceState,
  session: Session,
  live: Live,
): Promise<boolean> {
  const end = platform.now() + REPLAY_STALL_MS
  for (;;) {
    if (state.session !== session || state.live !== live) return false
    if (takesMore(session, live)) return true
    if (platform.now() >= end) return false
    await new Promise<void>((go) => void platform.after(REPLAY_LOOK_MS, go))
  }
}

/** At QoS 1 and 2 within the window and the bytes in flight, at QoS 0 to a client that reads. */
export function takesMore({ outgoing }: Session, { terms, unread }: Live): boolean {
  const unacknowledged = Math.max(outgoing.snapshot().storedMessages, outgoing.inflightPacketIds.length)
  return unacknowledged < terms.outgoingWindow && outgoing.sendsAtOnce && unread.hasRoom
}
