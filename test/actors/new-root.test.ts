// Roots that nobody has: nothing is written for a message that nobody gets or keeps, and a client begins a bounded number of roots.
import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { RootBudget } from '../../actors/device/session/root-budget.ts'
import { ROOT_AGAIN_MS, ROOT_LOOKS_MAX, ROOTS_BEGUN_MAX, WIDE_GRANT_MS } from '../../actors/limits.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { parseChosen } from '../../src/history/chosen.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, EU, LAMP, ROOM, record, US, watch } from './samples.ts'

interface World {
  /** What the directory has. */
  home: HomeAnswer | null
  /** Whether a wide filter may match. */
  wanted: boolean
  /** Whether the client may begin a root. */
  budget: boolean
  up: boolean
}

function world(more: Partial<World> = {}, settings: ConstructorParameters<typeof FakePlatform>[1] = {}) {
  const state: World = { home: null, wanted: false, budget: true, up: true, ...more }
  const asked: string[] = []
  const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
    ...settings,
    peers: fakePeers({
      device: (client) => ({
        beginsRoot: async () => {
          asked.push(`budget of ${client}`)
          return state.budget
        },
      }),
      wide: () => ({
        publish: async (_, batch) => ({
          outcomes: new Uint8Array(unpackBatch(batch).length).fill(Reason.NoMatchingSubscribers),
          skipMs: state.wanted ? 0 : WIDE_GRANT_MS,
        }),
      }),
    }),
    core: fakeCore(EU, {
      resolve: async ({ begin = true }) => {
        if (!state.up) throw new CoreUnreachable('away')
        asked.push(begin ? 'begin' : 'look')
        if (begin) state.home ??= { region: EU, epoch: 1 }
        return { home: state.home }
      },
    }),
  })
  const { leaf } = new Topic(platform, ROOM)
  const publish = async (more: Parameters<typeof record>[2] = {}) => {
    const outcomes = watch(leaf.publish(LAMP, [record('rooms/1/x', 'x', more)]))
    await platform.clock.pass(100)
    return outcomes.value()?.[0]
  }
  const subscribe = async () => {
    const subscribed = watch(
      leaf.subscribe(APP, 's1', [
        {
          filter: 'rooms/1/#',
          qos: 1,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          identifier: 0,
        },
      ]),
    )
    await platform.clock.pass(100)
    return subscribed.value()?.reasons
  }
  return { state, asked, platform, leaf, publish, subscribe }
}

describe('a publish to a root that nobody has', () => {
  test.each([0, 1, 2] as const)(
    'at QoS %i that nobody wants writes nothing, here and in the directory',
    async (qos) => {
      const { state, asked, platform, publish } = world()
      expect(await publish({ qos })).toBe(Reason.NoMatchingSubscribers)
      expect(asked).toEqual(['look'])
      expect(state.home).toBeNull()
      expect(platform.storage.blank).toBe(true)
    },
  )

  test.each([
    ['is retained', {}, {}, { retain: true }],
    ['may match a wide filter', { wanted: true }, {}, {}],
    ['has history', {}, { settings: { history: parseChosen('rooms/#=1d') } }, {}],
  ] as const)(
    'makes its region the home if it %s, within the budget of its client',
    async (_, more, settings, message) => {
      const { asked, publish } = world(more, settings)
      expect(await publish(message)).not.toBe(Reason.QuotaExceeded)
      expect(asked).toEqual(['look', `budget of ${LAMP}`, 'begin'])
      const poor = world({ ...more, budget: false }, settings)
      expect(await poor.publish(message)).toBe(Reason.QuotaExceeded)
      expect(poor.state.home).toBeNull()
    },
  )

  test('makes a home if it goes on, so that the directory is not asked for ever', async () => {
    const { state, asked, publish } = world()
    for (let i = 0; i < ROOT_LOOKS_MAX; i++) await publish()
    expect(state.home).toBeNull()
    await publish()
    expect(state.home).not.toBeNull()
    asked.length = 0
    await publish()
    expect(asked).toEqual([])
  })

  test('is not missed by a subscriber elsewhere that came before it', async () => {
    const { state, leaf, platform, publish } = world()
    await publish()
    state.home = { region: US, epoch: 1 }
    await publish()
    expect(leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US })
    await platform.clock.settled()
  })

  test('waits in the outbox while the core is away', async () => {
    const { publish, leaf } = world({ up: false })
    expect(await publish()).toBe(Reason.Success)
    expect(leaf.home.knowledge).toEqual({ at: 'unknown' })
  })
})

describe('a root that exists', () => {
  test('costs its publisher no budget', async () => {
    const { asked, publish } = world({ home: { region: US, epoch: 1 }, budget: false })
    expect(await publish()).toBe(Reason.Success)
    expect(asked).toEqual(['look'])
  })
})

describe('a SUBSCRIBE of a root that nobody has', () => {
  test('begins it within the budget of its client, and is refused with 0x97 past it', async () => {
    const rich = world()
    expect(await rich.subscribe()).toEqual([1])
    expect(rich.asked).toEqual(['look', `budget of ${APP}`, 'begin'])
    const poor = world({ budget: false })
    expect(await poor.subscribe()).toEqual([Reason.QuotaExceeded])
    expect(poor.leaf.subscribers.size).toBe(0)
    expect(await poor.publish()).toBe(Reason.NoMatchingSubscribers)
  })
})

test('the budget of a client is what a session may have, and grows again by the time', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP))
  const budget = new RootBudget(platform)
  const taken = () => {
    let count = 0
    while (budget.take()) count++
    return count
  }
  expect(taken()).toBe(ROOTS_BEGUN_MAX)
  expect(taken()).toBe(0)
  await platform.clock.pass(2 * ROOT_AGAIN_MS)
  expect(taken()).toBe(2)
  await platform.clock.pass(2 * ROOTS_BEGUN_MAX * ROOT_AGAIN_MS)
  expect(taken()).toBe(ROOTS_BEGUN_MAX)
})
