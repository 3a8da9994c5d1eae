// A message as leaf, uplink and core pass it on: with its publisher, whom No Local needs, and with the shared subscription
// whose turn it is, where one member of a group is to get it and nobody else.
import type { ClientId, RegionId } from '../id/ids.ts'

export interface Routed {
  readonly publisher: ClientId
  /** Null for a message to all subscribers but those of shared subscriptions. */
  readonly turn: ShareTurn | null
  /** The message's record; see `encodeMessage`. */
  readonly record: Uint8Array
}

/** One member of the group is to get the message. */
export interface ShareTurn {
  /** `$share/group/filter`. */
  readonly share: string
  /**
   * `offer`: to somebody who is there, else the outcome is Outcome.ClientAway, and the sender still has the message.
   * `keep`: to somebody of the region that it goes to, who may be away. `choose`: to somebody anywhere.
   */
  readonly mode: 'offer' | 'keep' | 'choose'
  /** Regions that have turned out to have no members. */
  readonly without: readonly RegionId[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** In the place of a publisher's length, which is at most 128. */
const HAS_TURN = 0xff

/** u8 length and publisher, then the record; before them, where there is a turn, 0xff, u16 length and the turn as JSON. */
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

/** The message's record in a routed one; a view of it. */
export function recordOf(bytes: Uint8Array): Uint8Array {
  let at = 0
  if (bytes[0] === HAS_TURN) at = 3 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(1)
  return bytes.subarray(at + 1 + (bytes[at] ?? 0))
}

/** A view; the record is not copied. */
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
