// A session as the old home gives it and the new home takes it.
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
    // Beyond what is given, where more is late: no position is used twice.
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

/** All of a session that this region handed over, or lost to another, and that nobody has taken any further. */
export function ownSession(store: SessionStore, seen: SeenOrigins): SessionState | null {
  const row = store.session()
  if (row === null) return null
  store.markExported(Math.max(row.lastPosition, store.queueSize().last))
  return exportSession(store, seen)
}

/** A session without its queue. */
export type SyncedSession = Omit<SessionState, 'queue'>

/** What of a session is synced, but for its queue. Null for one that ends with its connection. */
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
    // A name without its delivery would make a late delivery pass for one that is here.
    seen: [],
  }
}

/**
 * What the store had of a session whose region was not reached. Positions go on beyond all that may have been sent there
 * since: a QoS 2 message with a packet id that the client holds would be taken for the one it knows.
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
 * @param marks where the session is noted as one that the store does not have from this home
 */
export function importSession(
  store: SessionStore,
  seen: SeenOrigins,
  given: SessionState | null,
  marks: Marks,
  lateSubscriptions: RecoveredSubscriptions,
  queueMessagesMax: number,
): Session | null {
  // This region may itself be an old home that nobody has asked for what it had yet.
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
