// Pages of retained messages: bounded in leaves that are asked, in bytes on the way, and in bytes as JSON.
import { expect, test } from 'vitest'
import { RETAINED_LEAVES_MAX, RETAINED_PAGE_BYTES_MAX } from '../../actors/limits.ts'
import { Wide } from '../../actors/wide/wide.ts'
import type { WidePeer } from '../../actors/wide/wide-peer.ts'
import { type HistoryAsked, historyAnswer } from '../../src/api/history.ts'
import { PAGE_JSON_BYTES_MAX } from '../../src/api/paging.ts'
import { wideShard } from '../../src/id/actor-name.ts'
import type { Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { WideCursor } from '../../src/relay/wide.ts'
import { askEdge, fakeEdge } from './fake-edge.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, EU, record } from './samples.ts'

/** A control character of a payload takes six bytes as JSON. */
const MEGABYTE = '\u0001'.repeat(1_000_000)

interface Page {
  readonly items: { readonly topic: string }[]
  readonly next: string | null
}

/** A WideActor whose leaves each retain what `kept` says, and what it asked of them. */
function wideOver(roots: readonly string[], kept: (root: Root) => Uint8Array[]) {
  const asked = { now: 0, atOnce: 0, all: 0 }
  const platform = new FakePlatform(addressOf('wide', EU, '0'), {
    peers: fakePeers({
      leaf: (root) => ({
        retainedFor: async (_filters, after) => {
          asked.all++
          asked.now++
          asked.atOnce = Math.max(asked.atOnce, asked.now)
          await new Promise((done) => setImmediate(done))
          asked.now--
          const records = kept(root).filter((one) => decodeMessage(one).topic > after)
          return { records: packBatch(records), next: null }
        },
      }),
    }),
  })
  const wide = new Wide(platform, 0)
  for (const root of roots) wide.retains(root as Root, true)
  return { asked, wide }
}

const NOTHING = { records: packBatch([]), next: null }

/** The edge over one WideActor; the other shards, and the other regions, retain nothing. */
function edgeOver(wide: Pick<WidePeer, 'retained'>, shard = 0) {
  return fakeEdge(({ id }) => ({
    retained: async (...asked: Parameters<WidePeer['retained']>) =>
      id === String(shard) ? wide.retained(...asked) : NOTHING,
    retainedElsewhere: async () => NOTHING,
  }))
}

async function all(edge: ReturnType<typeof fakeEdge>, query: string) {
  const pages: { bytes: number; items: number }[] = []
  const topics: string[] = []
  let cursor = ''
  do {
    const answer = await askEdge(edge, `/v1/retained?${query}${cursor}`)
    expect(answer.status).toBe(200)
    const text = await answer.text()
    const page = JSON.parse(text) as Page
    pages.push({ bytes: text.length, items: page.items.length })
    topics.push(...page.items.map(({ topic }) => topic))
    cursor = page.next === null ? '' : `&cursor=${page.next}`
  } while (cursor !== '' && pages.length < 1_000)
  return { pages, topics }
}

test('a filter that no root matches asks few leaves side by side, and few in one page', async () => {
  const roots = Array.from({ length: 600 }, (_, i) => `x/${String(i).padStart(3, '0')}`)
  const { asked, wide } = wideOver(roots, () => [])
  let after: WideCursor | null = null
  let pages = 0
  do {
    const before = asked.all
    const page: Awaited<ReturnType<Wide['retained']>> = await wide.retained(['x/+/never'], after)
    expect(asked.all - before).toBeLessThanOrEqual(4 * RETAINED_LEAVES_MAX)
    after = page.next
    pages++
  } while (after !== null)
  expect(asked).toMatchObject({ all: 600, atOnce: RETAINED_LEAVES_MAX })
  expect(pages).toBe(10)
})

test('a filter that matches little gets an empty page with a cursor by HTTP, and all in the end', async () => {
  const roots = Array.from({ length: 2_000 }, (_, i) => `x/${String(i).padStart(4, '0')}`)
  const { asked, wide } = wideOver(roots, (root) => (root === 'x/1999' ? [record('x/1999/last', 'a')] : []))
  const edge = edgeOver(wide)
  const first = await askEdge(edge, '/v1/retained?filter=x/%2B/last')
  expect(await first.json()).toMatchObject({ items: [], next: expect.any(String) })
  expect(asked.all).toBeLessThanOrEqual(1_024)
  expect((await all(edge, 'filter=x/%2B/last')).topics).toEqual(['x/1999/last'])
})

test('a page of many leaves is no larger than one of a single leaf', async () => {
  const roots = Array.from({ length: 20 }, (_, i) => `x/${String.fromCharCode(97 + i)}`)
  const { wide } = wideOver(roots, (root) =>
    ['1', '2', '3'].map((level) => record(`${root}/${level}`, 'x'.repeat(300_000))),
  )
  const topics: string[] = []
  let after: WideCursor | null = null
  do {
    const page: Awaited<ReturnType<Wide['retained']>> = await wide.retained(['x/#'], after)
    expect(page.records.length).toBeLessThan(RETAINED_PAGE_BYTES_MAX + 10_000)
    topics.push(...unpackBatch(page.records).map((one) => decodeMessage(one).topic))
    after = page.next
  } while (after !== null)
  expect(topics).toEqual(roots.flatMap((root) => ['1', '2', '3'].map((level) => `${root}/${level}`)))
})

test('thirty megabytes of control characters come in pages that are bounded as JSON, each message once', async () => {
  const topics = Array.from({ length: 30 }, (_, i) => `x/y/${String(i).padStart(2, '0')}`)
  const { wide } = wideOver(['x/y'], () => topics.map((topic) => record(topic, MEGABYTE)))
  const got = await all(edgeOver(wide, wideShard('x/y' as Root)), 'filter=x/y/%23&limit=100')
  expect(got.topics).toEqual(topics)
  for (const { bytes, items } of got.pages)
    if (items > 1) expect(bytes).toBeLessThan(PAGE_JSON_BYTES_MAX + 1_000)
  expect(Math.max(...got.pages.map(({ bytes }) => bytes))).toBeLessThan(6_001_000)
})

test('a page of history is bounded as JSON, and the next one goes on after its last message', async () => {
  const place = (number: number) => ({ at: 1_000 + number, epoch: 1, number })
  const kept = (number: number) => ({
    ...place(number),
    publisher: '',
    record: record('rooms/1/a', '\u0001'.repeat(300_000)),
  })
  const asked = { filter: 'rooms/1/a', from: 0, to: 9_000, after: null } as unknown as HistoryAsked
  const messages = [1, 2, 3, 4].map(kept)
  const answer = (await historyAnswer(
    asked,
    { status: 'done', messages, next: null, seam: null },
    null,
  )) as Response
  const page = (await answer.json()) as { items: { number: number }[]; next: string }
  expect(page.items.map(({ number }) => number)).toEqual([1, 2])
  expect(JSON.parse(atob(page.next))).toMatchObject({ after: place(2) })
  expect(PAGE_JSON_BYTES_MAX).toBeLessThan(3 * 1_800_000)
})
