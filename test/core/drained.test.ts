// The core's fence for a root: which regions are asked whether anything is on its way.
import { describe, expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'

const [AP, EU, US] = ['ap', 'eu', 'us'] as RegionId[] as [RegionId, RegionId, RegionId]
const FENCE = { fleet: DEFAULT_FLEET, root: 'devices/lamp' as Root, region: EU }

/**
 * @param unreached a region that does not answer
 * @param truth the home that the regions know of
 */
function core(home: HomeAnswer, unreached?: RegionId, truth = home) {
  const asked: RegionId[] = []
  const directory = {
    resolve: async (...[, , , known]: Parameters<Directory['resolve']>) => known ?? home,
  } as Partial<Directory> as Directory
  const relay = new Relay(directory, {
    regions: [US, EU, AP],
    drained: async (region) => {
      asked.push(region)
      if (region === unreached) throw new EdgeUnreachable(region, 'down')
      return { home: truth }
    },
  } as Partial<Edges> as Edges)
  return { relay, asked }
}

test('a home that has never moved is the only one that is asked', async () => {
  const { relay, asked } = core({ region: US, epoch: 1 })
  await relay.drained(FENCE)
  expect(asked).toEqual([US])
})

test('a region that has always been the home has nothing coming', async () => {
  const { relay, asked } = core({ region: EU, epoch: 1 })
  await relay.drained(FENCE)
  expect(asked).toEqual([])
})

test('of a home that has moved, all other regions may have something in their outboxes', async () => {
  const { relay, asked } = core({ region: EU, epoch: 3 })
  await relay.drained(FENCE)
  expect(asked.sort()).toEqual([AP, US])
})

test('what a former home may still have does not count as delivered while its region is not reached', async () => {
  const { relay } = core({ region: US, epoch: 2 }, AP)
  await expect(relay.drained(FENCE)).rejects.toThrow(EdgeUnreachable)
})

describe('a directory that has forgotten that the home moved', () => {
  const truth = { region: AP, epoch: 2 }

  test('is confirmed by the former home, and all are asked', async () => {
    const { relay, asked } = core({ region: US, epoch: 1 }, undefined, truth)
    await relay.drained(FENCE)
    expect(asked.sort()).toEqual([AP, US, US])
  })

  test('is confirmed by the former home that asks', async () => {
    const { relay, asked } = core({ region: EU, epoch: 1 }, undefined, truth)
    await relay.drained({ ...FENCE, known: truth })
    expect(asked.sort()).toEqual([AP, US])
  })
})
