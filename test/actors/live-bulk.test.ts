// What of a live connection does not fit into its attachment: one row, whatever its topics are.
import { expect, test } from 'vitest'
import { bulkOf, bulkText, type LiveBulk } from '../../actors/device/connection/attachment.ts'
import { PLATFORM_ROW_BYTES_MAX } from '../../actors/platform-bounds.ts'
import { TOPIC_ALIASES_INCOMING_MAX } from '../../src/session/limits.ts'

const SESSION = { inflight: [1, 2], released: [3], received: [65_535] }

test('aliases for the largest topics fit into a row, and are read as they were', () => {
  const aliases = Array.from(
    { length: TOPIC_ALIASES_INCOMING_MAX },
    (_, i) => [i + 1, `${i}/\n${'\u0001'.repeat(65_000)}`] as const,
  )
  const bulk: LiveBulk = { aliases, session: SESSION }
  const text = bulkText(bulk)
  expect(new TextEncoder().encode(text).length).toBeLessThan(PLATFORM_ROW_BYTES_MAX)
  expect(bulkOf(text)).toEqual(bulk)
})

test('without aliases nothing follows, and a persistent session has its lists elsewhere', () => {
  expect(bulkOf(bulkText({ aliases: [], session: null }))).toEqual({ aliases: [], session: null })
})

test('what an earlier release stored is read', () => {
  const bulk: LiveBulk = { aliases: [[7, 'rooms/1/chat']], session: SESSION }
  expect(bulkOf(JSON.stringify(bulk))).toEqual(bulk)
})
