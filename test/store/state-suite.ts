// What every store must do with the states that homes sync: newest wins, fences hold. Part of the shared suite.
import { beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../k8s-core/store/port.ts'
import type { Root } from '../../src/id/ids.ts'
import { noChange, type RootChange } from '../../src/relay/sync.ts'
import { FLEET, freshRoot, type Pods, US } from './home-suite.ts'

export const SESSION = {
  id: 's1',
  expirySeconds: 60,
  disconnectedAt: 1_700_000_000_000,
  subscriptions: [],
  lastPosition: 0,
  sentUpTo: 0,
  released: [],
  received: [],
  seen: [],
}

type Queue = RootChange['queue']

/** Deliveries of one byte, by their positions; null where there is none any more. */
function rows(texts: Readonly<Record<number, string | null>>, session = 's1'): Queue {
  return Object.entries(texts).map(([position, text]) => ({
    session,
    position: Number(position),
    delivery: text === null ? null : new TextEncoder().encode(text),
  }))
}

/** What a region whose clock is at the epoch has changed, if nothing else is said. */
export function changeOf(
  root: Root,
  epoch: number,
  version: number,
  more: Partial<RootChange> = {},
): RootChange {
  return { fleet: FLEET, root, epoch, version, clock: 0, ...noChange(), ...more }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

export function describeStates(pods: Pods): void {
  let store: Store
  let otherPod: Store
  beforeAll(() => {
    ;({ store, otherPod } = pods())
  })

  /** As a home of this epoch would find it. */
  async function taken(root: Root, epoch = 1_000) {
    const { session, retained, interests } = await otherPod.takeState(FLEET, root, epoch)
    return {
      session,
      queue: session?.queue.map(({ position, delivery }) => `${position} ${text(delivery)}`) ?? null,
      retained: retained.map(({ topic, record }) => `${topic} ${text(record)}`),
      interests,
    }
  }

  describe('synced states', () => {
    it('a root that never synced has nothing', async () => {
      expect(await store.takeState(FLEET, freshRoot(), 2)).toEqual({
        session: null,
        sessionEpoch: 0,
        clock: expect.any(Number),
        retained: [],
        interests: [],
        shadows: [],
        presence: [],
      })
    })

    it('what it has is by the clock of the region that synced it, however far that is from the store’s', async () => {
      for (const aheadMs of [-3_600_000, 300_000]) {
        const root = freshRoot()
        const clock = () => Date.now() + aheadMs
        await store.putState(changeOf(root, 1, 1, { session: SESSION, clock: clock() }))
        // Without times in it: that says nothing of the clock.
        await store.putState(changeOf(root, 1, 2, { queue: rows({ 1: 'a' }), clock: 0 }))
        const before = clock()
        const taken = await otherPod.takeState(FLEET, root, 2)
        expect(taken.clock).toBeGreaterThan(before - 1_000)
        expect(taken.clock).toBeLessThan(clock() + 1_000)
      }
    })

    it('all that a home has synced is found through every pod, in order', async () => {
      const root = freshRoot()
      const interests = [{ region: US, plain: true, shares: ['$share/g/x/#'] }]
      const retained = [
        { topic: 'b', record: new TextEncoder().encode('B') },
        { topic: 'a/ü', record: new TextEncoder().encode('A') },
      ]
      const queue = rows({ 12: 'twelve', 3: 'three' })
      const put = changeOf(root, 1, 1, { session: SESSION, interests, retained, queue })
      expect(await store.putState(put)).toBe(true)
      const found = await taken(root)
      expect(found).toMatchObject({ queue: ['3 three', '12 twelve'], retained: ['a/ü A', 'b B'], interests })
      // The session goes on after the last of its queue.
      expect(found.session).toMatchObject({ ...SESSION, lastPosition: 12 })
    })

    it('of each thing the highest epoch and version win, in whatever order they arrive', async () => {
      const changes = (root: Root) => [
        changeOf(root, 1, 1, { session: SESSION, queue: rows({ 1: 'a', 2: 'b', 3: 'c' }) }),
        changeOf(root, 1, 2, { queue: rows({ 1: null, 2: 'b2' }) }),
        changeOf(root, 1, 2 ** 40 - 1, { queue: rows({ 3: null }) }),
        changeOf(root, 2, 0, { session: { ...SESSION, sentUpTo: 2 }, queue: rows({ 3: 'c again' }) }),
      ]
      const orders = [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [1, 0, 3, 2],
        [2, 3, 0, 1],
      ]
      for (const order of orders) {
        const root = freshRoot()
        for (const i of order) await (i % 2 === 0 ? store : otherPod).putState(changes(root)[i]!)
        const found = await taken(root)
        expect(found.queue).toEqual(['2 b2', '3 c again'])
        expect(found.session?.sentUpTo).toBe(2)
      }
    })

    it('what is void is gone, and does not come back with an older write', async () => {
      for (const late of [false, true]) {
        const root = freshRoot()
        const record = new TextEncoder().encode('R')
        const old = changeOf(root, 1, 4, {
          queue: rows({ 1: 'old', 2: 'older' }),
          retained: [{ topic: 't', record }],
        })
        const voided = changeOf(root, 1, 6, {
          session: { ...SESSION, id: 's2' },
          queue: rows({ 1: 'new' }, 's2'),
          queueVoidUpTo: 5,
          retainedVoidUpTo: 5,
        })
        for (const change of late ? [voided, old] : [old, voided]) await store.putState(change)
        const found = await taken(root)
        expect(found).toMatchObject({ queue: ['1 new'], retained: [] })
      }
    })

    it('a new home’s void takes all that older homes had, also what they write later', async () => {
      const root = freshRoot()
      await store.putState(changeOf(root, 1, 9, { session: SESSION, queue: rows({ 1: 'a', 2: 'b' }) }))
      await store.putState(
        changeOf(root, 2, 2, { session: SESSION, queue: rows({ 2: 'b' }), queueVoidUpTo: 1 }),
      )
      await store.putState(changeOf(root, 1, 10, { queue: rows({ 1: 'a', 5: 'late' }) }))
      expect((await taken(root)).queue).toEqual(['2 b'])
    })

    it('shadows are found, read alone, forgotten and void as all else', async () => {
      const root = freshRoot()
      const row = (path: string, shadow: string | null) => ({ path, shadow })
      const shadows = [row('shadow', 'S'), row('shadow/name/b', 'B'), row('shadow/name/a', 'A')]
      await store.putState(changeOf(root, 1, 2, { shadows }))
      await otherPod.putState(changeOf(root, 1, 1, { shadows: [row('shadow', 'older')] }))
      await store.putState(changeOf(root, 1, 3, { shadows: [row('shadow/name/b', null)] }))
      expect((await otherPod.takeState(FLEET, root, 1)).shadows).toEqual([
        row('shadow', 'S'),
        row('shadow/name/a', 'A'),
      ])
      expect(await otherPod.shadow(FLEET, root, 'shadow/name/a')).toBe('A')
      expect(await otherPod.shadow(FLEET, root, 'shadow/name/b')).toBeNull()
      expect(await otherPod.shadow(FLEET, freshRoot(), 'shadow')).toBeNull()
      await store.putState(changeOf(root, 2, 2, { shadows: [row('shadow', 'new')], shadowsVoidUpTo: 1 }))
      await store.putState(changeOf(root, 1, 9, { shadows: [row('shadow/name/a', 'late')] }))
      expect((await otherPod.takeState(FLEET, root, 1_000)).shadows).toEqual([row('shadow', 'new')])
    })

    it('a session that has ended is gone, and what another session has left in the queue is not the next one’s', async () => {
      const root = freshRoot()
      await store.putState(changeOf(root, 1, 1, { session: SESSION, queue: rows({ 1: 'a' }) }))
      await store.putState(changeOf(root, 1, 2, { session: null }))
      expect((await taken(root)).session).toBeNull()
      await store.putState(changeOf(root, 1_000, 3, { session: { ...SESSION, id: 's2' } }))
      expect((await taken(root)).queue).toEqual([])
    })

    it('once a newer home has begun from the store, an older one learns that its changes may be missing there', async () => {
      const root = freshRoot()
      expect(await store.putState(changeOf(root, 1, 1, { session: SESSION }))).toBe(true)
      await otherPod.takeState(FLEET, root, 2)
      expect(await store.putState(changeOf(root, 1, 2, { queue: rows({ 1: 'a' }) }))).toBe(false)
      expect(await store.putState(changeOf(root, 2, 1, { session: SESSION }))).toBe(true)
    })

    it('whose session it has is known, also where that has ended', async () => {
      const root = freshRoot()
      const sessionEpoch = async () => (await otherPod.takeState(FLEET, root, 1_000)).sessionEpoch
      await store.putState(changeOf(root, 3, 1, { session: SESSION }))
      expect(await sessionEpoch()).toBe(3)
      await store.putState(changeOf(root, 5, 2, { queue: rows({ 1: 'a' }) }))
      expect(await sessionEpoch()).toBe(3)
      await store.putState(changeOf(root, 6, 1, { session: null }))
      expect(await sessionEpoch()).toBe(6)
    })

    it('a change of nothing only asks whether a newer home has begun, and changes nothing', async () => {
      const root = freshRoot()
      expect(await store.putState(changeOf(root, 1, 0))).toBe(true)
      expect(await store.putState(changeOf(root, 1, 1, { session: SESSION }))).toBe(true)
      expect(await store.putState(changeOf(root, 1, 0))).toBe(true)
      expect((await taken(root, 2)).session).not.toBeNull()
      expect(await store.putState(changeOf(root, 1, 0))).toBe(false)
      expect(await store.putState(changeOf(root, 2, 0))).toBe(true)
    })

    it('writes that race with a new home are in what it finds, or were refused', async () => {
      for (let round = 0; round < 5; round++) {
        const root = freshRoot()
        await store.putState(changeOf(root, 1, 1, { session: SESSION }))
        const positions = Array.from({ length: 20 }, (_, i) => i + 1)
        const puts = positions.map(async (position) => {
          const change = changeOf(root, 1, position + 1, { queue: rows({ [position]: 'x' }) })
          return (await store.putState(change)) ? position : 0
        })
        const state = await otherPod.takeState(FLEET, root, 2)
        const found = new Set(state.session?.queue.map(({ position }) => position))
        const applied = (await Promise.all(puts)).filter((position) => position > 0)
        expect(applied.filter((position) => !found.has(position))).toEqual([])
      }
    }, 60_000)

    it('a queue of ten thousand is found whole', async () => {
      const root = freshRoot()
      for (let from = 1; from <= 10_000; from += 1_000) {
        const texts = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [from + i, 'x']))
        await store.putState(changeOf(root, 1, from, { session: SESSION, queue: rows(texts) }))
      }
      const state = await otherPod.takeState(FLEET, root, 2)
      expect(state.session?.queue.map(({ position }) => position)).toEqual(
        Array.from({ length: 10_000 }, (_, i) => i + 1),
      )
    }, 120_000)

    it('a version past 40 bits, or an epoch past 23, is a bug, and thrown', async () => {
      await expect(store.putState(changeOf(freshRoot(), 1, 2 ** 40))).rejects.toThrow(RangeError)
      await expect(store.putState(changeOf(freshRoot(), 2 ** 23, 1))).rejects.toThrow(RangeError)
    })
  })
}
