// A client's socket: keeps what it was sent, and the attachment in the form and within the bound of workerd.
import { deserialize, serialize } from 'node:v8'
import type { Connection } from '../../actors/platform.ts'
import { PLATFORM_ATTACHMENT_BYTES_MAX } from '../../actors/platform-bounds.ts'

/** An attachment in the form of workerd. Throws on one past the bound of workerd. */
export function attachmentBytes(attachment: unknown): Uint8Array {
  const bytes = serialize(structuredClone(attachment))
  if (bytes.length > PLATFORM_ATTACHMENT_BYTES_MAX) throw new Error(`an attachment of ${bytes.length} bytes`)
  return bytes
}

export class FakeConnection implements Connection {
  readonly frames: Uint8Array[] = []
  /** How the server closed it, or null. */
  closing: { readonly code: number; readonly reason: string } | null = null
  /** The client's end is gone: nothing arrives any more. */
  gone = false
  private kept: Uint8Array | null = null

  get open(): boolean {
    return this.closing === null && !this.gone
  }

  get attachmentBytes(): number {
    return this.kept?.length ?? 0
  }

  send(frame: Uint8Array): void {
    if (this.open) this.frames.push(frame.slice())
  }

  close(code: number, reason: string): void {
    this.closing ??= { code, reason }
  }

  attachment(): unknown {
    return this.kept === null ? null : deserialize(this.kept)
  }

  attach(attachment: unknown): void {
    this.kept = attachmentBytes(attachment)
  }
}
