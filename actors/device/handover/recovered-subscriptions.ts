// Subscriptions that began or ended at a home just before its region was lost. The next home began without these changes, and
// imports them when the region is back, except for filters that the client has subscribed to or unsubscribed from since.
import type { ReleaseResponse } from '../../../src/relay/home.ts'
import type { ImportedSession } from '../../leaf/leaf-part.ts'
import type { Marks } from '../../leaf/sync/marks.ts'
import type { Storage } from '../../platform.ts'
import type { SessionStore } from '../session/session-store.ts'

export type RecoveredSubscription = ReleaseResponse['subscriptions'][number]

export class RecoveredSubscriptions {
  private readonly storage: Storage
  private readonly store: SessionStore
  private readonly marks: Marks

  constructor(storage: Storage, store: SessionStore, marks: Marks) {
    this.storage = storage
    this.store = store
    this.marks = marks
  }

  /** At the lost home: the changes that the core's store may not have. Null for a subscription that ended. */
  all(): RecoveredSubscription[] {
    const filters = this.marks.unconfirmed('subscription', '', -1)
    if (filters.length === 0) return []
    const subscriptions = this.store.subscriptions()
    return filters.map(({ key }) => {
      const filter = String(key)
      return { filter, subscription: subscriptions.get(filter) ?? null }
    })
  }

  /** At the lost home: the next home has the changes up to this filter. */
  taken(upTo: string): void {
    if (upTo !== '') this.marks.forget('subscription', upTo)
  }

  /** At the next home, while it imports: the client has subscribed to or unsubscribed from these filters. */
  changed(filters: readonly string[]): void {
    for (const filter of filters)
      this.storage.exec('INSERT OR IGNORE INTO subscription_changed (filter) VALUES (?)', filter)
  }

  /** This home begins from the core's store. */
  begin(): void {
    this.storage.exec('DELETE FROM subscription_changed')
  }

  /** The changes that the client has not overridden here. */
  fresh(late: readonly RecoveredSubscription[]): RecoveredSubscription[] {
    return late.filter(
      ({ filter }) =>
        this.storage.exec('SELECT 1 FROM subscription_changed WHERE filter = ?', filter).length === 0,
    )
  }
}

/** With this region's own: it may be a former home whose last subscriptions no later home has imported. */
export function withOwn(session: ImportedSession, own: readonly RecoveredSubscription[]): ImportedSession {
  const subscriptions = [...session.subscriptions]
  const known = new Set(subscriptions.map(({ filter }) => filter))
  const missing = own.flatMap(({ filter, subscription }) =>
    subscription === null || known.has(filter) ? [] : [subscription],
  )
  return { ...session, subscriptions: [...subscriptions, ...missing] }
}
