// When the session of a client that is away is over. While this region was away itself, the client may have gone on elsewhere with
// it: what the session has yet, and what its subscriptions here bring until its new home has its own, is owed to it. So it ends
// only when the core has said that this still is the home.
import type { Session } from '../../../src/session/session.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import { EXPIRY_ASK_AGAIN_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { SessionStore } from './session-store.ts'

export class SessionExpiry {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly leaf: Leaf
  private readonly over: () => void
  private asking = false
  /** When the core was last asked and said that this is the home. */
  private hereAt = 0

  /** @param over called when a session that was not yet over may have come to be */
  constructor(platform: Platform, store: SessionStore, leaf: Leaf, over: () => void) {
    this.platform = platform
    this.store = store
    this.leaf = leaf
    this.over = over
  }

  /** Whether it may be ended; else `over` is called, or the actor woken, when it may be. */
  isOver(session: Session): boolean {
    const at = this.at(session)
    if (at === null) return false
    if (at > this.platform.now()) this.platform.wakeBy(at)
    else if (this.hereAt >= at) return true
    else this.ask()
    return false
  }

  /** Whether its client, which comes back, must not find it. [MQTT-4.1.0-2] */
  isOverFor(session: Session): boolean {
    const at = this.at(session)
    return at !== null && at <= this.platform.now()
  }

  /** To be called before `isOverFor`; null where there is nothing to wait for. */
  askDirectory(session: Session | null): Promise<void> | null {
    if (session === null || !this.isOverFor(session)) return null
    return this.leaf.sync.heardSoon()
  }

  private ask(): void {
    if (this.asking) return
    this.asking = true
    const now = this.platform.now()
    this.platform.wakeBy(now + EXPIRY_ASK_AGAIN_MS)
    void this.leaf.sync.heard().then((here) => {
      this.asking = false
      if (!here) return
      this.hereAt = now
      this.over()
    })
  }

  /** Milliseconds since the epoch; null where it does not wait for its client here. */
  private at({ expirySeconds }: Session): number | null {
    const row = this.store.session()
    if (row === null || row.disconnectedAt === null || row.exportedUpTo !== null) return null
    return row.disconnectedAt + expirySeconds * 1000
  }
}
