// Subscriptions that were made or ended at a home just before it was lost: its successor began without them, and learns of
// them when the lost one is back, unless the client has said something newer by then.
import type { ReleaseResponse, SessionState } from '../../../src/relay/home.ts'
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

  /** At the lost home: those that the core's store was not confirmed to have; null for one that was ended. */
  all(): RecoveredSubscription[] {
    const filters = this.marks.unconfirmed('subscription', '', -1)
    if (filters.length === 0) return []
    const subscriptions = this.store.subscriptions()
    return filters.map(({ key }) => {
      const filter = String(key)
      return { filter, subscription: subscriptions.get(filter) ?? null }
    })
  }

  /** The next home has those up to this filter. */
  taken(upTo: string): void {
    if (upTo !== '') this.marks.forget('subscription', upTo)
  }

  /** The successor's own client has spoken, while something may still be late. */
  changed(filters: readonly string[]): void {
    for (const filter of filters)
      this.storage.exec('INSERT OR IGNORE INTO subscription_changed (filter) VALUES (?)', filter)
  }

  /** A home begins from the store. */
  begin(): void {
    this.storage.exec('DELETE FROM subscription_changed')
  }

  /** Those that are news. */
  fresh(late: readonly RecoveredSubscription[]): RecoveredSubscription[] {
    return late.filter(
      ({ filter }) =>
        this.storage.exec('SELECT 1 FROM subscription_changed WHERE filter = ?', filter).length === 0,
    )
  }
}

/** This region may itself be an old home whose last subscriptions nobody has asked for. */
export function withOwn(session: SessionState, own: readonly RecoveredSubscription[]): SessionState {
  const known = new Set(session.subscriptions.map(({ filter }) => filter))
  const missing = own.flatMap(({ filter, subscription }) =>
    subscription === null || known.has(filter) ? [] : [subscription],
  )
  return { ...session, subscriptions: [...session.subscriptions, ...missing] }
}
