// A home under races: claims, imports and hand-overs whose answers cross.
import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Device } from '../../actors/device/device.ts'
import { COURIER_CALLS_MAX } from '../../actors/limits.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { clientOfRoot, rootOfClient } from '../../src/id/root.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope } from '../../src/relay/envelope.ts'
import { ALL_IMPORTED, type ClaimResponse, type ImportedResponse } from '../../src/relay/home.ts'
import { FakeClock } from './fake-clock.ts'
import { type CoreScript, fakeCore, fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  deliveredTexts,
  EU,
  LAMP,
  LAMP_ROOT,
  NO_STATE,
  record,
  routed,
  routedTexts,
  sessionState,
  subscriptionTo,
  US,
  watch,
} from './samples.ts'

const TO_US = { fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 3, to: US }

function lampIn(region: RegionId, core: CoreScript) {
  const platform = new FakePlatform(addressOf('device', region, LAMP), { core: fakeCore(region, core) })
  return { platform, clock: platform.clock, device: new Device(platform, LAMP, []) }
}

function toHome(source: string, batch: Uint8Array): Envelope {
  const records = batch
  return { fleet: DEFAULT_FLEET, root: LAMP_ROOT, to: { kind: 'home' }, source, first: 0, clock: 0, records }
}

test('a claim whose answer comes after a newer hand-over leaves the home where it went', async () => {
  const claim = held<ClaimResponse>()
  const { platform, clock, device } = lampIn(EU, { claim: () => claim.answer })
  const taken = watch(device.leaf.home.take())
  await clock.settled()
  const given = watch(Promise.resolve(device.parts.handover.handover(TO_US)))
  await clock.settled()
  claim.give({ home: { region: EU, epoch: 2 }, state: null, synced: false })
  await clock.pass(100)

  expect(taken.cause()).toBeInstanceOf(CoreUnreachable)
  expect(given.state()).toBe('resolved')
  expect(device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 3 })
  const awake = new Device(platform.loseMemory(), LAMP, [])
  expect(awake.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 3 })
})

test('an import that is finished after a newer hand-over does not bring the home back', async () => {
  const imported = held<ImportedResponse>()
  const { platform, clock, device } = lampIn(EU, {
    claim: async () => ({
      home: { region: EU, epoch: 2 },
      state: { ...NO_STATE, session: null },
      synced: false,
    }),
    imported: () => imported.answer,
  })
  watch(device.leaf.home.take())
  await clock.settled()
  watch(Promise.resolve(device.parts.handover.handover(TO_US)))
  await clock.settled()
  imported.give(ALL_IMPORTED)
  await clock.pass(100)

  expect(device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 3 })
  const awake = new Device(platform.loseMemory(), LAMP, [])
  expect(awake.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 3 })
})

test('a region that was made the home and never learned of it says so each time, and does not become it later', async () => {
  const claim = held<ClaimResponse>()
  const { platform, clock, device } = lampIn(EU, { claim: () => claim.answer })
  const taken = watch(device.leaf.home.take())
  await clock.settled()
  expect(device.parts.handover.handover(TO_US)).toEqual({ state: null })
  claim.give({ home: { region: EU, epoch: 2 }, state: stateOf(LAMP), synced: true })
  await clock.pass(100)
  expect(taken.cause()).toBeInstanceOf(CoreUnreachable)
  const awake = new Device(platform.loseMemory(), LAMP, [])
  expect(awake.parts.handover.handover(TO_US)).toEqual({ state: null })
})

test('an older home that the directory makes the home again, and that never learns of it, gives nothing as that', async () => {
  const { clock, device } = lampIn(EU, {})
  await device.leaf.home.take()
  await clock.pass(100)
  expect(device.leaf.home.knowledge).toMatchObject({ at: 'here', epoch: 1 })
  expect(device.parts.handover.handover(TO_US)).toEqual({ state: null })
  expect(device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 3 })
})

function stateOf(client: ClientId, ...filters: string[]) {
  const session = sessionState(filters, {
    id: `session of ${client}`,
    disconnectedAt: Date.UTC(2026, 0, 1),
  })
  return { ...NO_STATE, session }
}

test('a leaf whose home is here answers a subscriber although an import is under way', async () => {
  const never = held<never>()
  const platform = new FakePlatform(addressOf('device', US, LAMP), {
    peers: fakePeers({ leaf: () => ({ subscribe: () => never.answer }) }),
    core: fakeCore(US, {
      claim: async () => ({
        home: { region: US, epoch: 2 },
        state: stateOf(LAMP, 'devices/phone/#'),
        synced: false,
      }),
    }),
  })
  const device = new Device(platform, LAMP, [])
  const taken = watch(device.leaf.home.take())
  await platform.clock.settled()
  const subscribed = watch(device.leaf.subscribe(APP, 'session of app', [subscriptionTo('devices/lamp/#')]))
  await platform.clock.pass(100)

  expect(taken.state()).toBe('open')
  expect(subscribed.value()?.reasons).toEqual([1])
})

test('two devices that are imported while each subscribes at the other do not wait for each other', async () => {
  const clock = new FakeClock()
  const devices = new Map<Root, Device>()
  const peers = fakePeers({
    leaf: (root) => ({
      subscribe: (...parameters) => {
        const device = devices.get(root)
        if (device === undefined) throw new Error(`no leaf of ${root}`)
        return device.leaf.subscribe(...parameters)
      },
    }),
  })
  const core = fakeCore(US, {
    claim: async ({ root }) => {
      const client = clientOfRoot(root) as ClientId
      await new Promise<void>((done) => clock.after(20, done))
      const other = client === LAMP ? 'phone' : 'lamp'
      return { home: { region: US, epoch: 2 }, state: stateOf(client, `devices/${other}/#`), synced: false }
    },
  })
  const taken = (['lamp', 'phone'] as ClientId[]).map((client) => {
    const platform = new FakePlatform(addressOf('device', US, client), { clock, peers, core })
    const device = new Device(platform, client, [])
    devices.set(rootOfClient(client), device)
    return watch(device.leaf.home.take())
  })
  await clock.pass(3000)

  expect(taken.map(({ state }) => state())).toEqual(['resolved', 'resolved'])
  expect([...devices.values()].map(({ parts }) => parts.store.unregistered())).toEqual([[], []])
})

test('messages that the home picked up from the uplink are answered when they are delivered, also those that come by the core too', async () => {
  const delivered = held<Uint8Array>()
  const packed = packBatch([routed('devices/lamp/x', '1')])
  const platform = new FakePlatform(addressOf('device', US, LAMP), {
    peers: fakePeers({
      device: () => ({ deliver: () => delivered.answer }),
      uplink: () => ({ pickUp: async () => [{ source: 'lane', first: 0, batch: packed }] }),
    }),
    core: fakeCore(US),
  })
  const device = new Device(platform, LAMP, [])
  watch(device.leaf.subscribe(APP, 's', [subscriptionTo('devices/lamp/#')]))
  await platform.clock.pass(100)
  const underWay = watch(device.leaf.receive(toHome('lane', packed), 1))
  await platform.clock.pass(100)
  expect(underWay.state()).toBe('open')
  delivered.give(Uint8Array.of(0))
  await platform.clock.pass(100)
  expect(underWay.value()).toEqual({ status: 'done', outcomes: [0] })
})

test.each([
  ['is confirmed when all of it was delivered', 0, 1],
  ['is not confirmed where an actor on its way failed: the uplink has it yet', Reason.UnspecifiedError, 0],
])('a message that the home picked up from the uplink %s', async (_, outcome, confirmed) => {
  let took = 0
  const platform = new FakePlatform(addressOf('device', US, LAMP), {
    peers: fakePeers({
      device: () => ({ deliver: async () => Uint8Array.of(outcome) }),
      uplink: () => ({
        pickUp: async () => [{ source: 'lane', first: 0, batch: packBatch([routed('devices/lamp/x', '1')]) }],
        confirmPickup: async () => {
          took++
        },
      }),
    }),
    core: fakeCore(US),
  })
  const device = new Device(platform, LAMP, [])
  watch(device.leaf.subscribe(APP, 's', [subscriptionTo('devices/lamp/#')]))
  await platform.clock.pass(100)
  expect(took).toBe(confirmed)
})

test('what waited at a former home until that was the home again may have been taken in between: its uplink is to say', async () => {
  const claim = held<ClaimResponse>()
  const { clock, device } = lampIn(EU, { claim: () => claim.answer })
  device.leaf.home.handedOver(US, 2)
  const taken = watch(device.leaf.home.take())
  const received = (source: string, epoch: number) =>
    watch(device.leaf.receive(toHome(source, packBatch([routed('devices/lamp/x', source)])), epoch))
  await clock.settled()
  const waited = received('for the first home', 1)
  const meant = received('for this home', 3)
  await clock.pass(10)
  expect([waited.state(), meant.state()]).toEqual(['open', 'open'])
  claim.give({ home: { region: EU, epoch: 3 }, state: null, synced: false })
  await clock.pass(100)
  expect(taken.value()).toMatchObject({ at: 'here', epoch: 3 })
  expect(waited.value()).toMatchObject({ status: 'unreachable' })
  expect(meant.value()).toMatchObject({ status: 'done' })
  // From a pod that has not heard of the moves.
  const late = received('named late', 1)
  await clock.pass(100)
  expect(late.value()).toMatchObject({ status: 'done' })
})

test('messages that this leaf had not yet given to the uplink when it became the home follow those that wait there', async () => {
  const sent: string[] = []
  const got: string[] = []
  const platform = new FakePlatform(addressOf('device', EU, LAMP), {
    peers: fakePeers({
      device: () => ({
        deliver: async (_, batch) => {
          got.push(...deliveredTexts(batch))
          return new Uint8Array(unpackBatch(batch).length)
        },
      }),
      uplink: () => ({
        // The other region is slow.
        send: (_root, _to, _hint, batch) => {
          sent.push(...routedTexts(batch))
          return held<Uint8Array>().answer
        },
        pickUp: async () => [
          { source: 'lane', first: 0, batch: packBatch(sent.map((text) => routed('devices/lamp/x', text))) },
        ],
      }),
    }),
    core: fakeCore(EU, {
      resolve: async () => ({ home: { region: US, epoch: 1 } }),
      claim: async () => ({ home: { region: EU, epoch: 2 }, state: null, synced: false }),
    }),
  })
  const device = new Device(platform, LAMP, [])
  device.leaf.subscribers.add(APP, 's', subscriptionTo('devices/lamp/#'))
  const texts = Array.from({ length: COURIER_CALLS_MAX + 2 }, (_, i) => `${i}`)
  const outcomes: number[] = []
  for (const text of texts) {
    void device.leaf.publish(LAMP, [record('devices/lamp/x', text)]).then(([one]) => outcomes.push(one ?? -1))
    await platform.clock.pass(10)
  }
  expect(sent).toHaveLength(COURIER_CALLS_MAX)
  await device.leaf.home.take()
  void device.leaf.publish(LAMP, [record('devices/lamp/x', 'new')])
  await platform.clock.pass(1_000)
  expect(got).toEqual([...texts, 'new'])
  // Of those that were with the uplink already, it says what became of them.
  expect(outcomes).toEqual([0, 0])
})
