// What every store must do with homes: claims, imports, releases and their races. Part of the shared suite.
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ClaimResult, Store } from '../../k8s-core/store/port.ts'
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'

export const FLEET = 'default' as FleetId
export const EU = 'eu' as RegionId
export const US = 'us' as RegionId
export const AP = 'ap' as RegionId

export function freshRoot(): Root {
  return `devices/${randomUUID()}` as Root
}

/** Two pods on one place; asked for when they are open. */
export type Pods = () => { readonly store: Store; readonly otherPod: Store }

export function describeHomes(pods: Pods): void {
  let store: Store
  let otherPod: Store
  beforeAll(() => {
    ;({ store, otherPod } = pods())
  })

  describe('homes', () => {
    it('a root that was never claimed has none', async () => {
      expect(await store.home(FLEET, freshRoot())).toBeNull()
    })

    it('the first home has epoch 1 and nothing to import', async () => {
      const root = freshRoot()
      const home = { region: EU, epoch: 1, importFrom: [] }
      expect(await store.claimHome(FLEET, root, EU, 0)).toEqual({ claimed: true, home })
      expect(await store.home(FLEET, root)).toEqual(home)
    })

    it('a claim is seen at once through every other pod', async () => {
      const root = freshRoot()
      for (let epoch = 0; epoch < 10; epoch++) {
        const [claimer, reader] = epoch % 2 === 0 ? [store, otherPod] : [otherPod, store]
        await claimer.claimHome(FLEET, root, epoch % 2 === 0 ? EU : US, epoch)
        expect((await reader.home(FLEET, root))?.epoch).toBe(epoch + 1)
      }
    })

    it('a home that moves has the next epoch and imports from the former one', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      const home = { region: US, epoch: 2, importFrom: [EU] }
      expect(await otherPod.claimHome(FLEET, root, US, 1)).toEqual({ claimed: true, home })
      expect(await store.home(FLEET, root)).toEqual(home)
    })

    it('a region that claims its own home again imports nothing from itself', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      const home = { region: EU, epoch: 2, importFrom: [] }
      expect(await store.claimHome(FLEET, root, EU, 1)).toEqual({ claimed: true, home })
    })

    it('a region that claims its own home again still has to import what it had to', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      const home = { region: US, epoch: 3, importFrom: [EU] }
      expect(await store.claimHome(FLEET, root, US, 2)).toEqual({ claimed: true, home })
    })

    it('a claim with a stale expectation gets the home and changes nothing', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      const home = { region: US, epoch: 2, importFrom: [EU] }
      for (const stale of [0, 1, 3]) {
        expect(await otherPod.claimHome(FLEET, root, AP, stale)).toEqual({ claimed: false, home })
      }
      expect(await store.home(FLEET, root)).toEqual(home)
    })

    it('a claim that expects a home where there is none gets that answer', async () => {
      const root = freshRoot()
      expect(await store.claimHome(FLEET, root, EU, 7)).toEqual({ claimed: false, home: null })
      expect(await store.home(FLEET, root)).toBeNull()
    })

    it('the same root of another fleet is another root', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      expect(await store.home('other' as FleetId, root)).toBeNull()
    })

    it('a root may hold any characters of a topic', async () => {
      const root = `räume/'"; -- 🏠 ${randomUUID()}` as Root
      await store.claimHome(FLEET, root, EU, 0)
      expect(await otherPod.home(FLEET, root)).toMatchObject({ region: EU })
    })

    it('an epoch that is no epoch is a bug, and thrown', async () => {
      await expect(store.claimHome(FLEET, freshRoot(), EU, -1)).rejects.toThrow(RangeError)
      await expect(store.claimHome(FLEET, freshRoot(), EU, 0.5)).rejects.toThrow(RangeError)
    })
  })

  describe('imports', () => {
    it('a confirmed import is no longer open', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      expect(await store.confirmImport(FLEET, root, 2, EU)).toBe(true)
      expect(await otherPod.home(FLEET, root)).toEqual({ region: US, epoch: 2, importFrom: [] })
    })

    it('homes that were not asked yet are passed on, the oldest first, until each is confirmed', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      const home = { region: AP, epoch: 3, importFrom: [EU, US] }
      expect(await otherPod.claimHome(FLEET, root, AP, 2)).toEqual({ claimed: true, home })
      expect(await store.confirmImport(FLEET, root, 3, US)).toBe(true)
      expect(await otherPod.home(FLEET, root)).toEqual({ ...home, importFrom: [EU] })
      // Whoever claims does not ask itself.
      expect(await store.claimHome(FLEET, root, EU, 3)).toMatchObject({ home: { importFrom: [AP] } })
    })

    it('a confirmation may come twice', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      expect(await store.confirmImport(FLEET, root, 2, EU)).toBe(true)
      expect(await otherPod.confirmImport(FLEET, root, 2, EU)).toBe(true)
    })

    it('a confirmation of another epoch is refused and changes nothing', async () => {
      const root = freshRoot()
      expect(await store.confirmImport(FLEET, root, 1, EU)).toBe(false)
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      expect(await store.confirmImport(FLEET, root, 1, EU)).toBe(false)
      expect(await store.confirmImport(FLEET, root, 3, EU)).toBe(false)
      expect(await store.home(FLEET, root)).toEqual({ region: US, epoch: 2, importFrom: [EU] })
    })
  })

  describe('a directory that has gone back', () => {
    const restore = (root: Root, region: RegionId, epoch: number, pod = store) =>
      pod.restoreHome(FLEET, root, { region, epoch }, [AP, EU, US])

    it('takes a newer home at its own epoch, to import as it would have after a claim', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      const home = { region: US, epoch: 2, importFrom: [EU] }
      expect(await restore(root, US, 2, otherPod)).toEqual(home)
      expect(await store.home(FLEET, root)).toEqual(home)
      expect(await restore(root, EU, 3)).toEqual({ region: EU, epoch: 3, importFrom: [US] })
      expect(await store.claimHome(FLEET, root, AP, 3)).toMatchObject({ claimed: true, home: { epoch: 4 } })
    })

    it('has the home ask all regions where it has forgotten more than one, those that it knows first', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      const home = { region: US, epoch: 4, importFrom: [EU, AP] }
      expect(await restore(root, US, 4)).toEqual(home)
      expect(await otherPod.home(FLEET, root)).toEqual(home)
    })

    it('takes a home of which it has nothing', async () => {
      const [first, later] = [freshRoot(), freshRoot()]
      expect(await restore(first, US, 1)).toEqual({ region: US, epoch: 1, importFrom: [] })
      expect(await restore(later, US, 2)).toEqual({ region: US, epoch: 2, importFrom: [AP, EU] })
      expect(await otherPod.home(FLEET, later)).toMatchObject({ region: US, epoch: 2 })
    })

    it('stays as it is where its epoch is as high, whoever the home is', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      const home = { region: US, epoch: 2, importFrom: [EU] }
      expect(await restore(root, EU, 1)).toEqual(home)
      expect(await restore(root, AP, 2, otherPod)).toEqual(home)
      expect(await restore(root, US, 2)).toEqual(home)
      expect(await store.home(FLEET, root)).toEqual(home)
    })

    it('does not take back a release, but for a newer home', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.releaseHome(FLEET, root, 1)
      expect(await restore(root, EU, 1, otherPod)).toBeNull()
      expect(await restore(root, US, 2)).toEqual({ region: US, epoch: 2, importFrom: [] })
    })

    it('is put right by many at once, and by the newest in the end', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      const epochs = Array.from({ length: 8 }, (_, i) => 2 + i)
      await Promise.all(
        epochs.map((epoch) => restore(root, epoch % 2 === 0 ? US : AP, epoch, epoch < 6 ? store : otherPod)),
      )
      expect(await store.home(FLEET, root)).toMatchObject({ region: AP, epoch: 9 })
    }, 60_000)

    it('takes no epoch that is none', async () => {
      await expect(restore(freshRoot(), EU, 0)).rejects.toThrow(RangeError)
    })
  })

  describe('releases', () => {
    it('a released root has no home', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      expect(await store.releaseHome(FLEET, root, 1)).toBe(true)
      expect(await otherPod.home(FLEET, root)).toBeNull()
    })

    it('the next claim of a released root gets a higher epoch and has nothing to import', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      await store.releaseHome(FLEET, root, 2)
      const home = { region: AP, epoch: 3, importFrom: [] }
      expect(await otherPod.claimHome(FLEET, root, AP, 0)).toEqual({ claimed: true, home })
    })

    it('epochs never go back, however often a root is claimed and released', async () => {
      const root = freshRoot()
      for (let epoch = 1; epoch <= 6; epoch++) {
        expect(await store.claimHome(FLEET, root, EU, 0)).toMatchObject({ claimed: true, home: { epoch } })
        expect(await otherPod.releaseHome(FLEET, root, epoch)).toBe(true)
      }
    })

    it('a released root refuses claims that expect its old home', async () => {
      const root = freshRoot()
      await store.claimHome(FLEET, root, EU, 0)
      await store.releaseHome(FLEET, root, 1)
      expect(await otherPod.claimHome(FLEET, root, US, 1)).toEqual({ claimed: false, home: null })
      expect(await otherPod.confirmImport(FLEET, root, 1, EU)).toBe(false)
    })

    it('a release of another epoch is refused and changes nothing', async () => {
      const root = freshRoot()
      expect(await store.releaseHome(FLEET, root, 1)).toBe(false)
      await store.claimHome(FLEET, root, EU, 0)
      await store.claimHome(FLEET, root, US, 1)
      expect(await store.releaseHome(FLEET, root, 1)).toBe(false)
      expect(await store.home(FLEET, root)).toMatchObject({ region: US, epoch: 2 })
      expect(await store.releaseHome(FLEET, root, 2)).toBe(true)
      expect(await store.releaseHome(FLEET, root, 2)).toBe(false)
    })
  })

  describe('races', () => {
    function race(root: Root, expectedEpoch: number): Promise<{ region: RegionId; result: ClaimResult }[]> {
      return Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const region = `r${i}` as RegionId
          const pod = i % 2 === 0 ? store : otherPod
          return { region, result: await pod.claimHome(FLEET, root, region, expectedEpoch) }
        }),
      )
    }

    it('twenty claims of two pods have exactly one winner per epoch', async () => {
      const root = freshRoot()
      for (let epoch = 1; epoch <= 3; epoch++) {
        const outcomes = await race(root, epoch - 1)
        const winners = outcomes.filter(({ result }) => result.claimed)
        expect(winners).toHaveLength(1)
        const home = await store.home(FLEET, root)
        expect(home).toMatchObject({ epoch, region: winners[0]!.region })
        for (const { result } of outcomes) expect(result.home).toEqual(home)
      }
    }, 60_000)

    it('a release and a claim that race leave one truth', async () => {
      for (let i = 0; i < 5; i++) {
        const root = freshRoot()
        await store.claimHome(FLEET, root, EU, 0)
        const [released, claim] = await Promise.all([
          store.releaseHome(FLEET, root, 1),
          otherPod.claimHome(FLEET, root, US, 1),
        ])
        expect(claim.claimed).toBe(!released)
        expect(await store.home(FLEET, root)).toEqual(claim.home)
      }
    }, 60_000)

    it('many roots are claimed at once, each by its claimer', async () => {
      const roots = Array.from({ length: 50 }, freshRoot)
      const results = await Promise.all(roots.map((root) => store.claimHome(FLEET, root, EU, 0)))
      expect(results.every(({ claimed }) => claimed)).toBe(true)
    }, 60_000)
  })
}
