// What both stores agree on of history: for how long a row is kept, and where a page ends.
import type { HistoryMessage, HistoryPlace, HistoryRow } from '../../src/relay/history.ts'
import type { HistoryPage } from './port.ts'

/** Seconds that are left of a row's time to live, from when its home accepted it; 0 or less: it is over. */
export function secondsLeft({ at, ttlSeconds }: HistoryRow, clock: number): number {
  return Math.ceil(ttlSeconds - Math.max(0, clock - at) / 1000)
}

export function placeOf({ at, epoch, number }: HistoryMessage): HistoryPlace {
  return { at, epoch, number }
}

/** @param limit as many as were asked for: then there may be more */
export function pageOf(messages: readonly HistoryMessage[], limit: number): HistoryPage {
  const last = messages.at(-1)
  return { messages, next: last === undefined || messages.length < limit ? null : placeOf(last) }
}
