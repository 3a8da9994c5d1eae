// What an outbox has is acknowledged: it is marked, so that no receiver refuses it for want of room any more.

import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import type { Outcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'
import type { LaneItem } from './lane.ts'

type Owed = NonNullable<Message['owed']>

/** To be called before it is sent. */
export function markOwed(item: LaneItem): void {
  if (isAcknowledged(item) && owedOf(item.record) === undefined) item.record = marked(item.record, 'new')
}

/**
 * What goes once more, under another name, of an acknowledged message that not all its receivers have; the others get it twice.
 * One had no room for it, since it was not acknowledged yet when it was first sent; or an actor on the way failed, which passes.
 * Null where it is not acknowledged, was refused as owed too, or is no failure at all.
 */
export function owedAgain(item: LaneItem, outcome: Outcome): Uint8Array | null {
  const failed = outcome === Reason.UnspecifiedError
  const full = outcome === Reason.QuotaExceeded && owedOf(item.record) !== 'again'
  return isAcknowledged(item) && (failed || full) ? marked(item.record, 'again') : null
}

function isAcknowledged({ row, settle }: LaneItem): boolean {
  return row !== null && settle === null
}

function owedOf(routed: Uint8Array): Message['owed'] {
  return decodeMessage(decodeRouted(routed).record).owed
}

function marked(routed: Uint8Array, owed: Owed): Uint8Array {
  const { publisher, record, turn } = decodeRouted(routed)
  return encodeRouted(publisher, encodeMessage({ ...decodeMessage(record), owed }), turn)
}
