// Encodes the body of a relay call for HTTP: as JSON, or as a frame. Inside a process bytes are Uint8Array in every version.
import { bytesToBase64 } from './base64.ts'
import { decodeFrame, encodeFrame, FRAME_TYPE, FrameError, referringText, stringifyWith } from './frame.ts'
import { Pieces } from './pieces.ts'
import type { RelayVersion } from './version.ts'

/** The size of one body, request or answer. The edge's platform accepts 100 MB, but an actor has only 128 MB of memory. */
export const BODY_BYTES_MAX = 32 * 1024 * 1024

const JSON_TYPE = 'application/json'

export interface EncodedBody {
  readonly type: string
  readonly content: string | Uint8Array<ArrayBuffer>
}

/** A body that cannot be read. The message names the fault. */
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
 * The body of a JSON text (bytes are base64 in it) or of a frame. Throws a `BodyError`.
 * @param views true: the bytes are views of `content`. False: each is a copy, so that one stored message does not hold the whole
 * body in memory
 */
export function decodeBody(type: string | null, content: Uint8Array, { views }: { views: boolean }): unknown {
  const framed = type?.split(';')[0]?.trim().toLowerCase() === FRAME_TYPE
  try {
    return framed ? decodeFrame(content, views) : JSON.parse(new TextDecoder().decode(content))
  } catch (cause) {
    throw new BodyError(cause instanceof FrameError ? cause.message : 'The body is not JSON', { cause })
  }
}
