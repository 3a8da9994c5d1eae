// A lamp's state moves between two regions in pages of a few hundred bytes, through the real directory: whole and in order,
// whoever dies between two pages and whatever changes meanwhile.
import { beforeEach, describe, expect, test } from 'vitest'
import { type CoreClient, CoreUnreachable } from '../../actors/core/core-client.ts'
import { Device } from '../../actors/device/device.ts'
import { STAGED_KEPT_MS } from '../../actors/limits.ts'
import { Directory } from '../../k8s-core/directory.ts'
import { Edges } from '../../k8s-core/edges.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { ClaimRequest, ClaimResponse, HandoverState, ImportedRequest } from '../../src/relay/home.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { memoryStore } from '../sim/store.ts'
import { FakeClock } from './fake-clock.ts'
import { fakeCore } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, deliveryOf, EU, LAMP, LAMP_ROOT, record, subscriptionTo, textOf, US } from './samples.ts'

const PAGE_BYTES = 100
/** Of a move that nothing disturbs. */
const PAGES = 19
const SESSION = 'the lamp’s session'

interface Call {
  readonly name: 'copy' | 'handover'
  readonly rows: number
  readonly bytes: number
}

class TwoRegions {
  readonly clock = new FakeClock()
  readonly directory: Directory
  /** Pages that were given. */
  readonly calls: Call[] = []
  /** Called before each page is given. */
  before: (call: Call['name'], count: number) => void = () => undefined
  /** Whether this answer to a claim is lost. */
  lost: (count: number) => boolean = () => false
  /** Edges and core of the release before know nothing of pages. */
  readonly old = new Set<RegionId | 'core'>()
  private claims = 0
  private readonly homes = new Map<RegionId, { platform: FakePlatform; device: Device }>()

  constructor() {
    const store = memoryStore(() => this.clock.now)
    this.directory = new Directory(
      store,
      new Edges({ regions: [EU, US], post: (region, name, body) => this.post(region, name, body) }),
    )
    for (const region of [EU, US]) {
      const platform = new FakePlatform(addressOf('device', region, LAMP), {
        clock: this.clock,
        core: this.core(region),
        settings: { pageBytesMax: PAGE_BYTES },
      })
      this.homes.set(region, { platform, device: new Device(platform, LAMP, []) })
    }
  }

  at(region: RegionId) {
    const home = this.homes.get(region)
    if (home === undefined) throw new Error(`no ${region}`)
    return home
  }

  /** The actor's memory is lost. */
  die(region: RegionId): void {
    const platform = this.at(region).platform.loseMemory()
    this.homes.set(region, { platform, device: new Device(platform, LAMP, []) })
  }

  /** A client connects there. */
  take(region: RegionId, waits?: () => boolean): Promise<unknown> {
    const taken = this.at(region).device.leaf.home.take(false, waits)
    taken.catch(() => undefined)
    return taken
  }

  /** Tries again until the client is in, as clients do. */
  async move(region: RegionId): Promise<void> {
    for (let tries = 0; tries < 10; tries++) {
      let settled: 'in' | 'out' | null = null
      this.take(region).then(
        () => {
          settled = 'in'
        },
        () => {
          settled = 'out'
        },
      )
      await this.pass(50)
      if (settled === 'in') return
    }
    throw new Error(`the lamp does not get into ${region}`)
  }

  async pass(ms: number): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await this.clock.pass(ms / 10)
      for (let turn = 0; turn < 50; turn++) await new Promise<void>((next) => setImmediate(next))
    }
  }

  state(region: RegionId): HandoverState {
    return this.at(region).device.leaf.exportState()
  }

  private core(region: RegionId): CoreClient {
    return fakeCore(region, {
      claim: async ({ fleet, root, pages, ...asked }: ClaimRequest): Promise<ClaimResponse> => {
        const wanted = this.old.has('core') || this.old.has(region) || pages === undefined ? {} : { pages }
        const answered = await this.directory.claim(fleet, root, region, { ...asked, ...wanted })
        if (this.lost(++this.claims)) throw new CoreUnreachable('the answer is lost')
        return answered
      },
      imported: (request: ImportedRequest) => this.directory.imported(request),
    })
  }

  private async post(region: RegionId, name: string, body: unknown): Promise<unknown> {
    const { device } = this.at(region)
    // biome-ignore lint/suspicious/noExplicitAny: each call has a schema of its own, which the caller checks
    const request = structuredClone(body) as any
    const count = this.calls.length
    switch (name) {
      case 'ping':
        return null
      case 'home-known': {
        const { pages, ...known } = await device.leaf.homeKnown(request.copied)
        return pages === undefined || this.old.has(region) ? known : { ...known, pages }
      }
      case 'copy': {
        this.before(name, count)
        const answer = await this.at(region).device.leaf.copyState(request)
        if (answer.status === 'done') this.note(name, answer.state)
        return structuredClone(answer)
      }
      case 'handover': {
        this.before(name, count)
        if (this.old.has(region)) delete request.cursor
        const answer = this.at(region).device.parts.handover.handover(request)
        if (answer?.state != null) this.note(name, answer.state)
        return structuredClone(answer)
      }
      case 'release':
        return device.parts.handover.release(request)
      case 'interest':
        return device.leaf.interest(request)
      default:
        throw new Error(`the edge has no ${name}`)
    }
  }

  private note(name: Call['name'], { session, retained }: HandoverState): void {
    const sizes = [
      ...(session?.queue ?? []).map(({ delivery }) => delivery.length),
      ...(session?.subscriptions ?? []).map((one) => JSON.stringify(one).length),
      ...retained.map((one) => one.record.length),
    ]
    this.calls.push({ name, rows: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) })
  }
}

let world: TwoRegions

function retain(region: RegionId, name: string, text: string): void {
  const topic = `${LAMP_ROOT}/${name}`
  const { leaf } = world.at(region).device
  leaf.retained.keep(decodeMessage(record(topic, text, { retain: true })), 1)
}

function enqueue(region: RegionId, position: number): void {
  const { store } = world.at(region).device.parts
  store.enqueue([{ position, delivery: decodeDelivery(deliveryOf('rooms/1', `message ${position}`)) }])
}

function retainedThere(region: RegionId): Record<string, string> {
  return Object.fromEntries(
    world
      .state(region)
      .retained.map((one) => [one.topic.split('/').at(-1), textOf(decodeMessage(one.record).payload)]),
  )
}

function positionsThere(region: RegionId): number[] {
  return world.state(region).session?.queue.map(({ position }) => position) ?? []
}

const names = Array.from({ length: 20 }, (_, i) => `r${String(i).padStart(2, '0')}`)
const positions = Array.from({ length: 20 }, (_, i) => i + 1)
const ALL = Object.fromEntries(names.map((name) => [name, `value of ${name}`]))

beforeEach(async () => {
  world = new TwoRegions()
  const { platform, device } = world.at(EU)
  await device.leaf.home.take()
  const { store } = device.parts
  store.saveSession(SESSION, 3600, platform.now(), {
    lastPosition: 0,
    sentUpTo: 0,
  })
  for (const name of ['a', 'b', 'c']) store.saveSubscription(subscriptionTo(`${LAMP_ROOT}/${name}`), true)
  for (const position of positions) enqueue(EU, position)
  for (const name of names) retain(EU, name, `value of ${name}`)
  // In memory too, as after a wake.
  world.die(EU)
})

function expectAll(region: RegionId): void {
  expect(retainedThere(region)).toEqual(ALL)
  expect(positionsThere(region)).toEqual(positions)
  expect(world.state(region).session?.subscriptions.map(({ filter }) => filter)).toEqual(
    ['a', 'b', 'c'].map((name) => `${LAMP_ROOT}/${name}`),
  )
}

describe('a state of several pages', () => {
  test('moves whole, in pages that are bounded, while its home serves until the last ones', async () => {
    const known = new Set<string>()
    world.before = (name) => {
      const { at } = world.at(EU).device.leaf.home.knowledge
      known.add(`${name} ${at}`)
    }
    await world.move(US)
    expectAll(US)
    expect(known).toEqual(new Set(['copy here', 'handover here']))
    expect(world.calls.filter(({ name }) => name === 'copy').length).toBeGreaterThan(5)
    expect(world.calls.filter(({ name }) => name === 'handover').length).toBeLessThan(4)
    expect(world.calls.length).toBe(PAGES)
    expect(world.calls.filter(({ rows, bytes }) => rows > 1 && bytes > PAGE_BYTES)).toEqual([])
  })

  test('moves there and back', async () => {
    await world.move(US)
    await world.pass(5_000)
    await world.move(EU)
    expectAll(EU)
  })

  test('moves with what changes while it is copied', async () => {
    world.before = (name, count) => {
      if (name !== 'copy' || count !== 8) return
      retain(EU, 'r00', 'another value')
      retain(EU, 'r05', '')
      retain(EU, 'new', 'a new value')
      world.at(EU).device.parts.store.dequeue([1, 3, 20])
      enqueue(EU, 21)
      world.at(EU).device.parts.store.removeSubscription(`${LAMP_ROOT}/b`)
      world.at(EU).device.parts.store.saveSubscription(subscriptionTo(`${LAMP_ROOT}/d`), true)
    }
    await world.move(US)
    const { r05: _, ...others } = ALL
    expect(retainedThere(US)).toEqual({ ...others, r00: 'another value', new: 'a new value' })
    expect(positionsThere(US)).toEqual([2, ...positions.slice(3, 19), 21])
    expect(world.state(US).session?.subscriptions.map(({ filter }) => filter)).toEqual(
      ['a', 'c', 'd'].map((name) => `${LAMP_ROOT}/${name}`),
    )
  })

  test('moves with what changes after the copy', async () => {
    let changed = false
    world.before = (name) => {
      if (name !== 'handover' || changed) return
      changed = true
      retain(EU, 'r19', '')
      enqueue(EU, 21)
    }
    await world.move(US)
    expect(Object.keys(retainedThere(US))).toEqual(names.slice(0, 19))
    expect(positionsThere(US)).toEqual([...positions, 21])
  })

  test('is not taken from a session that ends while it is copied', async () => {
    world.before = (name, count) => {
      if (name !== 'copy' || count !== 12) return
      world.at(EU).device.parts.store.clear()
    }
    await world.move(US)
    expect(world.state(US).session).toBeNull()
    expect(retainedThere(US)).toEqual(ALL)
  })

  test.each([1, 5, 9, 13, 15])('moves although the old home dies before page %i is given', async (page) => {
    let died = false
    world.before = (_, count) => {
      if (died || count !== page) return
      died = true
      world.die(EU)
    }
    await world.move(US)
    expectAll(US)
  })

  test.each([1, 5, 9, 13, 15])(
    'moves although the next home dies after page %i, and goes on where it was',
    async (page) => {
      let died = false
      world.before = (_, count) => {
        if (died || count !== page) return
        died = true
        world.die(US)
      }
      await world.move(US)
      expectAll(US)
      expect(world.calls.length).toBeLessThan(PAGES + 3)
    },
  )

  test('moves although every third answer is lost', async () => {
    world.lost = (count) => count % 3 === 0
    await world.move(US)
    expectAll(US)
  })

  test('stays at its home while the client that wanted it has left, and goes on from there when it is back', async () => {
    let waits = true
    world.before = (_, count) => {
      waits = count < 6
    }
    await expect(world.take(US, () => waits)).rejects.toThrow('the client left')
    expect(world.at(EU).device.leaf.home.knowledge).toMatchObject({ at: 'here', epoch: 1 })
    const copied = world.calls.length
    world.before = () => undefined
    await world.move(US)
    expectAll(US)
    expect(copied).toBeLessThan(8)
    expect(world.calls.length).toBeLessThan(PAGES + 3)
  })

  test('that was copied for nothing is deleted after a while', async () => {
    await expect(world.take(US, () => false)).rejects.toThrow('the client left')
    const { platform, device } = world.at(US)
    expect(device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere' })
    const rows = () => platform.storage.exec('SELECT count(*) AS n FROM staged')[0]?.n ?? 0
    expect(rows()).toBeGreaterThan(1)
    await world.pass(STAGED_KEPT_MS + 1)
    await device.leaf.alarm()
    expect(rows()).toBe(0)
  })

  test.each([
    ['core', 'core'],
    ['edge at the old home', EU],
    ['edge at the new home', US],
  ] as const)('moves in one call if the %s is of the release before', async (_, part) => {
    world.old.add(part)
    await world.move(US)
    expectAll(US)
    expect(world.calls.map(({ name }) => name)).toEqual(['handover'])
  })
})

test('a state of one page moves in one call', async () => {
  for (const name of names) retain(EU, name, '')
  world.at(EU).device.parts.store.dequeue(positions.slice(1))
  for (const name of ['a', 'b', 'c'])
    world.at(EU).device.parts.store.removeSubscription(`${LAMP_ROOT}/${name}`)
  await world.move(US)
  expect(world.calls.map(({ name }) => name)).toEqual(['handover'])
  expect(positionsThere(US)).toEqual([1])
})
