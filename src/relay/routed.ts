// A message with its publisher, as leaf, uplink and core pass it on. The publisher is needed for No Local.
import type { ClientId } from '../id/ids.ts'

export interface Routed {
  readonly publisher: ClientId
  /** The message's record; see `encodeMessage`. */
  readonly record: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeRouted(publisher: ClientId, record: Uint8Array): Uint8Array {
  const name = encoder.encode(publisher)
  const bytes = new Uint8Array(1 + name.length + record.length)
  bytes[0] = name.length // a client id has at most 128 bytes
  bytes.set(name, 1)
  bytes.set(record, 1 + name.length)
  return bytes
}

/** A view; the record is not copied. */
export function decodeRouted(bytes: Uint8Array): Routed {
  const length = bytes[0] ?? 0
  if (bytes.length < 1 + length) throw new Error('a routed record ends inside its publisher')
  return {
    publisher: decoder.decode(bytes.subarray(1, 1 + length)) as ClientId,
    record: bytes.subarray(1 + length),
  }
}
