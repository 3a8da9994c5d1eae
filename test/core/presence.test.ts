// The core asked for a client's presence: it asks the home, follows one that moves, and names one that is out of reach.
import { describe, expect, test } from 'vitest'
import type { Directory } from '../../k8s-core/directory.ts'
import { EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import type { Edges } from '../../k8s-core/edges.ts'
import { Relay } from '../../k8s-core/relay.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { HomePresenceResponse, PresenceEvent } from '../../src/relay/presence.ts'

const [EU, US] = ['eu', 'us'] as RegionId[] as [RegionId, RegionId]
const ASKED = { fleet: DEFAULT_FLEET, root: 'devices/lamp' as Root, region: EU }
const EVENT: PresenceEvent = {
  client: 'lamp',
  state: 'connected',
  epoch: 4,
  sequence: 9,
  region: US,
  at: '2026-01-01T00:00:00.000Z',
}

/** @param homes what the directory says, one time after another */
function relayWith(homes: (HomeAnswer | null)[], edge: (region: RegionId) => Promise<HomePresenceResponse>) {
  const asked: [RegionId, number][] = []
  const directory = { findForReader: async () => (homes.length > 1 ? homes.shift() : homes[0]) ?? null }
  const edges: Partial<Edges> = {
    presence: (region, { epoch }) => {
      asked.push([region, epoch])
      return edge(region)
    },
  }
  return { asked, relay: new Relay(directory as unknown as Directory, edges as Edges) }
}

describe('a client’s presence', () => {
  test('is what its home says', async () => {
    const { asked, relay } = relayWith([{ region: US, epoch: 4 }], async () => ({
      status: 'done',
      event: EVENT,
    }))
    expect(await relay.presence(ASKED)).toEqual({ status: 'done', event: EVENT })
    expect(asked).toEqual([[US, 4]])
  })

  test('of one that never had a home is nothing, and nobody is asked', async () => {
    const { asked, relay } = relayWith([null], async () => ({ status: 'moved' }))
    expect(await relay.presence(ASKED)).toEqual({ status: 'done', event: null })
    expect(asked).toEqual([])
  })

  test('is asked of the newer home where it has moved meanwhile', async () => {
    const homes = [
      { region: EU, epoch: 3 },
      { region: US, epoch: 4 },
    ]
    const { asked, relay } = relayWith(homes, async (region) =>
      region === EU ? { status: 'moved' } : { status: 'done', event: EVENT },
    )
    expect(await relay.presence(ASKED)).toEqual({ status: 'done', event: EVENT })
    expect(asked).toEqual([
      [EU, 3],
      [US, 4],
    ])
  })

  test('of a home that is not reached, or moves on and on, is not known, and the region is named', async () => {
    const down = relayWith([{ region: US, epoch: 4 }], async () => {
      throw new EdgeUnreachable(US, 'down')
    })
    expect(await down.relay.presence(ASKED)).toEqual({ status: 'unreachable', region: US })
    const moving = relayWith([{ region: US, epoch: 4 }], async () => ({ status: 'moved' }))
    expect(await moving.relay.presence(ASKED)).toEqual({ status: 'unreachable', region: US })
  })
})
