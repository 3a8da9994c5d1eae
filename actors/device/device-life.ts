// The life of a device, as a pure step: how connections and sessions begin and end, and what follows from that, in order.
// `device.ts` performs the effects; `device-state.ts` holds the phase.
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import type { Session } from '../../src/session/session.ts'
import type { Live } from './connection/live.ts'
import type { Ending } from './explain/device-facts.ts'

export type DevicePhase =
  /** The client has no session here. */
  | { readonly is: 'absent' }
  /** The session waits for its client. */
  | { readonly is: 'away'; readonly session: Session }
  | { readonly is: 'connected'; readonly session: Session; readonly live: Live }

/** `unpublished`: the next home publishes the end of the connection. */
export type PresencePublishing = 'published' | 'unpublished'

export type LifeInput =
  /** The actor has come into memory. @see Restored for `cutOff` */
  | { readonly is: 'began'; readonly cutOff: boolean }
  /** A CONNECT is admitted and this region is the home. `expired`: the session's time is over. */
  | { readonly is: 'returned'; readonly cleanStart: boolean; readonly expired: boolean }
  /** The connection of that CONNECT is the live one. */
  | { readonly is: 'connected'; readonly session: Session; readonly live: Live }
  /** This actor closes the connection. `reason`: for DISCONNECT; null after the client's DISCONNECT. `said`: Reason String. */
  | {
      readonly is: 'closed'
      readonly reason: ReasonCode | null
      readonly presence: PresencePublishing
      readonly said?: string
    }
  /** The peer has closed, or is not reached. */
  | { readonly is: 'lost' }
  | { readonly is: 'session-ended'; readonly why: Ending }
  /** This home begins with a former home's session, or none. */
  | { readonly is: 'imported'; readonly session: Session | null }
  /** The next home has everything: the session's rows are deleted. */
  | { readonly is: 'released' }

/** To be performed in order, each completely before the next. */
export type LifeEffect =
  | {
      readonly do: 'close'
      readonly live: Live
      readonly reason: ReasonCode | null
      readonly said?: string
    }
  /** The peer has left: nothing more can be sent. */
  | { readonly do: 'end-connection'; readonly live: Live }
  /** Note for `explain` that a newer connection takes the session over. */
  | { readonly do: 'note-takeover' }
  /** The session's own step for the end of its connection. */
  | { readonly do: 'disconnect-session'; readonly session: Session }
  /** Store when the session's wait began, wake the actor when it is over, offer its shared messages to other members. */
  | { readonly do: 'store-away'; readonly session: Session }
  /** Delete the session and its rows, leave its shared messages to other members, unsubscribe at the leaves. */
  | { readonly do: 'delete-session'; readonly session: Session; readonly why: Ending }
  | {
      readonly do: 'presence-ended'
      readonly reason: ReasonCode | null
      readonly presence: PresencePublishing
    }
  /** Publish the stored events that former processes or homes have left. */
  | { readonly do: 'publish-presence' }
  /** The connection's will is due, or its delay begins. `expirySeconds`: of the session; 0 if it has ended. */
  | { readonly do: 'will-begins'; readonly expirySeconds: number }
  /** As `will-begins`, for a connection that ended with an earlier process. */
  | { readonly do: 'will-remains'; readonly expirySeconds: number }
  /** Delete the delayed will if the session is resumed, else publish it. */
  | { readonly do: 'will-returned'; readonly resumed: boolean }
  /** The next input of this life. Performed here, before the effects that follow. */
  | { readonly do: 'input'; readonly input: LifeInput }

interface LifeStep {
  readonly phase: DevicePhase
  readonly effects: readonly LifeEffect[]
}

export const ABSENT: DevicePhase = { is: 'absent' }

/** The phase of an actor that comes into memory. @param live null if no connection survived */
export function restoredPhase(session: Session | null, live: Live | null): DevicePhase {
  if (session === null) return ABSENT
  return live === null ? { is: 'away', session } : { is: 'connected', session, live }
}

/** @throws if a session would end while its connection is live, or a second connection would begin: bugs of the caller */
export function step(phase: DevicePhase, input: LifeInput): LifeStep {
  const { is } = phase
  switch (input.is) {
    case 'began': {
      if (is === 'connected') return { phase, effects: [{ do: 'publish-presence' }] }
      const ended: LifeEffect[] = [
        { do: 'presence-ended', reason: null, presence: 'published' },
        { do: 'will-remains', expirySeconds: is === 'away' ? waitSeconds(phase.session, input.cutOff) : 0 },
        { do: 'publish-presence' },
      ]
      return { phase, effects: is === 'away' && input.cutOff ? [...left(phase.session), ...ended] : ended }
    }
    case 'returned': {
      if (is === 'connected') throw new Error('the older connection must end first') // [MQTT-3.1.4-3]
      if (is === 'absent') return { phase, effects: [{ do: 'will-returned', resumed: false }] }
      const will: LifeEffect = { do: 'will-returned', resumed: !input.cleanStart && !input.expired }
      if (input.expired) return { phase, effects: [ended('session-expired'), will] }
      return { phase, effects: input.cleanStart ? [will, ended('discarded')] : [will] } // [MQTT-3.1.2-4]
    }
    case 'connected': {
      if (is === 'connected') throw new Error('the older connection must end first')
      if (is === 'away' && phase.session !== input.session)
        throw new Error('the older session must end first')
      const { session, live } = input
      return { phase: { is: 'connected', session, live }, effects: [] }
    }
    case 'closed': {
      if (is !== 'connected') return { phase, effects: [] }
      const { session, live } = phase
      const { reason, presence, said } = input
      const close: LifeEffect = { do: 'close', live, reason, ...(said !== undefined && { said }) }
      const takeover: LifeEffect[] = reason === Reason.SessionTakenOver ? [{ do: 'note-takeover' }] : []
      const effects = [...takeover, close, ...connectionEnded(session, reason ?? live.farewell, presence)]
      return { phase: { is: 'away', session }, effects }
    }
    case 'lost': {
      if (is !== 'connected') return { phase, effects: [] }
      const { session, live } = phase
      const effects: LifeEffect[] = [{ do: 'end-connection', live }]
      return {
        phase: { is: 'away', session },
        effects: [...effects, ...connectionEnded(session, null, 'published')],
      }
    }
    case 'session-ended':
      if (is === 'connected') throw new Error('a session ends only after its connection')
      if (is === 'absent') return { phase, effects: [] }
      return { phase: ABSENT, effects: [{ do: 'delete-session', session: phase.session, why: input.why }] }
    case 'imported':
      if (is === 'connected' && input.session === null)
        throw new Error('a session ends only after its connection')
      return { phase: restoredPhase(input.session, is === 'connected' ? phase.live : null), effects: [] }
    case 'released':
      if (is === 'connected') throw new Error('a session ends only after its connection')
      return { phase: ABSENT, effects: [] }
    default:
      return input satisfies never
  }
}

/** Whether the session waits for its client after its connection has ended. */
export function outlivesConnection(session: Session): boolean {
  return session.persistent && session.expirySeconds > 0
}

/** Session, presence, will: in this order, since the will must not be delayed beyond a session that has just ended. */
function connectionEnded(
  session: Session,
  reason: ReasonCode | null,
  presence: PresencePublishing,
): LifeEffect[] {
  return [
    ...left(session),
    { do: 'presence-ended', reason, presence },
    { do: 'will-begins', expirySeconds: waitSeconds(session, true) },
  ]
}

function left(session: Session): LifeEffect[] {
  const disconnect: LifeEffect = { do: 'disconnect-session', session }
  return [disconnect, outlivesConnection(session) ? { do: 'store-away', session } : ended('session-ended')]
}

function ended(why: Ending): LifeEffect {
  return { do: 'input', input: { is: 'session-ended', why } }
}

/** @param left whether a session that ends with its connection ends now */
function waitSeconds(session: Session, left: boolean): number {
  return !left || outlivesConnection(session) ? session.expirySeconds : 0
}
