// Marks messages of the outbox as acknowledged. Their publisher no longer has them, so no receiver may refuse one for lack of room.

import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import type { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'
import type { LaneItem } from './lane.ts'

type Mark = NonNullable<Message['acknowledged']>

/** Call before the item is sent. */
export function markAcknowledged(item: LaneItem): void {
  const { record } = item
  if (record !== null && isAcknowledged(item) && markOf(record) === undefined)
    item.record = marked(record, 'new')
}

/**
 * The record to send again, under another name, if an acknowledged message did not reach all its receivers; some get it twice.
 * Either it was not marked at its first try, and a receiver had no room, or an actor on the way failed, which passes.
 * Null if the message is not acknowledged, was refused despite its mark, or did not fail.
 */
export function markedAgain(item: LaneItem, record: Uint8Array, outcome: Outcome): Uint8Array | null {
  const failed = outcome === Reason.UnspecifiedError
  const full = outcome === Reason.QuotaExceeded && markOf(record) !== 'again'
  return isAcknowledged(item) && (failed || full) ? marked(record, 'again') : null
}

function isAcknowledged({ row, settle }: LaneItem): boolean {
  return row !== null && settle === null
}

function markOf(routed: Uint8Array): Message['acknowledged'] {
  return decodeMessage(decodeRouted(routed).record).acknowledged
}

function marked(routed: Uint8Array, acknowledged: Mark): Uint8Array {
  const { publisher, record, turn } = decodeRouted(routed)
  return encodeRouted(publisher, encodeMessage({ ...decodeMessage(record), acknowledged }), turn)
}
