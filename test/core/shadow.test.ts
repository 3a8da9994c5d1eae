// The core between whoever asks a shadow by HTTP and its home: whom it asks, and what it says when that does not answer.
import { expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import type { HomeShadowResponse, ShadowRequest } from '../../src/relay/shadow.ts'

const [EU, US] = ['eu', 'us'] as RegionId[] as [RegionId, RegionId]
const DONE: HomeShadowResponse = { status: 'done', body: '{}', error: null, version: 1, changedAt: 5 }

/** @param homes where the directory finds the home, one look after another, the last one for ever; none: it makes one */
function core(homes: readonly RegionId[], answer: (region: RegionId) => HomeShadowResponse) {
  const asked: string[] = []
  const left = [...homes]
  const next = () => {
    const region = left.length > 1 ? left.shift() : left[0]
    return region === undefined ? null : { region, epoch: 1 }
  }
  const directory: Partial<Directory> = {
    find: async () => next(),
    findForReader: async () => next(),
    resolve: async (_fleet, _root, region) => next() ?? { region, epoch: 1 },
  }
  const edges: Partial<Edges> = {
    shadow: async (region, { verb, epoch }) => {
      asked.push(`${region} ${verb} ${epoch}`)
      return answer(region)
    },
  }
  const relay = new Relay(directory as Directory, edges as Edges)
  const ask = (verb: ShadowRequest['verb']) =>
    relay.shadow(
      {
        id: 'i',
        fleet: DEFAULT_FLEET,
        root: 'devices/lamp' as Root,
        region: US,
        path: 'shadow',
        verb,
        body: '',
      },
      async () => 'as synced',
    )
  return { asked, ask }
}

function down(region: RegionId): never {
  throw new EdgeUnreachable(region, 'down')
}

test('the home is asked', async () => {
  const { asked, ask } = core([EU], () => DONE)
  expect(await ask('update')).toEqual(DONE)
  expect(asked).toEqual(['eu update 1'])
})

test('a home that has moved on is found again, but not sought for ever', async () => {
  const moving = core([EU, US], (region) => (region === US ? DONE : { status: 'moved' }))
  expect(await moving.ask('get')).toEqual(DONE)
  expect(moving.asked).toEqual(['eu get 1', 'us get 1'])
  const restless = core([EU], () => ({ status: 'moved' }))
  expect(await restless.ask('get')).toEqual({ status: 'unreachable', region: EU })
  expect(restless.asked).toHaveLength(3)
})

test('where the home does not answer, a reader gets what it had synced, and nobody changes anything', async () => {
  expect(await core([EU], down).ask('get')).toEqual({ status: 'synced', region: EU, shadow: 'as synced' })
  for (const verb of ['update', 'delete'] as const)
    expect(await core([EU], down).ask(verb)).toEqual({ status: 'unreachable', region: EU })
})

test('a device that was never there is made by an update, and by nothing else', async () => {
  for (const verb of ['get', 'delete'] as const) {
    const { asked, ask } = core([], () => DONE)
    expect(await ask(verb)).toEqual({ status: 'unknown' })
    expect(asked).toEqual([])
  }
  const { asked, ask } = core([], () => DONE)
  expect(await ask('update')).toEqual(DONE)
  expect(asked).toEqual(['us update 1'])
})
