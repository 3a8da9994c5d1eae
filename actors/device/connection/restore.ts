// From what storage and the socket's attachment kept to a session and a live connection in memory.
import { PacketStream } from '../../../src/mqtt/packet-stream.ts'
import { base64ToBytes, bytesToBase64 } from '../../../src/relay/base64.ts'
import { Session } from '../../../src/session/session.ts'
import { packetIdOf } from '../../../src/session/stored-delivery.ts'
import { ATTACHMENT_BYTES_MAX } from '../../limits.ts'
import type { Connection, Platform } from '../../platform.ts'
import type { SessionStore } from '../session/session-store.ts'
import type { Attachment, LiveBulk, LiveConnection } from './attachment.ts'
import { Live } from './live.ts'

export interface Restored {
  readonly session: Session | null
  readonly live: Live | null
  /** The connection died with the process, and the session was not told. */
  readonly cutOff: boolean
}

/** @param connections all there are, one of which may be live since before the actor's memory was lost */
export function restore(
  platform: Platform,
  store: SessionStore,
  connections: readonly Connection[],
): Restored {
  const found = findLive(connections)
  if (found !== null) return awakenLive(platform, store, found.connection, found.kept)
  const row = store.session()
  if (row === null) return { session: null, live: null, cutOff: false }
  const queue = store.queueSize()
  const session = new Session({
    id: row.id,
    expirySeconds: row.expirySeconds,
    subscriptions: [...store.subscriptions().values()],
    outgoing: {
      lastPosition: Math.max(row.lastPosition, queue.last),
      sentUpTo: row.sentUpTo,
      storedMessages: queue.messages,
      storedBytes: queue.bytes,
      released: store.released(),
    },
    received: store.received(),
    queueMessagesMax: platform.settings.queueMessagesMax,
  })
  return { session, live: null, cutOff: row.disconnectedAt === null || row.expirySeconds === 0 }
}

function awakenLive(
  platform: Platform,
  store: SessionStore,
  connection: Connection,
  kept: LiveConnection,
): Restored {
  const row = store.session()
  const queue = store.queueSize()
  const sentUpTo = Math.max(kept.sentUpTo, row?.sentUpTo ?? 0)
  const bulk = kept.bulk ?? store.liveBulk()
  const unstored = bulk?.session ?? null
  const session = new Session({
    id: kept.session,
    expirySeconds: kept.expirySeconds,
    subscriptions: kept.subscriptions ?? [...store.subscriptions().values()],
    outgoing: {
      lastPosition: Math.max(kept.lastPosition, queue.last, row?.lastPosition ?? 0),
      sentUpTo,
      storedMessages: queue.messages,
      storedBytes: queue.bytes,
      released: unstored?.released ?? store.released(),
    },
    received: unstored?.received ?? store.received(),
    queueMessagesMax: platform.settings.queueMessagesMax,
  })
  const stored = store.queued(0, kept.sentHere, kept.terms.outgoingWindow)
  const storedIds = new Set(stored.map(({ position }) => packetIdOf(position)))
  session.step({
    type: 'awakened',
    terms: kept.terms,
    aliases: bulk?.aliases ?? [],
    unstored: unstored?.inflight.filter((packetId) => !storedIds.has(packetId)) ?? [],
    stored,
    sentOnConnection: kept.sentHere,
    now: platform.now(),
  })
  const stream = new PacketStream(
    platform.settings.packetBytesMax,
    kept.terms.protocolVersion,
    base64ToBytes(kept.pending),
  )
  const live = new Live(connection, kept.terms, stream, kept.lastActivityAt, kept)
  return { session, live, cutOff: false }
}

/** Keeps in the attachment what `awaken` needs; what does not fit goes to storage. */
export function keepLive(store: SessionStore, live: Live, session: Session, home: number | null): void {
  const { lastPosition, sentUpTo, released } = session.outgoing.snapshot()
  const bulk: LiveBulk = {
    aliases: session.aliases,
    session: session.persistent
      ? null
      : {
          inflight: session.outgoing.inflightPacketIds,
          released,
          received: session.received,
        },
  }
  const attachment = (
    subscriptions: LiveConnection['subscriptions'],
    kept: LiveConnection['bulk'],
  ): LiveConnection => ({
    phase: 'live',
    terms: live.terms,
    session: session.id,
    expirySeconds: session.expirySeconds,
    global: live.admission.global,
    credential: live.admission.credential,
    lastActivityAt: live.lastActivityAt,
    pending: bytesToBase64(live.stream.pending),
    lastPosition,
    sentUpTo,
    sentHere: session.outgoing.sentOnConnection,
    subscriptions,
    ...(home !== null && { home }),
    bulk: kept,
  })
  const whole = attachment(session.persistent ? null : [...session.subscriptions.values()], bulk)
  if (attachmentBytes(whole) <= ATTACHMENT_BYTES_MAX) {
    live.connection.attach(whole)
    return
  }
  // Subscriptions change seldom, and what has not changed is not written.
  if (!session.persistent) keepSubscriptions(store, session)
  const small = attachment(null, bulk)
  const fits = attachmentBytes(small) <= ATTACHMENT_BYTES_MAX
  if (!fits) store.saveLiveBulk(bulk)
  live.connection.attach(fits ? small : attachment(null, null))
}

function keepSubscriptions(store: SessionStore, session: Session): void {
  for (const filter of store.subscriptions().keys())
    if (!session.subscriptions.has(filter)) store.removeSubscription(filter)
  for (const one of session.subscriptions.values()) store.saveSubscription(one, true)
}

/** Serialized, a text takes a byte for each character, or two once any is beyond Latin-1. */
function attachmentBytes(attachment: LiveConnection): number {
  const json = JSON.stringify(attachment)
  return /[\u0100-\uffff]/.test(json) ? json.length * 2 : json.length
}

/** The epoch of the home here where only a live connection's attachment says it; null for none. */
export function attachedHome(connections: readonly Connection[]): number | null {
  return findLive(connections)?.kept.home ?? null
}

function findLive(
  connections: readonly Connection[],
): { readonly connection: Connection; readonly kept: LiveConnection } | null {
  for (const connection of connections) {
    const kept = connection.attachment() as Attachment | null
    if (kept?.phase === 'live') return { connection, kept }
  }
  return null
}
