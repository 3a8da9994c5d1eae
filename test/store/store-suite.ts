// What every store must do, whatever stands behind it: each sentence of the port is a test here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { describeHistory } from './history-suite.ts'
import { describeHomes, EU, FLEET, freshRoot, US } from './home-suite.ts'
import { describeRegistry } from './registry-suite.ts'
import { describeStates } from './state-suite.ts'

/** A durable place with nothing in it. Each store opened on it is one more pod. */
export interface StorePlace {
  open(): Promise<RegisteringStore>
  drop(): Promise<void>
}

const SETUP_MS = 300_000

/** Opens two pods on a new place for what is described within. */
function describePods(
  name: string,
  newPlace: () => Promise<StorePlace>,
  within: (
    pods: () => { readonly place: StorePlace } & Record<'store' | 'otherPod', RegisteringStore>,
  ) => void,
): void {
  describe(name, () => {
    let place: StorePlace
    let store: RegisteringStore
    let otherPod: RegisteringStore

    beforeAll(async () => {
      place = await newPlace()
      store = await place.open()
      otherPod = await place.open()
      await store.migrate()
    }, SETUP_MS)

    afterAll(async () => {
      await store?.close()
      await otherPod?.close()
      await place?.drop()
    }, SETUP_MS)

    within(() => ({ place, store, otherPod }))
  })
}

/** What homes sync, alone: for a store that does only that in another way. */
export function describeSynced(name: string, newPlace: () => Promise<StorePlace>): void {
  describePods(name, newPlace, (pods) => {
    describeStates(pods)
    describeHistory(pods)
  })
}

export function describeStore(name: string, newPlace: () => Promise<StorePlace>): void {
  describePods(name, newPlace, (pods) => {
    let place: StorePlace
    let store: RegisteringStore
    beforeAll(() => {
      ;({ place, store } = pods())
    })

    describe('migrations', () => {
      it('change nothing the second time', async () => {
        const root = freshRoot()
        await store.claimHome(FLEET, root, EU, 0)
        await store.migrate()
        expect(await store.home(FLEET, root)).toEqual({ region: EU, epoch: 1, importFrom: [] })
        expect(await store.recentHome(FLEET, root)).toEqual({ region: EU, epoch: 1, importFrom: [] })
      })

      it('can be run by several pods at once', async () => {
        const empty = await newPlace()
        const pods = await Promise.all([empty.open(), empty.open(), empty.open()])
        try {
          await Promise.all(pods.map((pod) => pod.migrate()))
          const root = freshRoot()
          expect(await pods[0]!.claimHome(FLEET, root, EU, 0)).toMatchObject({ claimed: true })
          expect(await pods[1]!.home(FLEET, root)).toMatchObject({ region: EU })
          expect(await pods[2]!.home(FLEET, root)).toMatchObject({ region: EU })
        } finally {
          await Promise.all(pods.map((pod) => pod.close()))
          await empty.drop()
        }
      }, 60_000)
    })

    describeHomes(pods)

    describeStates(pods)

    describeHistory(pods)

    describeRegistry(() => ({ store: pods().store.registry, otherPod: pods().otherPod.registry }))

    describe('the clock', () => {
      it('is one for all pods, and near the right time', () => {
        expect(Math.abs(store.now() - pods().otherPod.now())).toBeLessThan(1_000)
        expect(Math.abs(store.now() - Date.now())).toBeLessThan(3_000)
      })
    })

    describe('life', () => {
      it('a store that can serve answers a ping', async () => {
        await expect(store.ping()).resolves.toBeUndefined()
      })

      it('a closed store refuses a ping and may be closed twice', async () => {
        const pod = await place.open()
        await pod.close()
        await pod.close()
        await expect(pod.ping()).rejects.toThrow()
      })

      it('everything is there after all pods went and new ones came', async () => {
        const own = await newPlace()
        try {
          const [kept, released] = [freshRoot(), freshRoot()]
          const before = await own.open()
          await before.migrate()
          await before.claimHome(FLEET, kept, EU, 0)
          await before.claimHome(FLEET, kept, US, 1)
          await before.claimHome(FLEET, released, EU, 0)
          await before.releaseHome(FLEET, released, 1)
          await before.close()

          const after = await own.open()
          await after.migrate()
          expect(await after.home(FLEET, kept)).toEqual({ region: US, epoch: 2, importFrom: [EU] })
          expect(await after.claimHome(FLEET, released, US, 0)).toMatchObject({ home: { epoch: 2 } })
          await after.close()
        } finally {
          await own.drop()
        }
      }, 60_000)
    })
  })
}
