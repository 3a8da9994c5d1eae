// The session and the live connection of an actor that comes into memory, from storage and the socket's attachment.
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
  /** The connection ended with the process, before the session was stored as disconnected. */
  readonly cutOff: boolean
}

/** @param connections all open ones; one of them may have been live before the actor's memory was lost */
export function restore(
  platform: Platform,
  store: SessionStore,
  connections: readonly Connection[],
): Restored {
  const found = findLive(connections)
  if (found !== null) return awaken(platform, store, found.connection, found.attachment)
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
      ...queue.stored,
      released: store.released(),
    },
    received: store.received(),
    queue: platform.settings.queue,
  })
  return { session, live: null, cutOff: row.disconnectedAt === null || row.expirySeconds === 0 }
}

function awaken(
  platform: Platform,
  store: SessionStore,
  connection: Connection,
  attachment: LiveConnection,
): Restored {
  const row = store.session()
  const queue = store.queueSize()
  const sentUpTo = Math.max(attachment.sentUpTo, row?.sentUpTo ?? 0)
  const bulk = attachment.bulk ?? store.liveBulk()
  const unstored = bulk?.session ?? null
  const session = new Session({
    id: attachment.session,
    expirySeconds: attachment.expirySeconds,
    subscriptions: attachment.subscriptions ?? [...store.subscriptions().values()],
    outgoing: {
      lastPosition: Math.max(attachment.lastPosition, queue.last, row?.lastPosition ?? 0),
      sentUpTo,
      ...queue.stored,
      released: unstored?.released ?? store.released(),
    },
    received: unstored?.received ?? store.received(),
    queue: platform.settings.queue,
  })
  const stored = store.queued(0, attachment.sentHere, attachment.terms.outgoingWindow)
  const storedIds = new Set(stored.map(({ position }) => packetIdOf(position)))
  session.step({
    type: 'awakened',
    terms: attachment.terms,
    aliases: bulk?.aliases ?? [],
    unstored: unstored?.inflight.filter((packetId) => !storedIds.has(packetId)) ?? [],
    stored,
    sentOnConnection: attachment.sentHere,
    now: platform.now(),
  })
  const stream = new PacketStream(
    platform.settings.packetBytesMax,
    attachment.terms.protocolVersion,
    base64ToBytes(attachment.pending),
  )
  const { terms, lastActivityAt, unread } = attachment
  const live = new Live(connection, terms, stream, lastActivityAt, attachment, unread)
  return { session, live, cutOff: false }
}

/** Writes the attachment that `awaken` reads. State that does not fit is written to storage. */
export function attachLive(store: SessionStore, live: Live, session: Session, home: number | null): void {
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
    bulkHere: LiveConnection['bulk'],
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
    ...(session.retaining.length > 0 && { retainedWaits: true as const }),
    ...(home !== null && { home }),
    ...(live.unread.bytes > 0 && { unread: live.unread.kept }),
    bulk: bulkHere,
  })
  const whole = attachment(session.persistent ? null : [...session.subscriptions.values()], bulk)
  if (attachmentBytes(whole) <= ATTACHMENT_BYTES_MAX) {
    live.connection.attach(whole)
    return
  }
  // Subscriptions rarely change, and an unchanged subscription is not written again.
  if (!session.persistent) storeSubscriptions(store, session)
  const small = attachment(null, bulk)
  const fits = attachmentBytes(small) <= ATTACHMENT_BYTES_MAX
  if (!fits) store.saveLiveBulk(bulk)
  live.connection.attach(fits ? small : attachment(null, null))
}

function storeSubscriptions(store: SessionStore, session: Session): void {
  for (const filter of store.subscriptions().keys())
    if (!session.subscriptions.has(filter)) store.removeSubscription(filter)
  for (const one of session.subscriptions.values()) store.saveSubscription(one, true)
}

/** Serialized, a text takes a byte for each character, or two once any is beyond Latin-1. */
function attachmentBytes(attachment: LiveConnection): number {
  const json = JSON.stringify(attachment)
  return /[\u0100-\uffff]/.test(json) ? json.length * 2 : json.length
}

/** The epoch of the home here if a live connection's attachment has it; null if none has. */
export function attachedHome(connections: readonly Connection[]): number | null {
  return findLive(connections)?.attachment.home ?? null
}

function findLive(
  connections: readonly Connection[],
): { readonly connection: Connection; readonly attachment: LiveConnection } | null {
  for (const connection of connections) {
    const attachment = connection.attachment() as Attachment | null
    if (attachment?.phase === 'live') return { connection, attachment }
  }
  return null
}
