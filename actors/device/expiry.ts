// When the session of a client that is away is over. After an outage of its region the client may have gone on elsewhere, and
// what the session has yet be owed to it: so it ends only when the store has all of it, or the directory says that it is here.
import type { Session } from '../../src/session/session.ts'
import { atMost } from '../eventually.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { RESOLVE_WAIT_MS, SYNC_ALARM_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { SessionStore } from './session-store.ts'

export class Expiry {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly leaf: Leaf

  constructor(platform: Platform, store: SessionStore, leaf: Leaf) {
    this.platform = platform
    this.store = store
    this.leaf = leaf
  }

  /** Whether it may be ended; else the actor is woken when it may be. */
  isOver(session: Session): boolean {
    const at = this.at(session)
    const now = this.platform.now()
    if (at !== null && at <= now && !this.leaf.syncing.marks.any) return true
    if (at !== null) this.platform.wakeBy(at > now ? at : now + SYNC_ALARM_MS)
    return false
  }

  /** Whether its client, which comes back, must not find it. [MQTT-4.1.0-2] */
  isOverFor(session: Session): boolean {
    const at = this.at(session)
    return at !== null && at <= this.platform.now()
  }

  /** To be called before `isOverFor`; null where there is nothing to wait for. */
  askDirectory(session: Session | null): Promise<void> | null {
    if (session === null || !this.isOverFor(session) || !this.leaf.syncing.marks.any) return null
    return atMost(this.platform, RESOLVE_WAIT_MS, this.leaf.syncing.heard())
  }

  /** Milliseconds since the epoch; null where it does not wait for its client here. */
  private at({ expirySeconds }: Session): number | null {
    const row = this.store.session()
    if (row === null || row.disconnectedAt === null || row.exportedUpTo !== null) return null
    return row.disconnectedAt + expirySeconds * 1000
  }
}
