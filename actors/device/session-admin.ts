// What an administrator asks of a client's session, at its home.
import type { ClientId } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { HomeSessionResponse, SessionFacts, SessionVerb } from '../../src/relay/session-admin.ts'
import type { Session } from '../../src/session/session.ts'
import type { Platform } from '../platform.ts'
import type { Device } from './device.ts'

/** Reason String of the DISCONNECT. */
const SAID = 'an administrator has closed the connection'

/** @param epoch of the home that the core takes this region for; null: answers only if the home is known to be here */
export async function administer(
  platform: Platform,
  device: Device,
  verb: SessionVerb,
  epoch: number | null,
): Promise<HomeSessionResponse> {
  const { home } = device.leaf
  const here = epoch === null ? home.knowledge.at === 'here' : await home.isHere(epoch)
  if (!here) return home.moved
  device.endIfExpired()
  const { session } = device.parts.state
  if (session === null) return { status: 'done', session: null, purged: 0 }
  const found = factsOf(platform, device, session)
  const before = device.parts.facts.dropped
  if (verb === 'kick' || verb === 'end') device.closeLive(Reason.AdministrativeAction, 'published', SAID)
  if (verb === 'end') device.endSession()
  if (verb === 'purge') device.purgeQueue(session)
  return { status: 'done', session: found, purged: device.parts.facts.dropped - before }
}

function factsOf(platform: Platform, device: Device, session: Session): SessionFacts {
  const { facts, state, store } = device.parts
  const { outgoing } = session
  const { storedMessages, storedBytes } = outgoing.snapshot()
  const away = state.live === null ? (store.session()?.disconnectedAt ?? platform.now()) : null
  const expiresAt = away === null ? null : new Date(away + session.expirySeconds * 1000).toISOString()
  return {
    client: platform.address.id as ClientId,
    region: platform.region,
    connected: state.live !== null,
    expirySeconds: session.expirySeconds,
    expiresAt,
    subscriptions: [...session.subscriptions.values()].map(({ filter, qos }) => ({ filter, qos })),
    queue: {
      messages: storedMessages,
      bytes: storedBytes,
      inFlight: outgoing.inflightPacketIds.length,
      dropped: facts.dropped,
    },
  }
}
