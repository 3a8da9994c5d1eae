// What every store must do with messages that are kept: each once, in order, page by page, and no longer than they should.
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import type { HistoryRange, Store } from '../../k8s-core/store/port.ts'
import type { Root } from '../../src/id/ids.ts'
import type { HistoryPlace, HistoryRow } from '../../src/relay/history.ts'
import { FLEET, freshRoot, type Pods } from './home-suite.ts'

const HOUR_MS = 3_600_000
const DAY_S = 86_400

export function describeHistory(pods: Pods): void {
  let store: Store
  let otherPod: Store
  beforeAll(() => {
    ;({ store, otherPod } = pods())
  })

  /** @param at before now, ms */
  function row(number: number, at: number, more: Partial<HistoryRow> = {}): HistoryRow {
    const record = new TextEncoder().encode(`${number}`)
    return { epoch: 1, number, at, publisher: 'lamp', record, ttlSeconds: 400 * DAY_S, ...more }
  }

  function put(root: Root, history: HistoryRow[], clock = Date.now()): Promise<void> {
    return store.putHistory({ fleet: FLEET, root, clock, history })
  }

  async function page(root: Root, more: Partial<HistoryRange> = {}) {
    const range = { from: 0, to: Date.now() + 1_000, order: 'oldest', after: null, limit: 100 } as const
    const { messages, next } = await otherPod.history({ fleet: FLEET, root, ...range, ...more })
    return { numbers: messages.map(({ number }) => number), messages, next }
  }

  async function all(root: Root, more: Partial<HistoryRange> = {}): Promise<number[]> {
    const numbers: number[] = []
    for (let after: HistoryPlace | null = null, pages = 0; pages < 100; pages++) {
      const read: Awaited<ReturnType<typeof page>> = await page(root, { ...more, after })
      numbers.push(...read.numbers)
      after = read.next
      if (after === null) return numbers
    }
    throw new Error('there is no last page')
  }

  describe('history', () => {
    it('a root of which nothing was kept has none', async () => {
      expect(await page(freshRoot())).toEqual({ numbers: [], messages: [], next: null })
    })

    it('a message comes back as it was given, through every pod', async () => {
      const root = freshRoot()
      const kept = row(1, Date.now() - 5_000)
      await put(root, [kept])
      const { ttlSeconds: _, ...message } = kept
      expect((await page(root)).messages).toEqual([message])
    })

    it('the same message given again is there once', async () => {
      const root = freshRoot()
      const rows = [row(1, Date.now() - 5_000), row(2, Date.now() - 5_000)]
      await put(root, rows)
      await put(root, rows)
      await otherPod.putHistory({ fleet: FLEET, root, clock: Date.now() + 2_000, history: rows })
      expect(await all(root)).toEqual([1, 2])
    })

    it('messages are in the order of time, epoch and number, whatever order they came in', async () => {
      const root = freshRoot()
      const at = Date.now() - 60_000
      await put(root, [row(12, at + 1), row(3, at, { epoch: 2 })])
      await put(root, [row(11, at), row(2, at, { epoch: 2 }), row(9, at - 1)])
      expect(await all(root)).toEqual([9, 11, 2, 3, 12])
      expect(await all(root, { order: 'newest' })).toEqual([12, 3, 2, 11, 9])
    })

    it.each(['oldest', 'newest'] as const)(
      'pages, the %s first, have each message once across hours that are empty',
      async (order) => {
        const root = freshRoot()
        const now = Date.now()
        const rows = Array.from({ length: 60 }, (_, i) =>
          row(i, now - (60 - i) * 60_000 - (i < 30 ? 200 * 24 * HOUR_MS : 0)),
        )
        await put(root, rows)
        const expected = rows.map(({ number }) => number)
        if (order === 'newest') expected.reverse()
        for (const limit of [1, 7, 30, 60, 100])
          expect(await all(root, { order, limit }), `pages of ${limit}`).toEqual(expected)
      },
    )

    it('a range has its beginning and not its end, in both orders and after any place', async () => {
      const root = freshRoot()
      const at = Date.now() - 10_000
      await put(root, [row(1, at), row(2, at + 1), row(3, at + 2), row(4, at + 3)])
      const range = { from: at + 1, to: at + 3 }
      expect(await all(root, range)).toEqual([2, 3])
      expect(await all(root, { ...range, order: 'newest' })).toEqual([3, 2])
      const before = { at: at - 500, epoch: 1, number: 0 }
      const behind = { at: at + 500, epoch: 1, number: 0 }
      expect((await page(root, { ...range, after: before })).numbers).toEqual([2, 3])
      expect((await page(root, { ...range, after: behind })).numbers).toEqual([])
      expect((await page(root, { ...range, order: 'newest', after: behind })).numbers).toEqual([3, 2])
      expect((await page(root, { ...range, order: 'newest', after: before })).numbers).toEqual([])
      expect((await page(root, { from: at + 3, to: at })).numbers).toEqual([])
      expect((await page(root, { to: Number.MAX_SAFE_INTEGER, order: 'newest', limit: 1 })).numbers).toEqual([
        4,
      ])
    })

    it('a message has its time to live from when it was accepted, by the clock of its home', async () => {
      const root = freshRoot()
      const hourAhead = Date.now() + HOUR_MS
      await put(
        root,
        [
          row(1, hourAhead - 70_000, { ttlSeconds: 60 }),
          row(2, hourAhead - 57_000, { ttlSeconds: 60 }),
          row(3, hourAhead, { ttlSeconds: 60 }),
        ],
        hourAhead,
      )
      const range = { to: hourAhead + 1 }
      expect(await all(root, range)).toEqual([2, 3])
      await sleep(4_500)
      expect(await all(root, range)).toEqual([3])
    }, 20_000)

    it('an hour that is left of many leads to the next ones, page by page', async () => {
      const root = freshRoot()
      const now = Date.now()
      const rows = Array.from({ length: 230 }, (_, i) => row(i, now - (230 - i) * HOUR_MS))
      await put(root, rows)
      expect(await all(root, { limit: 1_000 })).toEqual(rows.map(({ number }) => number))
      expect(await all(root, { limit: 1_000, order: 'newest' })).toHaveLength(230)
    }, 30_000)

    it('fleets and roots are apart', async () => {
      const [one, other] = [freshRoot(), freshRoot()]
      await put(one, [row(1, Date.now())])
      expect(await all(other)).toEqual([])
    })
  })
}
