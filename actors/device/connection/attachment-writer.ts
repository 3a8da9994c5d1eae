// Keeps a live connection's state in its socket's attachment: a moment later, once for all that happens meanwhile, since an
// actor hibernates only after a longer silence.
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import type { Session } from '../../../src/session/session.ts'
import { ATTACHMENT_DELAY_MS, ATTACHMENT_PENDING_BYTES_MAX, PARTIAL_PACKET_MS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { SessionStore } from '../session/session-store.ts'
import type { Live } from './live.ts'
import { keepLive } from './restore.ts'

/** The device whose connection it is. */
export interface Attached {
  live(): Live | null
  session(): Session | null
  close(reason: ReasonCode): void
}

export class AttachmentWriter {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly device: Attached
  private planned = false

  constructor(platform: Platform, store: SessionStore, device: Attached) {
    this.platform = platform
    this.store = store
    this.device = device
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
    const live = this.device.live()
    const session = this.device.session()
    if (live === null || session === null || live.closed) return
    if (live.partialFor(this.platform.now()) > PARTIAL_PACKET_MS_MAX) this.device.close(Reason.ProtocolError)
    else if (live.stream.pending.length > ATTACHMENT_PENDING_BYTES_MAX) this.plan()
    else keepLive(this.store, live, session)
  }
}
