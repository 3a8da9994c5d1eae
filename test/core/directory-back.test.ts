// A directory that has gone back in time is put right by whoever knows of a newer home.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Directory } from '../../k8s-core/directory.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { Silence } from '../../k8s-core/silence.ts'
import type { Home, Store } from '../../k8s-core/store/port.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import type { DeliverRequest, Envelope } from '../../src/relay/envelope.ts'
import { ALL_IMPORTED, REMAINDER_START } from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import { sqlitePlace } from './one-core.ts'
import { AP, EU, Regions, LAMP_ROOT as ROOT, US } from './regions.ts'

const AT_US: HomeAnswer = { region: US, epoch: 2 }
const AT_AP: HomeAnswer = { region: AP, epoch: 3 }

let store: Store
let regions: Regions
let directory: Directory
let drop: () => Promise<void>
const restored: HomeAnswer[] = []

/** One that remembers nothing. */
function freshDirectory(): Directory {
  const { edges } = regions
  return new Directory(
    store,
    edges,
    new Silence(edges, 0),
    () => performance.now(),
    (_fleet, _root, home) => {
      restored.push(home)
    },
  )
}

beforeEach(async () => {
  const place = await sqlitePlace()
  store = place.store
  drop = place.drop
  await store.migrate()
  regions = new Regions()
  directory = freshDirectory()
  restored.length = 0
  // All that the store has: the home has moved on since then.
  await store.claimHome(DEFAULT_FLEET, ROOT, EU, 0)
})
afterEach(async () => {
  await store.close()
  await drop()
})

const home = () => store.home(DEFAULT_FLEET, ROOT)
const claim = (region: RegionId, known?: HomeAnswer) =>
  directory.claim(DEFAULT_FLEET, ROOT, region, { known })

test('whoever asks where the home is, and knows of a newer one, puts it right', async () => {
  expect(await directory.resolve(DEFAULT_FLEET, ROOT, AP, AT_US)).toEqual(AT_US)
  expect(await home()).toEqual({ ...AT_US, importFrom: [EU] })
  expect(restored).toEqual([AT_US])
})

test('whoever knows of none, or of an older one, gets what the directory says', async () => {
  await directory.resolve(DEFAULT_FLEET, ROOT, AP, AT_US)
  for (const known of [{ region: EU, epoch: 1 }, { region: AP, epoch: 2 }, undefined])
    expect(await freshDirectory().resolve(DEFAULT_FLEET, ROOT, EU, known)).toEqual(AT_US)
  expect(restored).toEqual([AT_US])
})

/** The same, but for how it answers where the home is. */
function answering(home: () => Promise<Home | null>): Store {
  return new Proxy(store, {
    get: (target, name) => (name === 'home' ? home : Reflect.get(target, name).bind(target)),
  })
}

test('a pod that remembers a newer home puts it right itself', async () => {
  const before = await home()
  await directory.resolve(DEFAULT_FLEET, ROOT, US, AT_US)
  Object.assign(directory, { store: answering(async () => before) })
  expect(await directory.resolve(DEFAULT_FLEET, ROOT, EU)).toEqual(AT_US)
})

test('a home that is remembered while the store is asked does not count as forgotten', async () => {
  const asked = Promise.withResolvers<Home | null>()
  const before = await home()
  Object.assign(directory, { store: answering(() => asked.promise) })
  const late = directory.resolve(DEFAULT_FLEET, ROOT, EU)
  Object.assign(directory, { store })
  await store.claimHome(DEFAULT_FLEET, ROOT, US, 1)
  expect(await directory.resolve(DEFAULT_FLEET, ROOT, EU)).toEqual(AT_US)
  asked.resolve(before)
  await late
  expect(restored).toEqual([])
})

describe('a claim', () => {
  test('by a region that knows of a newer home is of that', async () => {
    regions.told.set(US, { home: AT_US, imported: true })
    expect(await claim(EU, AT_US)).toMatchObject({
      home: { region: EU, epoch: 3 },
      state: { session: { id: 'of us' } },
    })
  })

  test('by a third region learns of it at the former home, and gets no epoch that another home has', async () => {
    regions.told.set(EU, { home: AT_US, imported: false })
    regions.told.set(US, { home: AT_US, imported: true })
    expect(await claim(AP)).toMatchObject({
      home: { region: AP, epoch: 3 },
      state: { session: { id: 'of us' } },
      synced: false,
    })
    expect(await home()).toEqual({ region: AP, epoch: 3, importFrom: [US] })
    expect(restored).toEqual([AT_US])
  })

  test('learns of one move after the other', async () => {
    regions.told.set(EU, { home: AT_US, imported: false })
    regions.told.set(US, { home: AT_AP, imported: false })
    regions.told.set(AP, { home: AT_AP, imported: true })
    const fourth = 'sa' as RegionId
    expect(await claim(fourth)).toMatchObject({
      home: { region: fourth, epoch: 4 },
      state: { session: { id: 'of ap' } },
    })
    expect(await home()).toEqual({ region: fourth, epoch: 4, importFrom: [AP] })
    expect(restored).toEqual([AT_US, AT_AP])
  })

  test('of a home that has imported, and is listed as one that has not, goes on', async () => {
    await store.claimHome(DEFAULT_FLEET, ROOT, US, 1)
    regions.told.set(US, { home: AT_US, imported: true })
    expect(await claim(AP)).toMatchObject({ home: AT_AP, synced: false })
    expect(await home()).toEqual({ ...AT_AP, importFrom: [US] })
  })

  test('does not count as done where the home that has imported is another one', async () => {
    await store.claimHome(DEFAULT_FLEET, ROOT, US, 1)
    regions.told.set(US, { home: { region: US, epoch: 1 }, imported: true })
    await expect(claim(AP)).rejects.toThrow('is still importing')
  })
})

test('a home that the directory has forgotten, and that asks for a remainder, gets it from the former one', async () => {
  const took = { ...REMAINDER_START, from: null, synced: true, registered: true }
  const asked = { fleet: DEFAULT_FLEET, root: ROOT, ...AT_US, ...took }
  expect(await directory.imported(asked)).toEqual(ALL_IMPORTED)
  expect(regions.released).toMatchObject([{ region: EU, to: US, epoch: 2 }])
  expect(await home()).toEqual({ ...AT_US, importFrom: [] })
})

describe('the former home answers with the newer one', () => {
  let asked: RegionId[]

  /** @param done the answer at the home */
  function edgesWhere<Done extends object>(done: Done): (region: RegionId) => Promise<Done | object> {
    asked = []
    return async (region) => {
      asked.push(region)
      return region === US ? done : { status: 'moved', home: AT_US }
    }
  }

  const relayOver = (edges: Record<string, unknown>) =>
    new Relay(directory, { ...regions.edges, ...edges } as unknown as Edges)

  afterEach(async () => {
    expect(asked).toEqual([EU, US])
    expect(await home()).toMatchObject(AT_US)
  })

  test('and an envelope goes there', async () => {
    const answer = edgesWhere({ status: 'done', outcomes: [0] })
    const relay = relayOver({
      deliver: async (region: RegionId, { envelopes }: DeliverRequest) => ({
        results: await Promise.all(envelopes.map(() => answer(region))),
      }),
    })
    const envelope: Envelope = {
      fleet: DEFAULT_FLEET,
      root: ROOT,
      to: { kind: 'home' },
      source: 's',
      first: 0,
      clock: 0,
      records: new Uint8Array(0),
    }
    expect(await relay.pass(AP, [envelope])).toEqual([{ status: 'done', outcomes: [0] }])
  })

  test('and an interest goes there', async () => {
    const relay = relayOver({ interest: edgesWhere({ status: 'done', order: 1, clock: 7, retained: [] }) })
    const wish = { change: 'add' as const, order: 1, plain: true, shares: [], filters: [] }
    const asks = { fleet: DEFAULT_FLEET, root: ROOT, region: AP, ...wish }
    expect(await relay.interest(asks)).toMatchObject({ home: AT_US, clock: 7 })
  })

  test('and a question for presence goes there', async () => {
    const relay = relayOver({ presence: edgesWhere({ status: 'done', event: null }) })
    expect(await relay.presence({ fleet: DEFAULT_FLEET, root: ROOT })).toEqual({
      status: 'done',
      event: null,
    })
  })

  test('and an update of a shadow goes there', async () => {
    const done = { status: 'done', body: '{}', error: null, version: 1, changedAt: 1 }
    const relay = relayOver({ shadow: edgesWhere(done) })
    const update = { id: 'a', path: 'shadow', verb: 'update', body: '{}' } as const
    const asks = { fleet: DEFAULT_FLEET, root: ROOT, region: AP, ...update }
    expect(await relay.shadow(asks, async () => null)).toEqual(done)
  })
})

test('a region that knows better than the directory has its interest go to the home at once', async () => {
  const asked: RegionId[] = []
  const relay = new Relay(directory, {
    interest: async (region: RegionId) => {
      asked.push(region)
      return { status: 'done', order: 1, clock: 0, retained: [] }
    },
  } as unknown as Edges)
  const wish = { change: 'add' as const, order: 1, plain: true, shares: [], filters: [] }
  const interest = (region: RegionId, known: HomeAnswer) =>
    relay.interest({ fleet: DEFAULT_FLEET, root: ROOT, region, known, ...wish })
  expect(await interest(EU, AT_US)).toMatchObject({ home: AT_US })
  // And not first where that region itself was the home once.
  expect(await interest(US, AT_AP)).toMatchObject({ home: AT_AP })
  expect(await interest(EU, AT_US)).toMatchObject({ home: AT_AP })
  expect(asked).toEqual([US, AP, AP])
})
