// A message of the history, as bytes in the actor's storage until the core's store has it.
import type { ClientId } from '../../../src/id/ids.ts'
import { decodeRouted, encodeRouted } from '../../../src/relay/routed.ts'

export interface HistoryMessage {
  readonly epoch: number
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly ttlSeconds: number
  /** Empty for a message of the server. */
  readonly publisher: ClientId
  readonly record: Uint8Array
}

export interface Entry {
  readonly number: number
  readonly bytes: Uint8Array
}

const HEAD_BYTES = 24

/** u32 epoch, f64 number, f64 time, u32 time to live, then the message as it is routed. */
export function encodeEntry({ epoch, number, at, ttlSeconds, publisher, record }: HistoryMessage): Entry {
  const routed = encodeRouted(publisher, record)
  const bytes = new Uint8Array(HEAD_BYTES + routed.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, epoch)
  view.setFloat64(4, number)
  view.setFloat64(12, at)
  view.setUint32(20, ttlSeconds)
  bytes.set(routed, HEAD_BYTES)
  return { number, bytes }
}

/** The record is a view. */
export function decodeEntry(bytes: Uint8Array): HistoryMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { publisher, record } = decodeRouted(bytes.subarray(HEAD_BYTES))
  return {
    epoch: view.getUint32(0),
    number: view.getFloat64(4),
    at: view.getFloat64(12),
    ttlSeconds: view.getUint32(20),
    publisher,
    record,
  }
}
