// Writes a live connection's state into its socket's attachment, with a delay, once for all changes in between. The delay is shorter
// than the silence after which an actor hibernates.
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { ATTACHMENT_DELAY_MS, ATTACHMENT_PENDING_BYTES_MAX, PARTIAL_PACKET_MS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { DeviceState } from '../device-state.ts'
import type { SessionStore } from '../session/session-store.ts'
import { attachLive } from './restore.ts'

export class AttachmentWriter {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly state: DeviceState
  private readonly home: () => number | null
  private readonly close: (reason: ReasonCode) => void
  private planned = false

  /**
   * @param home the epoch of the home here if no row has it
   * @param close closes the live connection
   */
  constructor(
    platform: Platform,
    store: SessionStore,
    state: DeviceState,
    home: () => number | null,
    close: (reason: ReasonCode) => void,
  ) {
    this.platform = platform
    this.store = store
    this.state = state
    this.home = home
    this.close = close
  }

  plan(): void {
    if (this.planned) return
    this.planned = true
    this.platform.after(ATTACHMENT_DELAY_MS, () => {
      this.planned = false
      this.save()
    })
  }

  save(): void {
    const { live, session } = this.state
    if (live === null || session === null || live.closed) return
    if (live.partialFor(this.platform.now()) > PARTIAL_PACKET_MS_MAX) this.close(Reason.ProtocolError)
    else if (live.stream.pending.length > ATTACHMENT_PENDING_BYTES_MAX) this.plan()
    else attachLive(this.store, live, session, this.home())
  }
}
