// A session on its way from the old home to the new home.
import type { SessionState } from '../../../src/relay/home.ts'
import { decodeDelivery, encodeDelivery } from '../../../src/session/delivery.ts'
import { Session } from '../../../src/session/session.ts'
import type { Marks } from '../../leaf/sync/marks.ts'
import { FAIL_OVER_POSITIONS } from '../../limits.ts'
import type { SeenOrigins } from '../session/seen-origins.ts'
import type { SessionStore } from '../session/session-store.ts'
import { type RecoveredSubscriptions, withOwn } from './recovered-subscriptions.ts'

/** The same state however often it is asked for: what comes later is late, and given with the release. */
export function exportSession(store: SessionStore, seen: SeenOrigins): SessionState | null {
  const row = store.session()
  if (row === null) return null
  const upTo = row.exportedUpTo ?? Math.max(row.lastPosition, store.queueSize().last)
  if (row.exportedUpTo === null) store.markExported(upTo)
  return {
    id: row.id,
    expirySeconds: row.expirySeconds,
    disconnectedAt: row.disconnectedAt ?? 0,
    subscriptions: [...store.subscriptions().values()],
    // Beyond the handed-over deliveries, if the queue has more: no position may be used twice.
    lastPosition: Math.max(upTo, row.lastPosition),
    sentUpTo: Math.min(row.sentUpTo, upTo),
    released: store.released(),
    received: store.received(),
    seen: seen.without(store.queued(upTo, Number.MAX_SAFE_INTEGER, -1)),
    queue: store
      .queued(0, upTo, -1)
      .map(({ position, delivery }) => ({ position, delivery: encodeDelivery(delivery) })),
  }
}

/** The session as this region still has it, if no later home has stored a session. */
export function ownSession(store: SessionStore, seen: SeenOrigins): SessionState | null {
  const row = store.session()
  if (row === null) return null
  store.markExported(Math.max(row.lastPosition, store.queueSize().last))
  return exportSession(store, seen)
}

/** A session without its queue. */
export type SyncedSession = Omit<SessionState, 'queue'>

/** The synced session, without its queue. Null for a session that ends with its connection. */
export function syncedSession(store: SessionStore): SyncedSession | null {
  const row = store.session()
  if (row === null || row.expirySeconds === 0) return null
  const { id, expirySeconds, disconnectedAt, lastPosition, sentUpTo } = row
  return {
    id,
    expirySeconds,
    disconnectedAt: disconnectedAt ?? 0,
    subscriptions: [...store.subscriptions().values()],
    lastPosition,
    sentUpTo: Math.min(sentUpTo, lastPosition),
    released: store.released(),
    received: store.received(),
    // Without its delivery, a name would make the next home refuse the delivery as a repeated one.
    seen: [],
  }
}

/**
 * A session from the store, whose region was not reached. Its positions continue beyond any that the region may have used since:
 * a client that holds a QoS 2 packet id would take another message with that id for a repeated one.
 */
export function goOn(session: SessionState, now: number): SessionState {
  return {
    ...session,
    // 0: it was connected.
    disconnectedAt: session.disconnectedAt === 0 ? now : session.disconnectedAt,
    lastPosition: session.lastPosition + FAIL_OVER_POSITIONS,
  }
}

/**
 * In the transaction that makes this region the home. Subscriptions are still to be registered at their leaves.
 * @param marks gets the session, which the store does not have from this home
 */
export function importSession(
  store: SessionStore,
  seen: SeenOrigins,
  given: SessionState | null,
  marks: Marks,
  lateSubscriptions: RecoveredSubscriptions,
  queueMessagesMax: number,
): Session | null {
  // This region may be a former home whose unsynced state no later home has imported.
  const isOwn = given !== null && store.session()?.id === given.id
  const own = isOwn ? store.unconfirmed() : []
  const session = isOwn ? withOwn(given, lateSubscriptions.all()) : given
  store.clear()
  seen.clear()
  marks.clear()
  marks.one('session', true)
  marks.allGone('queue')
  if (session === null) return null
  const { id, expirySeconds, disconnectedAt, subscriptions, sentUpTo, queue, released, received } = session
  const taken = new Set(queue.map(({ position }) => position))
  const late = own
    .filter(({ position }) => !taken.has(position))
    .map(({ delivery }, i) => ({ position: session.lastPosition + 1 + i, delivery }))
  const lastPosition = session.lastPosition + late.length
  const entries = queue.map(({ position, delivery }) => ({
    position,
    delivery: decodeDelivery(delivery),
  }))
  store.saveSession(id, expirySeconds, disconnectedAt, {
    lastPosition,
    sentUpTo,
    storedMessages: 0,
    storedBytes: 0,
    released,
  })
  store.saveImported(id)
  for (const subscription of subscriptions) store.saveSubscription(subscription, false)
  store.enqueue([...entries, ...late])
  for (const position of released) store.release(position, false)
  for (const packetId of received) store.receive(packetId)
  seen.import(session.seen)
  for (const { delivery } of [...entries, ...late]) seen.keep(delivery)
  const size = store.queueSize()
  return new Session({
    id,
    expirySeconds,
    subscriptions: [...store.subscriptions().values()],
    outgoing: { lastPosition, sentUpTo, storedMessages: size.messages, storedBytes: size.bytes, released },
    received,
    queueMessagesMax,
  })
}
