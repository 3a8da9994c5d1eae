// A session as the old home gives it and the new home takes it.
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import type { HandoverState, SessionState } from '../../src/relay/home.ts'
import { decodeDelivery, encodeDelivery } from '../../src/session/delivery.ts'
import { Session } from '../../src/session/session.ts'
import type { Seen } from './seen.ts'
import type { SessionStore } from './session-store.ts'

/** The same state however often it is asked for: what comes later is late, and given with the release. */
export function exportSession(store: SessionStore, seen: Seen): SessionState | null {
  const row = store.session()
  if (row === null) return null
  const upTo = row.exportedUpTo ?? Math.max(row.lastPosition, store.queueSize().last)
  if (row.exportedUpTo === null) store.markExported(upTo)
  return {
    id: row.id,
    expirySeconds: row.expirySeconds,
    disconnectedAt: row.disconnectedAt ?? 0,
    subscriptions: [...store.subscriptions().values()],
    lastPosition: upTo,
    sentUpTo: Math.min(row.sentUpTo, upTo),
    released: store.released(),
    received: store.received(),
    seen: seen.all(),
    queue: store
      .queued(0, upTo, -1)
      .map(({ position, delivery }) => ({ position, delivery: bytesToBase64(encodeDelivery(delivery)) })),
  }
}

/** In the transaction that makes this region the home. Subscriptions are still to be registered at their leaves. */
export function importSession(store: SessionStore, seen: Seen, state: HandoverState): Session | null {
  store.clear()
  seen.clear()
  if (state.session === null) return null
  const { id, expirySeconds, disconnectedAt, subscriptions, lastPosition, sentUpTo, queue } = state.session
  const { released, received } = state.session
  const entries = queue.map(({ position, delivery }) => ({
    position,
    delivery: decodeDelivery(base64ToBytes(delivery)),
  }))
  store.saveSession(id, expirySeconds, disconnectedAt, {
    lastPosition,
    sentUpTo,
    storedMessages: 0,
    storedBytes: 0,
    released,
  })
  for (const subscription of subscriptions) store.saveSubscription(subscription, false)
  store.enqueue(entries)
  for (const position of released) store.release(position, false)
  for (const packetId of received) store.receive(packetId)
  seen.import(state.session.seen)
  const size = store.queueSize()
  return new Session(
    id,
    expirySeconds,
    store.subscriptions(),
    { lastPosition, sentUpTo, storedMessages: size.messages, storedBytes: size.bytes, released },
    received,
  )
}
