// Claims of homes whose region hands over, refuses, or does not answer.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Directory } from '../../k8s-core/directory.ts'
import { EdgeSilent, EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import { Silence } from '../../k8s-core/silence.ts'
import type { Store } from '../../k8s-core/store/port.ts'
import { openSqliteStore } from '../../k8s-core/store/sqlite.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { RELEASED, REMAINDER_START } from '../../src/relay/home.ts'
import { noChange } from '../../src/relay/sync.ts'
import { AP, EU, Regions, LAMP_ROOT as ROOT, sessionOf, US } from './regions.ts'

let dir: string
let store: Store
let regions: Regions
let directory: Directory

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'starling-directory-'))
  store = await openSqliteStore(path.join(dir, 'core.sqlite'))
  await store.migrate()
  regions = new Regions()
  directory = new Directory(store, regions.edges, new Silence(regions.edges, 0))
})
afterEach(async () => {
  await store.close()
  await rm(dir, { recursive: true })
})

const claim = (region: RegionId) => directory.claim(DEFAULT_FLEET, ROOT, region)
const home = () => store.home(DEFAULT_FLEET, ROOT)

async function sync(region: RegionId, epoch: number): Promise<void> {
  const { queue: _, ...session } = sessionOf(`synced by ${region}`)
  await store.putState({
    fleet: DEFAULT_FLEET,
    root: ROOT,
    epoch,
    version: 1,
    clock: 0,
    session,
    ...noChange(),
  })
}

function imported(region: RegionId, epoch: number, from: RegionId | null = null, tookUpTo = 0) {
  const took = { ...REMAINDER_START, from, tookUpTo, synced: true, registered: true }
  return directory.imported({ fleet: DEFAULT_FLEET, root: ROOT, region, epoch, ...took })
}

describe('a claim', () => {
  test('of a home whose region answers gets its state from there', async () => {
    await claim(EU)
    await sync(EU, 1)
    expect(await claim(US)).toMatchObject({
      home: { region: US, epoch: 2 },
      state: { session: { id: 'of eu' } },
      synced: false,
    })
  })

  test('of a home that is lost before it has synced anything gets who its predecessor knew to want the root', async () => {
    await claim(EU)
    await sync(EU, 1)
    regions.interests = [{ region: AP, plain: true, shares: ['g'] }]
    await claim(US)
    regions.silent.add(US)
    expect(await claim(EU)).toMatchObject({
      state: { interests: regions.interests, session: { id: 'synced by eu' } },
      synced: true,
    })
  })

  test('keeps nothing newer than what the new home syncs', async () => {
    await claim(EU)
    regions.interests = [{ region: AP, plain: true, shares: [] }]
    await claim(US)
    await store.putState({ ...(await emptyChange(1)), epoch: 2, interests: [] })
    // Its answer may have been lost.
    await claim(US)
    regions.silent.add(US)
    expect(await claim(EU)).toMatchObject({ state: { interests: [] } })
  })

  test('is refused where another region has begun from the store meanwhile', async () => {
    await claim(EU)
    regions.interests = [{ region: AP, plain: true, shares: [] }]
    const { handover } = regions
    regions.handover = async (region) => {
      regions.handover = handover
      // While the predecessor is asked, another pod has taken this one for lost.
      await store.claimHome(DEFAULT_FLEET, ROOT, AP, 2)
      await store.takeState(DEFAULT_FLEET, ROOT, 3)
      return handover(region)
    }
    await expect(claim(US)).rejects.toThrow('has moved again')
    expect(await home()).toMatchObject({ region: AP, epoch: 3 })
  })

  test('of a home whose region is silent gets what that had synced, and the old home stays to be asked', async () => {
    await claim(EU)
    await sync(EU, 1)
    regions.silent.add(EU)
    const claimed = {
      home: { region: US, epoch: 2 },
      state: { session: { id: 'synced by eu' } },
      synced: true,
    }
    expect(await claim(US)).toMatchObject(claimed)
    expect(await home()).toEqual({ region: US, epoch: 2, importFrom: [EU] })
    // Its answer may have been lost.
    expect(await claim(US)).toMatchObject(claimed)
  })

  test('of a home whose region never began as such gets what the one before had synced', async () => {
    await claim(EU)
    await sync(EU, 1)
    regions.silent.add(EU)
    await claim(US)
    regions.empty.add(US)
    expect(await claim(AP)).toMatchObject({
      home: { region: AP, epoch: 3 },
      state: { session: { id: 'synced by eu' } },
      synced: true,
    })
    expect(await home()).toMatchObject({ importFrom: [EU, US] })
  })

  test('of a home whose region falls silent in the middle gets what that had synced', async () => {
    await claim(EU)
    await sync(EU, 1)
    for (const [region, last] of [
      [US, 'ping'],
      [AP, 'homeKnown'],
    ] as const) {
      const falls = region === US ? EU : US
      regions.falling.set(falls, last)
      expect(await claim(region)).toMatchObject({ state: { session: { id: 'synced by eu' } }, synced: true })
      regions.silent.delete(falls)
    }
  })

  test('of a home whose region answers with an error is refused, and nothing has changed', async () => {
    await claim(EU)
    await sync(EU, 1)
    regions.refusing.add(EU)
    await expect(claim(US)).rejects.toThrow(EdgeUnreachable)
    expect(await home()).toEqual({ region: EU, epoch: 1, importFrom: [] })
    expect(await store.putState({ ...(await emptyChange(2)) })).toBe(true)
  })

  test('of a home that has not yet imported from a region which is there waits for that', async () => {
    await claim(EU)
    await claim(US)
    await expect(claim(AP)).rejects.toThrow('is still importing')
    expect(await home()).toMatchObject({ region: US, epoch: 2 })
    regions.finish = async () => {
      await imported(US, 2)
    }
    expect(await claim(AP)).toMatchObject({ state: { session: { id: 'of us' } }, synced: false })
    expect(await home()).toEqual({ region: AP, epoch: 3, importFrom: [US] })
  })

  test('of a home that has not yet imported from a silent region inherits that region, to be asked for all it had', async () => {
    await claim(EU)
    regions.silent.add(EU)
    await claim(US)
    expect(await claim(AP)).toMatchObject({ state: { session: { id: 'of us' } }, synced: true })
    expect(await home()).toEqual({ region: AP, epoch: 3, importFrom: [EU, US] })
  })

  test('of a region’s own former home, while the newer one is silent, does not ask itself', async () => {
    await claim(EU)
    regions.silent.add(EU)
    await claim(US)
    await sync(US, 2)
    regions.silent.delete(EU)
    regions.silent.add(US)
    expect(await claim(EU)).toMatchObject({ state: { session: { id: 'synced by us' } }, synced: true })
    expect(await home()).toEqual({ region: EU, epoch: 3, importFrom: [US] })
  })

  test('fails where neither the region nor the store answers', async () => {
    await claim(EU)
    regions.silent.add(EU)
    const broken = new Proxy(store, {
      get: (target, name) =>
        name === 'takeState'
          ? () => Promise.reject(new Error('the store is down'))
          : Reflect.get(target, name).bind(target),
    })
    const other = new Directory(broken, regions.edges, new Silence(regions.edges, 0))
    await expect(other.claim(DEFAULT_FLEET, ROOT, US)).rejects.toThrow('the store is down')
  })
})

async function emptyChange(version: number) {
  return { fleet: DEFAULT_FLEET, root: ROOT, epoch: 1, version, clock: 0, ...noChange() }
}

describe('silence', () => {
  test('counts once it is long enough, and an answer in between ends it', async () => {
    let now = 0
    const silence = new Silence(regions.edges, 60_000, () => now)
    const outcome = async () => {
      const asked = silence.of(EU).catch((cause) => cause)
      now += 8_000
      return asked
    }
    regions.silent.add(EU)
    expect(await outcome()).toBeInstanceOf(EdgeSilent)
    regions.silent.delete(EU)
    expect(await outcome()).toBe(false)
    regions.silent.add(EU)
    for (let i = 0; i < 7; i++) expect(await outcome()).toBeInstanceOf(EdgeSilent)
    expect(await outcome()).toBe(true)
    // Of a silence long ago nobody knows whether it went on.
    now += 3_600_000
    expect(await outcome()).toBeInstanceOf(EdgeSilent)
  })

  test('is not longer for a clock that is set meanwhile', async () => {
    regions.silent.add(EU)
    const begun = performance.now()
    const machine = Date.now
    let asked = 0
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => machine() + 300_000 * asked++)
    try {
      expect(await new Silence(regions.edges, 300).of(EU)).toBe(true)
    } finally {
      clock.mockRestore()
    }
    expect(performance.now() - begun).toBeGreaterThanOrEqual(299)
  })

  test('is observed for a while, so that a process which starts again does not count as a lost region', async () => {
    await claim(EU)
    regions.silent.add(EU)
    setTimeout(() => regions.silent.delete(EU), 300)
    const patient = new Directory(store, regions.edges, new Silence(regions.edges, 5_000))
    expect(await patient.claim(DEFAULT_FLEET, ROOT, US)).toMatchObject({
      state: { session: { id: 'of eu' } },
      synced: false,
    })
  })
})

describe('the remainder of former homes', () => {
  beforeEach(async () => {
    await claim(EU)
    regions.silent.add(EU)
    await claim(US)
    await claim(AP)
  })

  test('is asked of all old homes, and a silent one keeps none of the others waiting', async () => {
    await expect(imported(AP, 3)).rejects.toThrow(EdgeUnreachable)
    expect(regions.released).toMatchObject([{ region: US, to: AP, epoch: 3, synced: true }])
    expect(await home()).toMatchObject({ importFrom: [EU] })
    regions.silent.delete(EU)
    expect(await imported(AP, 3)).toMatchObject({ done: true, from: null })
    expect(regions.released.map(({ region }) => region)).toEqual([US, EU])
    expect(await home()).toMatchObject({ importFrom: [] })
  })

  test('is asked of the oldest first, and what was imported is named only to the home it came from', async () => {
    regions.silent.delete(EU)
    regions.release = (region, { tookUpTo }) =>
      tookUpTo < 7
        ? { ...RELEASED, done: false, session: `of ${region}`, late: Uint8Array.of(1), upTo: 7 }
        : RELEASED
    expect(await imported(AP, 3)).toMatchObject({ done: false, from: EU, session: 'of eu', upTo: 7 })
    expect(await imported(AP, 3, EU, 7)).toMatchObject({ done: false, from: US, session: 'of us' })
    // As if the last answer had been lost: positions of the one say nothing to the other.
    expect(await imported(AP, 3, EU, 7)).toMatchObject({ done: false, from: US })
    expect(await imported(AP, 3, US, 7)).toMatchObject({ done: true })
    expect(regions.released.map(({ region, tookUpTo }) => [region, tookUpTo])).toEqual([
      [EU, 0],
      [EU, 7],
      [US, 0],
      [US, 0],
      [US, 7],
    ])
  })

  test('is asked of the others too while one has not yet released the root', async () => {
    regions.silent.delete(EU)
    regions.release = (region) => (region === EU ? { ...RELEASED, done: false } : RELEASED)
    expect(await imported(AP, 3)).toMatchObject({ done: false, from: EU, late: new Uint8Array(0) })
    expect(await home()).toMatchObject({ importFrom: [EU] })
  })

  test('is not given to a home of another epoch', async () => {
    expect(await imported(US, 2)).toMatchObject({ done: true })
    expect(regions.released).toEqual([])
    expect(await home()).toMatchObject({ importFrom: [EU, US] })
  })
})
