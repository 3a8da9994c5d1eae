// The core between regions with wide filters: whom it tells, and how pages of retained messages go from region to region.
import { describe, expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import type { DeliverRequest } from '../../src/relay/envelope.ts'
import type { RegionRetainedRequest, WideDrainedRequest, WideRequest } from '../../src/relay/wide.ts'

const [AP, EU, US] = ['ap', 'eu', 'us'] as RegionId[] as [RegionId, RegionId, RegionId]
const SET: WideRequest = { fleet: DEFAULT_FLEET, region: EU, shard: 1, version: 5, filters: ['#'] }

function relayOver(edges: Partial<Edges>): Relay {
  return new Relay({} as Directory, { regions: [US, EU, AP], ...edges } as Edges)
}

describe('a region’s wide filters', () => {
  test('are announced to all other regions, whose own come back', async () => {
    const told: [RegionId, WideRequest][] = []
    const relay = relayOver({
      wide: async (region, request) => {
        told.push([region, request])
        return { waitMs: region === US ? 300 : 0, version: 1, filters: [`${region}/+/x`] }
      },
    })
    expect(await relay.wide(SET)).toEqual({
      regions: [
        { region: AP, waitMs: 0, version: 1, filters: ['ap/+/x'] },
        { region: US, waitMs: 300, version: 1, filters: ['us/+/x'] },
      ],
    })
    expect(told).toEqual([
      [AP, SET],
      [US, SET],
    ])
  })

  test('do not count as announced while one region is not reached', async () => {
    const relay = relayOver({
      wide: async (region) => {
        if (region === US) throw new EdgeUnreachable(US, 'down')
        return { waitMs: 0, version: 0, filters: [] }
      },
    })
    await expect(relay.wide(SET)).rejects.toThrow(EdgeUnreachable)
  })
})

describe('what is on its way to a region’s wide filters', () => {
  test('is asked of all other regions, and of all before it is answered', async () => {
    const asked: [RegionId, WideDrainedRequest][] = []
    const slow = Promise.withResolvers<void>()
    const relay = relayOver({
      wideDrained: (region, request) => {
        asked.push([region, request])
        return region === US ? slow.promise : Promise.resolve()
      },
    })
    let answered = false
    const drained = relay.wideDrained({ fleet: DEFAULT_FLEET, region: EU }).then(() => {
      answered = true
    })
    await new Promise((later) => setImmediate(later))
    expect(asked).toEqual([
      [AP, { fleet: DEFAULT_FLEET, region: EU }],
      [US, { fleet: DEFAULT_FLEET, region: EU }],
    ])
    expect(answered).toBe(false)
    slow.resolve()
    await drained
  })

  test('does not count as delivered while one region is not reached', async () => {
    const relay = relayOver({
      wideDrained: async (region) => {
        if (region === US) throw new EdgeUnreachable(US, 'down')
      },
    })
    await expect(relay.wideDrained({ fleet: DEFAULT_FLEET, region: EU })).rejects.toThrow(EdgeUnreachable)
  })
})

test('retained messages are fetched page by page, region after region, but not from the one that asks', async () => {
  const asked: [RegionId, RegionRetainedRequest['after']][] = []
  const relay = relayOver({
    wideRetained: async (region, { after }) => {
      asked.push([region, after])
      const more = region === AP && after === null
      return { records: Uint8Array.of(1), clock: 5, next: more ? { root: 'r/1', topic: 'r/1/t' } : null }
    },
  })
  const wanted = { fleet: DEFAULT_FLEET, region: EU, shard: 0, filters: ['#'] }
  let pages = 0
  let after: Awaited<ReturnType<Relay['wideRetained']>>['next'] = null
  do {
    const page: Awaited<ReturnType<Relay['wideRetained']>> = await relay.wideRetained({ ...wanted, after })
    expect(page).toMatchObject({ records: Uint8Array.of(1), clock: 5 })
    after = page.next
    pages++
  } while (after !== null)
  expect(pages).toBe(3)
  expect(asked).toEqual([
    [AP, null],
    [AP, { root: 'r/1', topic: 'r/1/t' }],
    [US, null],
  ])
})

test('where there is no other region, there is nothing to fetch', async () => {
  const relay = new Relay({} as Directory, { regions: [EU] } as unknown as Edges)
  const wanted = { fleet: DEFAULT_FLEET, region: EU, shard: 0, filters: ['#'], after: null }
  expect(await relay.wideRetained(wanted)).toEqual({ records: new Uint8Array(0), clock: 0, next: null })
})

test('an envelope for a region’s wide subscribers goes to that region, whatever the home', async () => {
  const delivered: [RegionId, DeliverRequest][] = []
  const relay = relayOver({
    deliver: async (region, request) => {
      delivered.push([region, request])
      return { results: [{ status: 'done', outcomes: [0] }] }
    },
  })
  const envelope = {
    fleet: DEFAULT_FLEET,
    root: 'rooms/1' as Root,
    to: { kind: 'wide', region: US } as const,
    source: 'one',
    first: 0,
    clock: 0,
    records: new Uint8Array(0),
  }
  expect(await relay.pass(EU, [envelope])).toEqual([{ status: 'done', outcomes: [0] }])
  expect(delivered).toEqual([[US, { envelopes: [{ envelope, epoch: 0 }] }]])
})
