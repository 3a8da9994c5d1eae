// Ids that do not exist: asked for again and again, they cost the store one read a second.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AbsentRoots } from '../../k8s-core/absent-roots.ts'
import { Directory } from '../../k8s-core/directory.ts'
import { HOME_ABSENT_MS, HOME_ABSENT_ROOTS_MAX } from '../../k8s-core/limits.ts'
import { Silence } from '../../k8s-core/silence.ts'
import type { Store } from '../../k8s-core/store/port.ts'
import { DEFAULT_FLEET, type Root } from '../../src/id/ids.ts'
import { type Place, sqlitePlace } from './one-core.ts'
import { EU, LAMP_ROOT, Regions, US } from './regions.ts'

let place: Place
let reads = 0
let now = 0
beforeAll(async () => {
  place = await sqlitePlace()
  await place.store.migrate()
})
afterAll(async () => {
  await place.store.close()
  await place.drop()
})

/** A pod's directory over the shared store, whose reads of homes are counted. */
function pod(): Directory {
  const { edges } = new Regions()
  const counted = new Proxy(place.store as Store, {
    get(store, name) {
      if (name === 'home') reads++
      const value: unknown = Reflect.get(store, name)
      return typeof value === 'function' ? value.bind(store) : value
    },
  })
  return new Directory(counted, edges, new Silence(edges, 0), () => now)
}

describe('a root without a home', () => {
  test('is read once a second, however often it is asked for', async () => {
    const directory = pod()
    reads = 0
    for (let i = 0; i < 1_000; i++) expect(await directory.findForReader(DEFAULT_FLEET, LAMP_ROOT)).toBeNull()
    expect(reads).toBe(1)
    now += HOME_ABSENT_MS
    expect(await directory.findForReader(DEFAULT_FLEET, LAMP_ROOT)).toBeNull()
    expect(reads).toBe(2)
  })

  test('is found at once by the pod where it gets a home, and a second later by the others', async () => {
    const [one, other] = [pod(), pod()]
    for (const directory of [one, other]) await directory.findForReader(DEFAULT_FLEET, LAMP_ROOT)
    expect(await one.resolve(DEFAULT_FLEET, LAMP_ROOT, EU)).toEqual({ region: EU, epoch: 1 })
    expect(await one.findForReader(DEFAULT_FLEET, LAMP_ROOT)).toEqual({ region: EU, epoch: 1 })
    expect(await other.findForReader(DEFAULT_FLEET, LAMP_ROOT)).toBeNull()
    // Who would make a home, or has a message for it, reads the store.
    expect(await other.find(DEFAULT_FLEET, LAMP_ROOT)).toEqual({ region: EU, epoch: 1 })
    expect(await other.resolve(DEFAULT_FLEET, LAMP_ROOT, US)).toEqual({ region: EU, epoch: 1 })
    expect(await other.findForReader(DEFAULT_FLEET, LAMP_ROOT)).toEqual({ region: EU, epoch: 1 })
  })

  test('is remembered within a bound: of more the oldest are forgotten', () => {
    const absent = new AbsentRoots(() => 0)
    for (let i = 0; i <= HOME_ABSENT_ROOTS_MAX; i++) absent.add(DEFAULT_FLEET, String(i) as Root)
    expect(absent.has(DEFAULT_FLEET, '0' as Root)).toBe(false)
    expect(absent.has(DEFAULT_FLEET, '1' as Root)).toBe(true)
    expect(absent.has(DEFAULT_FLEET, String(HOME_ABSENT_ROOTS_MAX) as Root)).toBe(true)
  })
})
