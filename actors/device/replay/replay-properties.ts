// User properties of a message from the history: its time and its name.
import { describe } from '../../../src/mqtt/message-description.ts'
import type { HistoryPlace } from '../../../src/relay/history.ts'

/** The message's own properties, then `history-at`, and `history-id` as `<epoch>.<number>`. */
export function withTime(properties: Uint8Array, { at, epoch, number }: HistoryPlace): Uint8Array {
  const added = describe({
    userProperties: [
      ['history-at', new Date(at).toISOString()],
      ['history-id', `${epoch}.${number}`],
    ],
  })
  const all = new Uint8Array(properties.length + added.length)
  all.set(properties)
  all.set(added, properties.length)
  return all
}
