// Where a region's interest goes.
import { expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'

const [EU, US] = ['eu', 'us'] as RegionId[] as [RegionId, RegionId]

test('a home that a pod remembers in the region that asks is looked up: it may have left', async () => {
  const asked: RegionId[] = []
  const directory = {
    guess: async () => ({ region: EU, epoch: 1 }),
    resolve: async () => ({ region: US, epoch: 2 }),
  } as unknown as Directory
  const edges = {
    interest: async (region: RegionId) => {
      asked.push(region)
      return { status: 'done', order: 1, clock: 0, retained: [] }
    },
  } as unknown as Edges
  const wish = { change: 'add' as const, order: 1, plain: true, shares: [], filters: [] }
  const root = 'devices/lamp' as Root
  const { home } = await new Relay(directory, edges).interest({
    fleet: DEFAULT_FLEET,
    root,
    region: EU,
    ...wish,
  })
  expect(home).toEqual({ region: US, epoch: 2 })
  expect(asked).toEqual([US])
})
