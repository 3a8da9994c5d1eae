// What every store must do with the registry: entries, indexes, pages and notices. Part of the shared suite.
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EntryKey, Index, IndexCursor, RegistryStore } from '../../k8s-core/store/registry-port.ts'
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'

const EU = 'eu' as RegionId
const US = 'us' as RegionId
const WIDE: Index = { name: 'devices', buckets: 64 }

function freshFleet(): FleetId {
  return `fleet-${randomUUID()}` as FleetId
}

export function describeRegistry(
  pods: () => { readonly store: RegistryStore; readonly otherPod: RegistryStore },
): void {
  let store: RegistryStore
  let otherPod: RegistryStore
  beforeAll(() => {
    ;({ store, otherPod } = pods())
  })

  const keyOf = (fleet: FleetId, id: string): EntryKey => ({ fleet, kind: 'device', id })

  /** @param indexes of the new state */
  async function put(
    fleet: FleetId,
    id: string,
    body: string | null,
    indexes: readonly Index[] = [],
    left: readonly Index[] = [],
    notify: readonly RegionId[] = [],
  ): Promise<number> {
    const rows = (some: readonly Index[]) => some.map((index) => ({ index, entry: id }))
    return store.change(keyOf(fleet, id), 'read', (_, version) => ({
      result: version,
      write: { body, indexed: rows(indexes), unindexed: rows(left), notify },
    }))
  }

  async function all(fleet: FleetId, index: Index, prefix = '', limit = 7): Promise<string[]> {
    const found: string[] = []
    let after: IndexCursor | null = null
    do {
      const page = await otherPod.indexed({ fleet, index, prefix, after, limit })
      expect(page.rows.length).toBeLessThanOrEqual(limit)
      found.push(...page.rows.map(({ entry }) => entry))
      after = page.next
    } while (after !== null)
    return found
  }

  describe('registry entries', () => {
    it('one that was never made is null', async () => {
      expect(await store.entry(keyOf(freshFleet(), 'lamp'))).toBeNull()
    })

    it('is what was written, in every pod, under a version that grows', async () => {
      const fleet = freshFleet()
      const before = Date.now()
      const first = await put(fleet, 'lamp', '{"a":1}')
      expect(first).toBeGreaterThanOrEqual(before)
      expect(await otherPod.entry(keyOf(fleet, 'lamp'))).toEqual({ version: first, body: '{"a":1}' })
      const second = await put(fleet, 'lamp', '{"a":2}')
      expect(second).toBeGreaterThan(first)
      expect(await otherPod.entry(keyOf(fleet, 'lamp'))).toEqual({ version: second, body: '{"a":2}' })
      expect(await store.entry({ fleet, kind: 'claim-token', id: 'lamp' })).toBeNull()
    })

    it('one that is removed has no body, and its version goes on when it is made again', async () => {
      const fleet = freshFleet()
      await put(fleet, 'lamp', '1')
      const removed = await put(fleet, 'lamp', null)
      expect(await otherPod.entry(keyOf(fleet, 'lamp'))).toEqual({ version: removed, body: null })
      for (const start of ['absent', 'read'] as const) {
        const again = await store.change(keyOf(fleet, 'lamp'), start, (former, version) => {
          expect(start === 'read' || former === null || former.version >= removed).toBe(true)
          return { result: version, write: { body: '2', indexed: [], unindexed: [], notify: [] } }
        })
        expect(again).toBeGreaterThan(removed)
      }
    })

    it('a decision that writes nothing changes nothing', async () => {
      const fleet = freshFleet()
      const version = await put(fleet, 'lamp', '1')
      expect(
        await store.change(keyOf(fleet, 'lamp'), 'absent', (former) => ({
          result: former?.body ?? '',
          write: null,
        })),
      ).toSatisfy(
        // Started without a look, it may have decided on nothing.
        (body) => body === '' || body === '1',
      )
      expect(await store.entry(keyOf(fleet, 'lamp'))).toEqual({ version, body: '1' })
    })

    it('of many changes at once none is lost', async () => {
      const fleet = freshFleet()
      const key = keyOf(fleet, 'counter')
      const add = (pod: RegistryStore) =>
        pod.change(key, 'read', (former) => {
          const body = String(Number(former?.body ?? 0) + 1)
          return { result: body, write: { body, indexed: [], unindexed: [], notify: [] } }
        })
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => add(i % 2 === 0 ? store : otherPod)),
      )
      expect(new Set(results).size).toBe(20)
      expect((await store.entry(key))?.body).toBe('20')
    }, 60_000)

    it('of many that make it, each without a look, one does, and the others decide on what that made', async () => {
      const key = keyOf(freshFleet(), 'lamp')
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          (i % 2 === 0 ? store : otherPod).change(key, 'absent', (former) =>
            former === null
              ? { result: 'made', write: { body: String(i), indexed: [], unindexed: [], notify: [] } }
              : { result: 'found', write: null },
          ),
        ),
      )
      expect(results.filter((result) => result === 'made')).toHaveLength(1)
    }, 60_000)
  })

  describe('registry indexes', () => {
    it('an index without entries is empty', async () => {
      expect(await all(freshFleet(), WIDE)).toEqual([])
    })

    it('pages through all entries, each once, in the same order every time', async () => {
      const fleet = freshFleet()
      const ids = Array.from({ length: 50 }, (_, i) => `lamp-${i}`)
      await Promise.all(ids.map((id) => put(fleet, id, '{}', [WIDE])))
      const found = await all(fleet, WIDE)
      expect([...found].sort()).toEqual([...ids].sort())
      expect(await all(fleet, WIDE, '', 50)).toEqual(found)
      expect(await all(fleet, WIDE, '', 1)).toEqual(found)
    }, 60_000)

    it('what is made or removed while somebody pages repeats and hides nothing else', async () => {
      const fleet = freshFleet()
      const ids = Array.from({ length: 40 }, (_, i) => `lamp-${i}`)
      await Promise.all(ids.map((id) => put(fleet, id, '{}', [WIDE])))
      const found: string[] = []
      let after: IndexCursor | null = null
      for (let i = 0; ; i++) {
        const page = await store.indexed({ fleet, index: WIDE, prefix: '', after, limit: 5 })
        found.push(...page.rows.map(({ entry }) => entry))
        await put(fleet, `new-${i}`, '{}', [WIDE])
        after = page.next
        if (after === null) break
        // Where it goes on from is taken out.
        await put(fleet, after.entry, null, [], [WIDE])
      }
      const old = found.filter((id) => id.startsWith('lamp'))
      expect([...old].sort()).toEqual([...ids].sort())
      expect(new Set(found).size).toBe(found.length)
    }, 60_000)

    it('finds by the beginning of an entry', async () => {
      const fleet = freshFleet()
      const ids = ['a', 'ab', 'abc', 'abd', 'ac', 'b', 'ab\u{10ffff}', 'äb']
      await Promise.all(ids.map((id) => put(fleet, id, '{}', [WIDE])))
      expect((await all(fleet, WIDE, 'ab', 2)).sort()).toEqual(['ab', 'abc', 'abd', 'ab\u{10ffff}'].sort())
      expect(await all(fleet, WIDE, 'ä', 2)).toEqual(['äb'])
      expect(await all(fleet, WIDE, 'x', 2)).toEqual([])
    })

    it('an entry is found where its last change says, and nowhere else', async () => {
      const fleet = freshFleet()
      const [kitchen, hall]: Index[] = [
        { name: 'group kitchen', buckets: 64 },
        { name: 'group hall', buckets: 64 },
      ] as [Index, Index]
      await put(fleet, 'lamp', '1', [WIDE, kitchen])
      await put(fleet, 'lamp', '2', [WIDE, hall], [kitchen])
      expect([await all(fleet, kitchen), await all(fleet, hall)]).toEqual([[], ['lamp']])
      await put(fleet, 'lamp', '3', [WIDE, kitchen], [hall])
      expect([await all(fleet, kitchen), await all(fleet, hall)]).toEqual([['lamp'], []])
      await put(fleet, 'lamp', null, [], [WIDE, kitchen])
      expect([await all(fleet, kitchen), await all(fleet, WIDE)]).toEqual([[], []])
    })

    it('an old removal removes nothing newer', async () => {
      const fleet = freshFleet()
      const first = await put(fleet, 'lamp', '1', [WIDE])
      const second = await put(fleet, 'lamp', '2', [WIDE])
      await store.unindex(fleet, { index: WIDE, entry: 'lamp' }, first)
      expect(await all(fleet, WIDE)).toEqual(['lamp'])
      await store.unindex(fleet, { index: WIDE, entry: 'lamp' }, second)
      expect(await all(fleet, WIDE)).toEqual([])
    })

    it('other fleets are other indexes', async () => {
      const [one, other] = [freshFleet(), freshFleet()]
      await put(one, 'lamp', '1', [WIDE])
      expect(await all(other, WIDE)).toEqual([])
    })
  })

  describe('notices', () => {
    const ours = async (fleet: FleetId) =>
      (await Promise.all([EU, US].map((region) => otherPod.notices(region, 10_000))))
        .flat()
        .filter((one) => one.fleet === fleet)

    it('stand for each region from when the change is stored until the region confirms it', async () => {
      const fleet = freshFleet()
      const version = await put(fleet, 'lamp', '1', [], [], [EU, US])
      const notice = { fleet, client: 'lamp' as ClientId, version }
      expect(await ours(fleet)).toEqual([
        { region: EU, ...notice },
        { region: US, ...notice },
      ])
      await store.noticed({ region: EU, ...notice })
      expect(await ours(fleet)).toEqual([{ region: US, ...notice }])
    })

    it('one of a later change stays when the earlier is confirmed', async () => {
      const fleet = freshFleet()
      const first = await put(fleet, 'lamp', '1', [], [], [EU])
      const second = await put(fleet, 'lamp', '2', [], [], [EU])
      const client = 'lamp' as ClientId
      await store.noticed({ region: EU, fleet, client, version: first })
      expect(await ours(fleet)).toEqual([{ region: EU, fleet, client, version: second }])
      await store.noticed({ region: EU, fleet, client, version: second })
      expect(await ours(fleet)).toEqual([])
    })
  })
}
