// History rows, the same in both stores: their time to live, and where a page ends.
import type { HistoryMessage, HistoryPlace, HistoryRow } from '../../src/relay/history.ts'
import type { HistoryPage } from './port.ts'

/** The seconds left of a row's time to live, which began when its home accepted it; 0 or less if it has expired. */
export function secondsLeft({ at, ttlSeconds }: HistoryRow, clock: number): number {
  return Math.ceil(ttlSeconds - Math.max(0, clock - at) / 1000)
}

export function placeOf({ at, epoch, number }: HistoryMessage): HistoryPlace {
  return { at, epoch, number }
}

/** @param limit of the request: a page with as many rows may have a next one */
export function pageOf(messages: readonly HistoryMessage[], limit: number): HistoryPage {
  const last = messages.at(-1)
  return { messages, next: last === undefined || messages.length < limit ? null : placeOf(last) }
}
