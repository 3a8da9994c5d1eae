// A body of the contract as HTTP carries it: JSON, or a frame. Inside of a process bytes are bytes in every version.
import { bytesToBase64 } from './base64.ts'
import { decodeFrame, encodeFrame, FRAME_TYPE, FrameError, referringText, stringifyWith } from './frame.ts'
import { Pieces } from './pieces.ts'
import type { RelayVersion } from './version.ts'

/** Of one body, request or answer. The platform of the edge allows 100 MB, and has 128 MB of memory. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024

const JSON_TYPE = 'application/json'

export interface EncodedBody {
  readonly type: string
  readonly content: string | Uint8Array<ArrayBuffer>
}

/** A body that cannot be read. The message says what is wrong. */
export class BodyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BodyError'
  }
}

/** @param body JSON values and bytes */
export function encodeBody(version: RelayVersion, body: unknown): EncodedBody {
  if (version === 1)
    return {
      type: JSON_TYPE,
      content: stringifyWith(body, (bytes) =>
        bytesToBase64(bytes instanceof Pieces ? bytes.joined() : bytes),
      ),
    }
  const { text, parts } = referringText(body)
  if (parts.length === 0) return { type: JSON_TYPE, content: text }
  return { type: FRAME_TYPE, content: encodeFrame({ text, parts }) }
}

/**
 * JSON, with base64 in the place of bytes, or a frame's body. Throws a `BodyError`.
 * @param views whether bytes may be views of the whole body. Without: each has a buffer of its own, so that one message that is
 * stored or sent on does not take the whole body with it
 */
export function decodeBody(type: string | null, content: Uint8Array, { views }: { views: boolean }): unknown {
  const framed = type?.split(';')[0]?.trim().toLowerCase() === FRAME_TYPE
  try {
    return framed ? decodeFrame(content, views) : JSON.parse(new TextDecoder().decode(content))
  } catch (cause) {
    throw new BodyError(cause instanceof FrameError ? cause.message : 'The body is not JSON', { cause })
  }
}
