// A region whose core link is cut for a while under load, with room in its outbox for a part of it; `npm run chaos -- --cut 10`
// is the same for ten minutes, and judges the times too.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runCut } from './cut.ts'

test('a region that is cut off fills its outbox to the bound, then refuses with 0x97, goes on inside, and drains in order', {
  timeout: 240_000,
}, async () => {
  const logs = await mkdtemp(path.join(tmpdir(), 'starling-cut-logs-'))
  try {
    const cut = await runCut({ minutes: 0.25, cassandra: [], logs, say: () => undefined })
    expect(cut.failures).toEqual([])
    expect(cut.insideDuring.messages).toBeGreaterThan(cut.outboxMessagesMax / 2)
  } finally {
    await rm(logs, { recursive: true, force: true })
  }
})
