// A core whose store does not answer: what it knows goes on, the rest is refused clearly.
import { errors } from 'cassandra-driver'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Directory } from '../../k8s-core/directory.ts'
import { HomeCache } from '../../k8s-core/home-cache.ts'
import { HOME_CACHE_MS, HOME_REFRESH_MS, HOME_STALE_MS } from '../../k8s-core/limits.ts'
import { CoreMetrics } from '../../k8s-core/metrics.ts'
import { reportingUnavailable } from '../../k8s-core/store/availability.ts'
import type { RegisteringStore } from '../../k8s-core/store/port.ts'
import { DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_VERSION_MIN, relayPath } from '../../src/relay/version.ts'
import { coreOver, type Place, sqlitePlace } from './one-core.ts'
import { AP, EU, LAMP_ROOT, Regions, US } from './regions.ts'

const SECRET = 'a relay secret of at least thirty-two characters'
const signer = new RelaySigner(SECRET, edgeParty(EU))

let place: Place
let store: RegisteringStore
let regions: Regions
let asked: string[]
/** As Cassandra's driver when no node answers; `hangs`: no answer at all. */
let away: 'no' | 'refused' | 'hangs'
let now: number

beforeEach(async () => {
  place = await sqlitePlace()
  await place.store.migrate()
  away = 'no'
  asked = []
  now = 0
  const failing = new Proxy(place.store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function' || name === 'now' || name === 'close') return member
      return (...parameters: unknown[]) => {
        asked.push(String(name))
        if (away === 'refused') return Promise.reject(new errors.NoHostAvailableError({}, 'no host'))
        if (away === 'hangs') return new Promise(() => undefined)
        return Reflect.apply(member, target, parameters)
      }
    },
  })
  store = reportingUnavailable(failing)
  regions = new Regions()
})
afterEach(async () => {
  await place.store.close()
  await place.drop()
})

describe('a core without its store', () => {
  const metrics = new CoreMetrics()
  const core = () =>
    coreOver(store, regions.edges, { relaySecret: SECRET, clientTokenSecret: SECRET, metrics }).app

  test.each(['refused', 'hangs'] as const)('stays ready, and says what it refuses (%s)', async (how) => {
    const app = core()
    expect(await (await app.request('/readyz')).json()).toEqual({ ready: true, store: 'answers' })
    away = how
    const degraded = await app.request('/readyz')
    expect(degraded.status).toBe(200)
    const refused = expect.arrayContaining([expect.stringContaining('first use of a root')])
    expect(await degraded.json()).toEqual({ ready: true, store: 'away', refused })
    expect(await (await metrics.response()).text()).toMatch(/^starling_store_up 0$/m)
    away = 'no'
    await app.request('/readyz')
    expect(await (await metrics.response()).text()).toMatch(/^starling_store_up 1$/m)
  })

  test('refuses a request that needs the store with 503, which names the store', async () => {
    const app = core()
    away = 'refused'
    const answer = await app.request(`${relayPath(RELAY_VERSION_MIN)}/resolve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: await signer.authorization('core') },
      body: JSON.stringify({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, region: EU }),
    })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      title: 'The store does not answer',
      type: expect.stringContaining('store-unavailable'),
    })
  })
})

describe('a directory whose store is away', () => {
  test('knows the homes that it has read, for hours, and asks for each now and then', async () => {
    const directory = new Directory(store, regions.edges, undefined, () => now)
    await directory.resolve(DEFAULT_FLEET, LAMP_ROOT, EU)
    away = 'refused'
    now = HOME_CACHE_MS + 1
    asked = []
    for (let i = 0; i < 5; i++)
      expect(await directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)).toEqual({ region: EU, epoch: 1 })
    expect(asked).toEqual(['recentHome'])
    now += HOME_REFRESH_MS
    await directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)
    expect(asked).toHaveLength(2)
    now = HOME_STALE_MS
    await expect(directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)).rejects.toThrow('the store does not answer')
  })

  test('learns of a newer home when the store is back', async () => {
    const directory = new Directory(store, regions.edges, undefined, () => now)
    await directory.resolve(DEFAULT_FLEET, LAMP_ROOT, EU)
    await place.store.claimHome(DEFAULT_FLEET, LAMP_ROOT, AP, 1)
    now = HOME_CACHE_MS + 1
    expect(await directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)).toEqual({ region: EU, epoch: 1 })
    await expect.poll(() => directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)).toEqual({ region: AP, epoch: 2 })
  })

  test('reads an unknown home on the way of a message without an election', async () => {
    await place.store.claimHome(DEFAULT_FLEET, LAMP_ROOT, EU, 0)
    const directory = new Directory(store, regions.edges, undefined, () => now)
    expect(await directory.guess(DEFAULT_FLEET, LAMP_ROOT, US)).toEqual({ region: EU, epoch: 1 })
    expect(asked).toEqual(['recentHome'])
  })
})

test('a pod that remembers as many homes as it may forgets the one that was not used for longest', () => {
  const cache = new HomeCache(() => 0, 2)
  const home = { region: EU, epoch: 1, importFrom: [] }
  const root = (n: number) => `rooms/${n}` as Root
  cache.set(DEFAULT_FLEET, root(1), home)
  cache.set(DEFAULT_FLEET, root(2), home)
  cache.get(DEFAULT_FLEET, root(1))
  cache.set(DEFAULT_FLEET, root(3), home)
  expect([1, 2, 3].map((n) => cache.get(DEFAULT_FLEET, root(n)) !== null)).toEqual([true, false, true])
})
