// A message as leaf, uplink and core pass it on: with its publisher (for No Local) and, if only one member of a group gets it,
// with the shared subscription.
import type { ClientId, RegionId } from '../id/ids.ts'

export interface Routed {
  readonly publisher: ClientId
  /** Null for a message to all subscribers except members of shared subscriptions. */
  readonly turn: ShareTurn | null
  /** The message's record; see `encodeMessage`. */
  readonly record: Uint8Array
}

/** A message for one member of a group. */
export interface ShareTurn {
  /** `$share/group/filter`. */
  readonly share: string
  /**
   * `offer`: to a connected member; if there is none, the outcome is Outcome.ClientAway, and the message stays with the sender.
   * `keep`: to a member in the destination's region, connected or not. `choose`: to a member in any region.
   */
  readonly mode: 'offer' | 'keep' | 'choose'
  /** Regions that have no members, as they answered. */
  readonly without: readonly RegionId[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Stands in the place of a publisher's length, which is at most 128. */
const HAS_TURN = 0xff

/** With a turn: 0xff, u16 length, the turn as JSON. Then always: u8 length, publisher, record. */
export function encodeRouted(
  publisher: ClientId,
  record: Uint8Array,
  turn: ShareTurn | null = null,
): Uint8Array {
  const name = encoder.encode(publisher)
  const turnBytes = turn === null ? null : encoder.encode(JSON.stringify(turn))
  const head = turnBytes === null ? 0 : 3 + turnBytes.length
  const bytes = new Uint8Array(head + 1 + name.length + record.length)
  if (turnBytes !== null) {
    bytes[0] = HAS_TURN
    new DataView(bytes.buffer).setUint16(1, turnBytes.length)
    bytes.set(turnBytes, 3)
  }
  bytes[head] = name.length // a client id has at most 128 bytes
  bytes.set(name, head + 1)
  bytes.set(record, head + 1 + name.length)
  return bytes
}

/** The message's record, a view of the bytes. */
export function recordOf(bytes: Uint8Array): Uint8Array {
  let at = 0
  if (bytes[0] === HAS_TURN) at = 3 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(1)
  return bytes.subarray(at + 1 + (bytes[at] ?? 0))
}

/** The record is a view of the bytes. */
export function decodeRouted(bytes: Uint8Array): Routed {
  let at = 0
  let turn: ShareTurn | null = null
  if (bytes[0] === HAS_TURN) {
    if (bytes.length < 3) throw new Error('a routed record ends inside its turn')
    at = 3 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(1)
    if (bytes.length < at) throw new Error('a routed record ends inside its turn')
    turn = JSON.parse(decoder.decode(bytes.subarray(3, at))) as ShareTurn
  }
  const start = at + 1
  const end = start + (bytes[at] ?? 0)
  if (bytes.length < end) throw new Error('a routed record ends inside its publisher')
  return {
    publisher: decoder.decode(bytes.subarray(start, end)) as ClientId,
    turn,
    record: bytes.subarray(end),
  }
}
