// The binary form of a body between edge and core: a JSON head, then the bytes that the head refers to.
import { z } from 'zod'
import { Pieces } from './pieces.ts'

/**
 * u32 length of the head, big-endian; the head, JSON; the parts, one after the other.
 * The head is `{ "parts": [length, …], "body": … }`. In `body`, `{ "$part": i }` stands for the bytes of part i.
 * Each part has exactly one place in the body, and the frame ends with the last part.
 */
export const FRAME_TYPE = 'application/vnd.starling.relay'

export const FRAME_PARTS_MAX = 65_536
/** Bodies of the contract are at most 8 deep. */
export const FRAME_DEPTH_MAX = 32
const LENGTH_BYTES = 4

const headSchema = z.object({
  parts: z.array(z.int().min(0)).max(FRAME_PARTS_MAX),
  body: z.unknown(),
})

/** Bytes that are not a frame. The message names the fault. */
export class FrameError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FrameError'
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A body as JSON text in which the bytes are references to `parts`. */
export interface ReferringText {
  readonly text: string
  readonly parts: readonly (Uint8Array | Pieces)[]
}

/** @param body JSON values and bytes; no object in it has a key `$part` */
export function referringText(body: unknown): ReferringText {
  const parts: (Uint8Array | Pieces)[] = []
  const text = stringifyWith(body, (bytes) => {
    parts.push(bytes)
    return { $part: parts.length - 1 }
  })
  return { text, parts }
}

/** `JSON.stringify` with a replacement for bytes. It reads the holder's field, since a Buffer's `toJSON` has run before. */
export function stringifyWith(body: unknown, replace: (bytes: Uint8Array | Pieces) => unknown): string {
  return JSON.stringify(body, function (this: Record<string, unknown>, key, value: unknown) {
    const original = this[key]
    return original instanceof Uint8Array || original instanceof Pieces ? replace(original) : value
  })
}

/** Copies each part into the frame: the only copy. */
export function encodeFrame({ text, parts }: ReferringText): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`{"parts":${JSON.stringify(parts.map(({ length }) => length))},"body":${text}}`)
  const size = parts.reduce((sum, { length }) => sum + length, LENGTH_BYTES + head.length)
  const frame = new Uint8Array(size)
  new DataView(frame.buffer).setUint32(0, head.length)
  frame.set(head, LENGTH_BYTES)
  let at = LENGTH_BYTES + head.length
  for (const part of parts) {
    if (part instanceof Pieces) part.writeTo(frame, at)
    else frame.set(part, at)
    at += part.length
  }
  return frame
}

/**
 * The body. Throws a `FrameError`. Its values are unchecked: check them with a schema.
 * @param views true: its bytes are views of the frame. False: each part is copied, after all lengths were checked.
 */
export function decodeFrame(frame: Uint8Array, views: boolean): unknown {
  if (frame.length < LENGTH_BYTES) throw new FrameError('a frame ends inside the length of its head')
  const headLength = new DataView(frame.buffer, frame.byteOffset, LENGTH_BYTES).getUint32(0)
  const headEnd = LENGTH_BYTES + headLength
  if (headEnd > frame.length) throw new FrameError('a frame ends inside its head')
  const { parts: lengths, body } = readHead(frame.subarray(LENGTH_BYTES, headEnd))
  const size = lengths.reduce((sum, length) => sum + length, headEnd)
  if (size !== frame.length) throw new FrameError(`a frame of ${frame.length} bytes declares ${size}`)
  let at = headEnd
  const parts = lengths.map((length) => {
    at += length
    return frame.subarray(at - length, at)
  })
  const placed = new Set<number>()
  const whole = place(body, 0, (i) => {
    const part = typeof i === 'number' ? parts[i] : undefined
    if (part === undefined || placed.has(i as number))
      throw new FrameError(`a frame has no part ${JSON.stringify(i)}, or has it twice`)
    placed.add(i as number)
    return views ? part : part.slice()
  })
  if (placed.size !== parts.length) throw new FrameError('a part of a frame has no place in its body')
  return whole
}

function readHead(bytes: Uint8Array): z.infer<typeof headSchema> {
  let json: unknown
  try {
    json = JSON.parse(decoder.decode(bytes))
  } catch (cause) {
    throw new FrameError('the head of a frame is not JSON', { cause })
  }
  const head = headSchema.safeParse(json)
  if (!head.success)
    throw new FrameError('the head of a frame lacks `parts` or `body`', { cause: head.error })
  return head.data
}

/** A copy of the value with the parts in their places. */
function place(value: unknown, depth: number, part: (i: unknown) => Uint8Array): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > FRAME_DEPTH_MAX) throw new FrameError('the body of a frame is too deep')
  if (Array.isArray(value)) return value.map((one) => place(one, depth + 1, part))
  if (Object.hasOwn(value, '$part')) return part((value as { $part: unknown }).$part)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, place(one, depth + 1, part)]))
}
