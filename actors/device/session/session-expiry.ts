// When the session of a client that is away has expired. If this region lost the core for a while, the client may have connected
// elsewhere: then the queue here belongs to its new home. So a session ends only after the core confirms that this region is still
// the home.
import type { Session } from '../../../src/session/session.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import { EXPIRY_ASK_AGAIN_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { SessionStore } from './session-store.ts'

export class SessionExpiry {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly leaf: Leaf
  private readonly expired: () => void
  private asking = false
  /** When the core was last asked, if its answer was that this region is the home. */
  private hereAt = 0

  /** @param expired called when the core has confirmed that an expired session may end */
  constructor(platform: Platform, store: SessionStore, leaf: Leaf, expired: () => void) {
    this.platform = platform
    this.store = store
    this.leaf = leaf
    this.expired = expired
  }

  /** Whether the session may end. If not: wakes the actor when the time is over, and calls `expired` when the core confirms. */
  mayEnd(session: Session): boolean {
    const at = this.at(session)
    if (at === null) return false
    if (at > this.platform.now()) this.platform.wakeBy(at)
    else if (this.hereAt >= at) return true
    else this.ask()
    return false
  }

  /** Whether the time is over: a client that returns gets a new session. [MQTT-4.1.0-2] */
  isOver(session: Session): boolean {
    const at = this.at(session)
    return at !== null && at <= this.platform.now()
  }

  /** For a CONNECT, before `isOver`: asks the core whether this region is still the home. Null if the time is not over. */
  confirmHome(session: Session | null): Promise<void> | null {
    if (session === null || !this.isOver(session)) return null
    return this.leaf.sync.heardSoon()
  }

  private ask(): void {
    if (this.asking) return
    this.asking = true
    const now = this.platform.now()
    this.platform.wakeBy(now + EXPIRY_ASK_AGAIN_MS)
    void this.leaf.sync.confirmHome().then((here) => {
      this.asking = false
      if (!here) return
      this.hereAt = now
      this.expired()
    })
  }

  /** Milliseconds since the epoch; null if the session does not wait for its client here. */
  private at({ expirySeconds }: Session): number | null {
    const row = this.store.session()
    if (row === null || row.disconnectedAt === null || row.exportedUpTo !== null) return null
    return row.disconnectedAt + expirySeconds * 1000
  }
}
