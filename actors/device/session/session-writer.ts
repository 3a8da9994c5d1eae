// Performs what of a session's effects concerns storage.
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

type Kept = 'store' | 'forget' | 'sent-up-to' | 'release' | 'complete' | 'received' | 'dismissed'

export class SessionWriter {
  /** What may be written a moment later. */
  readonly behind: WriteBehind
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly seen: SeenOrigins
  private readonly expired: (rows: readonly StoredDelivery[]) => void

  /** @param expired told of what was found to have expired in the queue */
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

  /** @param session whose effect it is; null if that session has ended, and so has nothing left to lose */
  perform(effect: Extract<Effect, { do: Kept }>, session: Session | null): void {
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
        // At once, since PUBREL must not leave before it.
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

  /** The message to pass on: with an origin, if it is QoS 2, which a session that goes on keeps until it is answered. */
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
      // The row says whose the deliveries are, and that they end with the connection, should the process die.
      if (!session.persistent && store.session() === null) {
        store.saveSession(session.id, 0, platform.now(), session.outgoing.snapshot())
      }
      store.enqueue(entries)
      if (session.persistent) for (const { delivery } of entries) this.seen.keep(delivery)
    })
    // Should the process die, nobody else would wake this actor to give them to other members.
    if (entries.some(({ delivery }) => delivery.share !== null))
      platform.wakeBy(platform.now() + SHARE_CHECK_MS)
  }
}
