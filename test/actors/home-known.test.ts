// What a leaf tells of the home that it knows, so that a directory which has gone back in time is put right.
import { describe, expect, test } from 'vitest'
import { Device } from '../../actors/device/device.ts'
import { Topic } from '../../actors/topic/topic.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import { NO_PAGE } from '../../src/relay/page.ts'
import { type CoreScript, fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, EU, LAMP, LAMP_ROOT, ROOM, subscriptionTo, US, watch } from './samples.ts'

const AT_US = { region: US, epoch: 2 }
const NAMING = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, region: EU }
const KNOWING = { ...NAMING, known: AT_US }
const MOVED = { status: 'moved', home: AT_US }
const EMPTY: HandoverState = {
  session: null,
  clock: 0,
  retained: [],
  interests: [],
  presence: [],
  shadows: [],
}

/** What the core is asked, in order. */
function asked(script: CoreScript = {}) {
  const requests: [name: string, request: unknown][] = []
  const noted = <Request, Answer>(name: string, answer: (request: Request) => Promise<Answer>) => {
    return (request: Request) => {
      requests.push([name, request])
      return answer(request)
    }
  }
  const core = fakeCore(EU, script)
  return {
    requests,
    core: {
      ...core,
      resolve: noted('resolve', core.resolve),
      claim: noted('claim', core.claim),
      interest: noted('interest', core.interest),
      drained: noted('drained', core.drained),
    },
  }
}

/** The lamp in eu, which was the home of epoch 1 and has handed over. */
async function formerHome(script: CoreScript = {}) {
  const { requests, core } = asked(script)
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core })
  const first = new Device(platform, LAMP, [])
  await first.leaf.home.take()
  first.parts.handover.handover({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US })
  requests.length = 0
  const awake = platform.loseMemory()
  return { requests, clock: platform.clock, device: new Device(awake, LAMP, []) }
}

describe('a former home', () => {
  test('says which one it knows whatever it is asked as the home', async () => {
    const { device, requests } = await formerHome()
    const { leaf } = device
    const records = new Uint8Array(0)
    const envelope = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, source: 's', first: 0, clock: 0, records }
    const wish = { ...NAMING, change: 'add' as const, order: 1, plain: true, shares: [], filters: [] }
    const request = { id: 'a', path: 'shadow', verb: 'get' as const, body: '' }
    expect(await leaf.receive({ ...envelope, to: { kind: 'home' } }, 1)).toEqual(MOVED)
    expect(await leaf.interest({ ...wish, epoch: 1 })).toEqual(MOVED)
    expect(await device.parts.shadows.request(request, 1)).toEqual(MOVED)
    expect(await leaf.historySeam(1)).toEqual(MOVED)
    expect(await device.parts.presence.ask(1)).toEqual(MOVED)
    expect(await device.parts.commands.ask({ ask: 'look', id: 'c-1', holdMs: 0 }, 1)).toEqual(MOVED)
    expect(await leaf.drained(EU)).toEqual(AT_US)
    expect(await leaf.homeKnown()).toEqual({ home: AT_US, imported: false })
    expect(requests).toEqual([])
  })

  test('tells it to the core with all that it asks', async () => {
    const claimed = [1, 3]
    const { device, requests } = await formerHome({
      interest: async () => ({ home: AT_US, order: 0, clock: 0, retained: [] }),
      resolve: async () => ({ home: AT_US }),
      claim: async () => ({ home: { region: EU, epoch: claimed.shift() ?? 0 }, state: null, synced: false }),
    })
    await device.leaf.home.verify()
    await device.leaf.subscribe(LAMP, 's', [subscriptionTo('devices/lamp/#')])
    await device.leaf.fence(LAMP, 's')
    await device.leaf.home.take()
    expect(requests.map(([name]) => name)).toEqual(['resolve', 'interest', 'drained', 'claim'])
    for (const [, request] of requests) expect(request).toMatchObject(KNOWING)
  })

  test('is one for a topic’s root too', async () => {
    const { core } = asked()
    const topic = new Topic(new FakePlatform(addressOf('topic', EU, ROOM), { core }), ROOM)
    await topic.leaf.home.find()
    topic.handover({ fleet: DEFAULT_FLEET, root: ROOM, epoch: 2, to: US })
    expect(await topic.leaf.homeKnown()).toEqual({ home: AT_US, imported: false })
  })
})

test.each([
  ['still is', 'applied', []],
  ['is no longer', 'fenced', ['resolve', 'drained']],
  ['is, the store not being reached', 'failed', ['drained']],
] as const)(
  'a home that has never moved and %s: what comes from elsewhere is waited for before a subscriber moves away, if any can',
  async (_, said, then) => {
    const { requests, core } = asked({ resolve: async () => ({ home: AT_US }) })
    let syncs = 0
    const peers = fakePeers({
      uplink: () => ({
        sync: async () => {
          syncs++
          return said
        },
      }),
    })
    const platform = new FakePlatform(addressOf('device', EU, LAMP), { core, peers })
    const { leaf } = new Device(platform, LAMP, [])
    await leaf.home.take()
    requests.length = 0
    const fenced = watch(leaf.fence(APP, 's'))
    await platform.clock.pass(2_000)
    expect(fenced.state()).toBe('resolved')
    expect(requests.map(([name]) => name)).toEqual(then)
    expect(syncs).toBe(1)
  },
)

test('a leaf that knows of no home says so, and asks nobody', async () => {
  const { requests, core } = asked()
  const device = new Device(new FakePlatform(addressOf('device', EU, LAMP), { core }), LAMP, [])
  expect(await device.leaf.homeKnown()).toEqual({ home: null, imported: false })
  expect(requests).toEqual([])
  await device.leaf.home.take()
  expect(requests).toEqual([['claim', { ...NAMING, pages: NO_PAGE }]])
})

test('a home has imported when the former ones have released the root, and not before', async () => {
  const late = held<never>()
  const script = (imported: CoreScript) =>
    asked({
      claim: async () => ({ home: { region: EU, epoch: 2 }, state: EMPTY, synced: true }),
      ...imported,
    })
  const open = new FakePlatform(addressOf('device', EU, LAMP), {
    core: script({ imported: () => late.answer }).core,
  })
  const importing = new Device(open, LAMP, [])
  watch(importing.leaf.home.take())
  await open.clock.pass(5_000)
  expect(await importing.leaf.homeKnown()).toEqual({ home: { region: EU, epoch: 2 }, imported: false })

  const done = new FakePlatform(addressOf('device', EU, LAMP), { core: script({}).core })
  const imported = new Device(done, LAMP, [])
  watch(imported.leaf.home.take())
  await done.clock.pass(5_000)
  expect(await imported.leaf.homeKnown()).toEqual({ home: { region: EU, epoch: 2 }, imported: true })
})
