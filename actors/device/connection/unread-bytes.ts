// The bytes that a client has been sent and may not have read. The platform does not say what waits in a WebSocket
// (docs/decisions/0026-a-client-that-does-not-read.md), so each packet of the client counts as the sign that it has read all
// that it was sent before.
import { SOCKET_UNREAD_BYTES_MAX } from '../../limits.ts'

/** In the attachment of a connection. */
export interface KeptUnread {
  readonly bytes: number
  /** When a message was first dropped for want of room, ms since the epoch; null if none was. */
  readonly fullAt: number | null
}

export class UnreadBytes {
  bytes: number
  /** As in `KeptUnread`. */
  fullAt: number | null
  /** Messages that were dropped since the client's last packet, in this memory. */
  dropped = 0

  /** @param kept of a connection that outlived the actor's memory */
  constructor(kept: KeptUnread = { bytes: 0, fullAt: null }) {
    this.bytes = kept.bytes
    this.fullAt = kept.fullAt
  }

  get kept(): KeptUnread {
    return { bytes: this.bytes, fullAt: this.fullAt }
  }

  /** Whether there is room for a message of any size. */
  get hasRoom(): boolean {
    return this.bytes < SOCKET_UNREAD_BYTES_MAX
  }

  sent(bytes: number): void {
    this.bytes += bytes
  }

  drop(now: number): void {
    this.fullAt ??= now
    this.dropped++
  }

  /** A packet of the client has come. */
  packetCame(): void {
    this.bytes = 0
    this.fullAt = null
    this.dropped = 0
  }
}
