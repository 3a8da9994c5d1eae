// A session on its way from the old home to the new home.
import type { HandoverState, SessionState } from '../../../src/relay/home.ts'
import { decodeDelivery, encodeDelivery } from '../../../src/session/delivery.ts'
import type { QueueBound } from '../../../src/session/queue-room.ts'
import { Session } from '../../../src/session/session.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { blobOf, MovedRows } from '../../leaf/handover/moved-rows.ts'
import type { ImportedSession } from '../../leaf/leaf-part.ts'
import type { Marks } from '../../leaf/sync/marks.ts'
import { FAIL_OVER_POSITIONS } from '../../limits.ts'
import type { Storage } from '../../platform.ts'
import { namesOf, type SeenOrigins } from '../session/seen-origins.ts'
import type { SessionRow, SessionStore } from '../session/session-store.ts'
import { type RecoveredSubscriptions, withOwn } from './recovered-subscriptions.ts'

const LATE_AT_ONCE = 16

/** Without the lists that may be long: those are rows of their own, see `sessionRows`. */
function headOf(row: SessionRow, upTo: number): SessionState {
  return {
    id: row.id,
    expirySeconds: row.expirySeconds,
    disconnectedAt: row.disconnectedAt ?? 0,
    subscriptions: [],
    // Beyond the handed-over deliveries, if the queue has more: no position may be used twice.
    lastPosition: Math.max(upTo, row.lastPosition),
    sentUpTo: Math.min(row.sentUpTo, upTo),
    released: [],
    received: [],
    seen: [],
    queue: [],
  }
}

/** The rows that move in pages. Each page with rows of a session names the session. */
export function sessionRows(storage: Storage, store: SessionStore): readonly MovedRows[] {
  // A session that ends with its connection ends before its client moves.
  const none = () => (store.session()?.expirySeconds ?? 0) === 0
  const session = (state: HandoverState): SessionState => {
    const row = store.session()
    if (row === null) throw new Error('rows of no session')
    state.session ??= headOf(row, row.lastPosition)
    return state.session
  }
  const upTo = () => store.session()?.exportedUpTo ?? Number.MAX_SAFE_INTEGER
  return [
    new MovedRows(storage, {
      kind: 'subscription',
      table: 'subscription',
      key: 'filter',
      columns: ['options'],
      first: '',
      none,
      add: (state, rows) => {
        for (const { options } of rows)
          session(state).subscriptions.push(JSON.parse(String(options)) as Subscription)
      },
    }),
    new MovedRows(storage, {
      kind: 'queue',
      table: 'queue',
      key: 'position',
      columns: ['delivery'],
      first: 0,
      none,
      upTo,
      add: (state, rows) => {
        for (const { key, delivery } of rows)
          session(state).queue.push({ position: Number(key), delivery: blobOf(delivery) })
      },
    }),
    new MovedRows(storage, {
      kind: 'seen',
      table: 'seen',
      key: 'id',
      columns: ['name'],
      first: 0,
      none,
      add: (state, rows) => {
        const late = lateNames(store)
        for (const { name } of rows) if (!late.has(String(name))) session(state).seen.push(String(name))
      },
    }),
  ]
}

/** Of deliveries that the next home gets with the release: a name without its delivery would pass for one that is there. */
function lateNames(store: SessionStore): ReadonlySet<string | null> {
  const names = new Set<string | null>()
  for (let after = store.session()?.exportedUpTo ?? Number.MAX_SAFE_INTEGER; ; ) {
    const rows = store.queued(after, Number.MAX_SAFE_INTEGER, LATE_AT_ONCE)
    for (const name of namesOf(rows)) names.add(name)
    const last = rows.at(-1)
    if (last === undefined) return names
    after = last.position
  }
}

/** Marks up to where the next home gets the queue with the hand-over. It gets later deliveries with the release. */
export function markExported(store: SessionStore): number {
  const row = store.session()
  if (row === null) return 0
  const upTo = row.exportedUpTo ?? Math.max(row.lastPosition, store.queueSize().last)
  if (row.exportedUpTo === null) store.markExported(upTo)
  return upTo
}

/** The session without its rows. The same however often it is asked for. */
export function exportHead(store: SessionStore): SessionState | null {
  const upTo = markExported(store)
  const row = store.session()
  if (row === null) return null
  return { ...headOf(row, upTo), released: store.released(), received: store.received() }
}

/** The session as a whole. */
function exportSession(store: SessionStore, seen: SeenOrigins): SessionState | null {
  const head = exportHead(store)
  if (head === null) return null
  return {
    ...head,
    subscriptions: [...store.subscriptions().values()],
    seen: seen.all(),
    queue: store
      .queued(0, markExported(store), -1)
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
export function goOn(session: ImportedSession, now: number): ImportedSession {
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
  given: ImportedSession | null,
  marks: Marks,
  lateSubscriptions: RecoveredSubscriptions,
  bound: QueueBound,
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
  store.saveSession(id, expirySeconds, disconnectedAt, { lastPosition: session.lastPosition, sentUpTo })
  store.saveImported(id)
  for (const subscription of subscriptions) store.saveSubscription(subscription, false)
  for (const position of released) store.release(position, false)
  for (const packetId of received) store.receive(packetId)
  seen.import(session.seen)
  const enqueue = (entry: StoredDelivery) => {
    store.enqueue([entry])
    seen.keep(entry.delivery)
  }
  for (const { position, delivery } of queue) enqueue({ position, delivery: decodeDelivery(delivery) })
  const taken = store.inQueue(own.map(({ position }) => position))
  const late = own.filter(({ position }) => !taken.has(position))
  for (const [i, { delivery }] of late.entries())
    enqueue({ position: session.lastPosition + 1 + i, delivery })
  const lastPosition = session.lastPosition + late.length
  return new Session({
    id,
    expirySeconds,
    subscriptions: [...store.subscriptions().values()],
    outgoing: { lastPosition, sentUpTo, ...store.queueSize().stored, released },
    received,
    queue: bound,
  })
}
