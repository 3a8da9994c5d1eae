// The only place where a device's actor holds its session and its connection: the phase of its life.
import type { Session } from '../../src/session/session.ts'
import type { Live } from './connection/live.ts'
import { type DevicePhase, restoredPhase } from './device-life.ts'

/** Holds the phase. The device changes it by `device-life.ts`; the device's parts read it. */
export class DeviceState {
  private now: DevicePhase

  /** @param live of the session; null if no connection survived */
  constructor(session: Session | null, live: Live | null) {
    this.now = restoredPhase(session, live)
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

  enter(phase: DevicePhase): void {
    this.now = phase
  }
}
