// Performs a session's effects on storage.
import type { Message } from '../../../src/mqtt/message.ts'
import type { Effect } from '../../../src/session/effect.ts'
import type { Session } from '../../../src/session/session.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import { SHARE_CHECK_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from '../connection/live.ts'
import type { SeenOrigins } from './seen-origins.ts'
import type { SessionStore } from './session-store.ts'
import { WriteBehind } from './write-behind.ts'

type Stored = 'store' | 'forget' | 'sent-up-to' | 'release' | 'complete' | 'received' | 'dismissed'

export class SessionWriter {
  /** Changes that may be written a moment later. */
  readonly behind: WriteBehind
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly seen: SeenOrigins
  private readonly expired: (rows: readonly StoredDelivery[]) => void

  /** @param expired gets the deliveries that expired in the queue */
  constructor(
    platform: Platform,
    store: SessionStore,
    seen: SeenOrigins,
    expired: (rows: readonly StoredDelivery[]) => void,
  ) {
    this.expired = expired
    this.platform = platform
    this.store = store
    this.seen = seen
    this.behind = new WriteBehind(store)
  }

  /** @param session whose effect it is; null if the session has ended: its rows are gone */
  perform(effect: Extract<Effect, { do: Stored }>, session: Session | null): void {
    switch (effect.do) {
      case 'store':
        if (session !== null) this.enqueue(session, effect.entries)
        return
      case 'forget':
        if (session !== null) this.behind.forget(effect.positions)
        if (effect.expired !== undefined) this.expired(effect.expired)
        return
      case 'sent-up-to':
        if (session !== null) this.behind.sent(effect.position)
        return
      case 'release':
        // At once: PUBREL must not be sent before the row is written.
        if (session?.persistent === true) this.store.release(effect.position, effect.stored)
        else if (session !== null && effect.stored) this.behind.forget([effect.position])
        return
      case 'complete':
        if (session?.persistent === true) this.behind.complete(effect.position)
        return
      case 'received':
        if (session?.persistent === true) this.store.receive(effect.packetId)
        return
      case 'dismissed':
        if (session?.persistent === true) this.store.dismiss(effect.packetId)
        return
      default:
        effect satisfies never
    }
  }

  /** The message to publish. A QoS 2 message gets an origin; a persistent session stores the origin until PUBREC is sent. */
  named(
    { message: sent, exchange }: Extract<Effect, { do: 'publish' }>,
    live: Live | null,
    session: Session | null,
  ): Message {
    const message = live?.own(sent) ?? sent
    if (exchange === null) return message
    const fresh = this.platform.randomId()
    const { packetId, dup } = exchange
    return {
      ...message,
      origin: session?.persistent === true ? this.store.begin(packetId, fresh, dup) : fresh,
    }
  }

  private enqueue(session: Session, entries: readonly StoredDelivery[]): void {
    const { platform, store } = this
    platform.storage.transaction(() => {
      // If the process dies, the next one must see whose deliveries these are, and that the session ended with its connection.
      if (!session.persistent && store.session() === null) {
        store.saveSession(session.id, 0, platform.now(), session.outgoing.snapshot())
      }
      store.enqueue(entries)
      if (session.persistent) for (const { delivery } of entries) this.seen.keep(delivery)
    })
    // If the process dies, only this alarm wakes the actor to give the messages to other members.
    if (entries.some(({ delivery }) => delivery.share !== null))
      platform.wakeBy(platform.now() + SHARE_CHECK_MS)
  }
}
