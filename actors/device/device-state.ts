// Whether a client is connected, away or absent: the only place where a device's actor holds its session and its connection.
import type { Session } from '../../src/session/session.ts'
import type { Live } from './connection/live.ts'

export type DevicePhase =
  /** The client has no session here. */
  | { readonly is: 'absent' }
  /** The session waits for its client. */
  | { readonly is: 'away'; readonly session: Session }
  | { readonly is: 'connected'; readonly session: Session; readonly live: Live }

const ABSENT: DevicePhase = { is: 'absent' }

/** Holds the phase. The device changes it; the device's parts read it. */
export class DeviceState {
  private now: DevicePhase

  /** @param live of the session; null if no connection survived */
  constructor(session: Session | null, live: Live | null) {
    this.now = phaseOf(session, live)
  }

  get phase(): DevicePhase {
    return this.now
  }

  get session(): Session | null {
    return this.now.is === 'absent' ? null : this.now.session
  }

  get live(): Live | null {
    return this.now.is === 'connected' ? this.now.live : null
  }

  /** Whether this session is the current one. */
  has(session: Session): boolean {
    return this.session === session
  }

  connected(session: Session, live: Live): void {
    this.now = { is: 'connected', session, live }
  }

  disconnected(): void {
    this.now = phaseOf(this.session, null)
  }

  /** Replaces the current session. @param session null: the session has ended */
  replaced(session: Session | null): void {
    if (session === null && this.now.is === 'connected')
      throw new Error('a session ends only after its connection')
    this.now = phaseOf(session, this.live)
  }
}

function phaseOf(session: Session | null, live: Live | null): DevicePhase {
  if (session === null) return ABSENT
  return live === null ? { is: 'away', session } : { is: 'connected', session, live }
}
