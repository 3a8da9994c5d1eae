// The core between whoever calls a device and its home: whom it asks, and what it says when that does not answer.
import { expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import type { HomeCommandResponse } from '../../src/relay/command.ts'

const [EU, US] = ['eu', 'us'] as RegionId[] as [RegionId, RegionId]
const BUSY: HomeCommandResponse = { status: 'done', outcome: { state: 'busy' } }

/** @param homes where the directory finds the home, one look after another, the last one for ever */
async function called(homes: readonly RegionId[], answer: (region: RegionId) => HomeCommandResponse) {
  const asked: RegionId[] = []
  const left = [...homes]
  const directory: Partial<Directory> = {
    find: async () => {
      const region = left.length > 1 ? left.shift() : left[0]
      return region === undefined ? null : { region, epoch: 1 }
    },
  }
  const edges: Partial<Edges> = {
    command: async (region) => {
      asked.push(region)
      return answer(region)
    },
  }
  const relay = new Relay(directory as Directory, edges as Edges)
  const said = await relay.command({
    fleet: DEFAULT_FLEET,
    root: 'devices/lamp' as Root,
    asked: { ask: 'look', id: 'c1', holdMs: 0 },
  })
  return { said, asked }
}

test('the home is asked, and found again where it has moved', async () => {
  expect(await called([EU], () => BUSY)).toEqual({ said: BUSY, asked: [EU] })
  const moved = await called([EU, US], (region) => (region === US ? BUSY : { status: 'moved' }))
  expect(moved).toEqual({ said: BUSY, asked: [EU, US] })
})

test('a device that never was is not made, and a region that does not answer is named', async () => {
  expect(await called([], () => BUSY)).toEqual({ said: { status: 'unknown' }, asked: [] })
  const down = await called([EU], () => {
    throw new EdgeUnreachable(EU, 'down')
  })
  expect(down.said).toEqual({ status: 'unreachable', region: EU })
})
