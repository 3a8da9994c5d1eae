// What an outbox has is acknowledged: it is marked, so that no receiver refuses it for want of room any more.
import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import { decodeRouted, encodeRouted } from '../../src/relay/routed.ts'
import type { LaneItem } from './lane.ts'

type Owed = NonNullable<Message['owed']>

/** To be called before it is sent. */
export function markOwed(item: LaneItem): void {
  if (isAcknowledged(item) && owedOf(item.record) === undefined) item.record = marked(item.record, 'new')
}

/**
 * A receiver had no room for it, since it was not acknowledged yet when it was first sent. It goes a second time, under
 * another name; other receivers get it twice. Null where it is not acknowledged, or was refused as owed.
 */
export function owedAgain(item: LaneItem): Uint8Array | null {
  return isAcknowledged(item) && owedOf(item.record) !== 'again' ? marked(item.record, 'again') : null
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
