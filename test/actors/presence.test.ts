// Presence: one event for each change, numbered through kills, takeovers and moves, and nobody sees a higher one first.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { IMPORT_RETRY_MS_MAX, PRESENCE_RETRY_MS, PRESENCE_RETRY_MS_MAX } from '../../actors/limits.ts'
import { type PresenceEvent, presenceEventSchema } from '../../src/relay/presence.ts'
import { FakePlatform } from './fake-platform.ts'
import { above, disorder } from './presence-order.ts'
import { firsts, PresenceWorld } from './presence-world.ts'
import { addressOf, connectFrame, EU, LAMP, packetsTo, subscribeFrame, US, watch } from './samples.ts'

const facts = ({ sequence, state, epoch, reason }: PresenceEvent) => [sequence, state, epoch, reason]
const seenBy = ({ got }: PresenceWorld) => got.map(facts)

test('a connection, its end, a broken one and a takeover are published in order, each with its reason', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  await world.end(true)
  await world.connect(EU)
  await world.end(false)
  await world.connect(EU)
  await world.connect(EU)
  await world.pass(100)
  expect(seenBy(world)).toEqual([
    [1, 'connected', 1, undefined],
    [2, 'disconnected', 1, 0],
    [3, 'connected', 1, undefined],
    [4, 'disconnected', 1, undefined],
    [5, 'connected', 1, undefined],
    [6, 'disconnected', 1, 0x8e],
    [7, 'connected', 1, undefined],
  ])
})

test.each([0, 3600])(
  'a kill ends the connection of a session that expires after %i s once',
  async (expiry) => {
    const world = new PresenceWorld()
    await world.connect(EU, expiry)
    await world.kill(EU)
    await world.kill(EU)
    await world.pass(100)
    expect(seenBy(world)).toEqual([
      [1, 'connected', 1, undefined],
      [2, 'disconnected', 1, undefined],
    ])
  },
)

test('memory that is lost while the connection stands tells nothing', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  await world.hibernate(EU)
  void world.gate(EU).device
  await world.pass(100)
  expect(seenBy(world)).toEqual([[1, 'connected', 1, undefined]])
})

test('in a move the old home’s end comes from the new home, before its own beginning', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  await world.connect(US)
  await world.pass(100)
  expect(world.got.map(({ region }) => region)).toEqual([EU, EU, US])
  expect(seenBy(world)).toEqual([
    [1, 'connected', 1, undefined],
    [2, 'disconnected', 1, 0x8e],
    [3, 'connected', 2, undefined],
  ])
})

test('what lies in the old home’s outbox is published by the new home before its own events', async () => {
  const world = new PresenceWorld()
  world.slow = true
  await world.connect(EU)
  await world.pass(100)
  expect(world.got).toEqual([])
  world.slow = false
  await world.connect(US)
  expect(world.got.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  await world.pass(100)
  expect(firsts(world.got).map(({ sequence }) => sequence)).toEqual([1, 2, 3])
})

test('an event that was not accepted is published again, also by a next life', async () => {
  const world = new PresenceWorld()
  world.failing = true
  await world.connect(EU)
  await world.pass(2_000)
  await world.kill(EU)
  await world.pass(2_000)
  expect(world.got).toEqual([])
  world.failing = false
  await world.pass(PRESENCE_RETRY_MS)
  await world.pass(100)
  expect(world.got.map(({ sequence }) => sequence)).toEqual([1, 2])
})

test('an event waits for the one before it, which is published again', async () => {
  const world = new PresenceWorld()
  world.failing = true
  await world.connect(EU)
  await world.pass(500)
  await world.end(true)
  // The last try of the first event is over at 520 ms; had the second been posted behind it, it would come first.
  await world.pass(15)
  await world.pass(10)
  world.failing = false
  await world.pass(PRESENCE_RETRY_MS)
  await world.pass(PRESENCE_RETRY_MS)
  expect(world.got.map(({ sequence }) => sequence)).toEqual([1, 2])
})

test('a connection without keep alive sets no alarm; that it died is published when something wakes the actor', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP))
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(0, { keepalive: 0 }))
  await platform.clock.pass(60_000)
  expect(platform.alarmAt).toBeNull()
})

test('what has arrived is not kept, but for the last event', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  await world.end(true)
  await world.pass(100)
  expect(world.platform(EU).storage.exec('SELECT * FROM announced')).toEqual([])
  expect(await world.gate(EU).device.parts.presence.ask(null)).toMatchObject({
    status: 'done',
    event: { sequence: 2, state: 'disconnected' },
  })
})

test('where presence is off nothing is published or stored', async () => {
  const world = new PresenceWorld(false)
  await world.connect(EU)
  await world.end(false)
  await world.pass(100)
  expect(world.got).toEqual([])
  expect(await world.gate(EU).device.parts.presence.ask(null)).toEqual({ status: 'done', event: null })
})

test('a client gets the last event retained when it subscribes to its own presence', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  const platform = world.platform(EU)
  const connection = platform.accept()
  world.gate(EU).opened(connection, true)
  await world.gate(EU).frame(connection, connectFrame(0))
  watch(world.gate(EU).frame(connection, subscribeFrame(1, `presence/${LAMP}`)))
  await world.pass(100)
  const published = packetsTo(connection).filter((packet) => packet.cmd === 'publish')
  expect(published).toMatchObject([{ topic: `presence/${LAMP}`, retain: true, qos: 1 }])
  expect(presenceEventSchema.parse(JSON.parse(String(published[0]?.payload)))).toMatchObject({ sequence: 3 })
})

test('a region that takes over goes on from what the store has of a session, and first ends that connection', async () => {
  const world = new PresenceWorld()
  await world.connect(EU, 3600)
  await world.end(true)
  await world.connect(EU, 3600)
  await world.pass(2_000)
  world.cut(EU)
  await world.connect(US, 3600)
  await world.pass(100)
  const seen = [
    [1, 'connected', 1, undefined],
    [2, 'disconnected', 1, 0],
    [3, 'connected', 1, undefined],
    [4, 'disconnected', 2, undefined],
    [5, 'connected', 2, undefined],
  ]
  expect(above(world.got).map(facts)).toEqual(seen)
  // What the old home has to say when it is back is of an older epoch, and told nobody.
  world.heal(EU)
  for (let i = 0; i < 3; i++) await world.pass(IMPORT_RETRY_MS_MAX)
  expect(above(world.got).map(facts)).toEqual(seen)
  expect(await world.gate(US).device.parts.presence.ask(null)).toMatchObject({
    event: { epoch: 2, sequence: 5 },
  })
  expect(await world.gate(EU).device.parts.presence.ask(null)).toMatchObject({
    status: 'moved',
    home: { region: US },
  })
  await world.connect(EU, 3600)
  await world.pass(100)
  expect(above(world.got).map(facts).slice(5)).toEqual([
    [6, 'disconnected', 2, 0x8e],
    [7, 'connected', 3, undefined],
  ])
})

test('an event that has not arrived is not in the store: its number is not skipped if the region is lost', async () => {
  const world = new PresenceWorld()
  world.slow = true
  await world.connect(EU, 3600)
  await world.pass(2_000)
  world.cut(EU)
  world.slow = false
  await world.connect(US, 3600)
  await world.pass(100)
  expect(seenBy(world)).toEqual([[1, 'connected', 2, undefined]])
})

test('what arrives after the session was synced is synced then', async () => {
  const world = new PresenceWorld()
  world.failing = true
  await world.connect(EU, 3600)
  await world.pass(2_000)
  world.failing = false
  for (let i = 0; i < 3; i++) await world.pass(PRESENCE_RETRY_MS)
  world.cut(EU)
  await world.connect(US, 3600)
  await world.pass(100)
  expect(seenBy(world)).toEqual([
    [1, 'connected', 1, undefined],
    [2, 'disconnected', 2, undefined],
    [3, 'connected', 2, undefined],
  ])
})

test('of a session that ends with its connection nothing is synced: after a fail-over its numbers begin anew', async () => {
  const world = new PresenceWorld()
  await world.connect(EU)
  await world.end(true)
  await world.connect(EU)
  await world.pass(60_000)
  expect(world.synced).toBe(0)
  world.cut(EU)
  await world.connect(US)
  await world.pass(100)
  expect(above(world.got).map(facts).slice(2)).toEqual([
    [3, 'connected', 1, undefined],
    [1, 'connected', 2, undefined],
  ])
})

test('events of a cut-off region about a client that has gone on elsewhere are below those published there', async () => {
  const world = new PresenceWorld()
  await world.connect(EU, 3600)
  await world.pass(2_000)
  world.cut(EU)
  await world.connect(US, 3600)
  await world.kill(EU)
  await world.pass(100)
  world.heal(EU)
  for (let i = 0; i < 3; i++) await world.pass(IMPORT_RETRY_MS_MAX)
  expect(world.got.at(-1)).toMatchObject({ epoch: 1, sequence: 2, state: 'disconnected' })
  expect(above(world.got).at(-1)).toMatchObject({ epoch: 2, sequence: 3, state: 'connected', region: US })
  expect(await world.gate(US).device.parts.presence.ask(null)).toMatchObject({
    event: { epoch: 2, sequence: 3 },
  })
})

type Action = typeof faulty extends fc.Arbitrary<infer One> ? One : never

const action = fc.oneof(
  fc.record({ do: fc.constant('connect' as const), us: fc.boolean(), expiry: fc.constantFrom(0, 3600) }),
  fc.record({ do: fc.constant('end' as const), farewell: fc.boolean() }),
  fc.record({ do: fc.constant('kill' as const), us: fc.boolean() }),
  fc.record({ do: fc.constant('hibernate' as const), us: fc.boolean() }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 30, 600, 6_000) }),
  fc.record({ do: fc.constantFrom('slow' as const, 'failing' as const), on: fc.boolean() }),
)

async function act(world: PresenceWorld, one: Action): Promise<void> {
  const region = 'us' in one && one.us ? US : EU
  if (one.do === 'connect') {
    if (world.serves(region)) await world.connect(region, one.expiry)
  } else if (one.do === 'end') await world.end(one.farewell)
  else if (one.do === 'pass') await world.pass(one.ms)
  else if (one.do === 'slow' || one.do === 'failing') world[one.do] = one.on
  else if (one.do === 'lose') {
    const to = world.region === US ? EU : US
    // The region that takes over must have heard before that it was itself taken over from.
    world.heal(to)
    world.heal(world.region)
    await world.pass(IMPORT_RETRY_MS_MAX)
    world.cut(world.region)
    await world.connect(to, one.expiry)
  } else await world[one.do](region)
}

test('through random lives a watcher sees each number once first, in order, and the states alternate', {
  timeout: 60_000,
}, async () => {
  let events = 0
  let repeats = 0
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const world = new PresenceWorld()
      for (const one of actions) await act(world, one)
      world.slow = false
      world.failing = false
      for (let i = 0; i < 3; i++) await world.pass(PRESENCE_RETRY_MS_MAX)
      const seen = firsts(world.got)
      expect(seen.map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: world.expected }, (_, i) => i + 1),
      )
      for (const { sequence, state } of seen)
        expect(state).toBe(sequence % 2 === 1 ? 'connected' : 'disconnected')
      expect(seen.at(-1)?.state === 'connected').toBe(world.connected)
      expect(seen.map(({ epoch }) => epoch)).toEqual(seen.map(({ epoch }) => epoch).sort((a, b) => a - b))
      events += seen.length
      repeats += world.got.length - seen.length
    }),
    { seed: 1883, numRuns: 300 },
  )
  expect(events).toBeGreaterThan(1_000)
  expect(repeats).toBeGreaterThan(0)
})

const faulty = fc.oneof(
  { weight: 2, arbitrary: action },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'heal' as const), us: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('lose' as const), expiry: fc.constantFrom(0, 3600) }),
  },
)

test('through random lives and losses of regions a watcher sees no gap but where a new epoch began from the store', {
  timeout: 60_000,
}, async () => {
  let failOvers = 0
  await fc.assert(
    fc.asyncProperty(fc.array(faulty, { minLength: 5, maxLength: 40 }), async (actions) => {
      const world = new PresenceWorld()
      for (const one of actions) await act(world, one)
      world.heal(EU)
      world.heal(US)
      world.slow = false
      world.failing = false
      for (let i = 0; i < 5; i++) await world.pass(PRESENCE_RETRY_MS_MAX)
      failOvers += world.failOvers
      expect(disorder(world.got)).toEqual([])
      // Nor is one passed over at the beginning.
      const seen = above(world.got)
      expect(seen[0]?.sequence ?? 1).toBe(1)
      expect(seen.at(-1)?.state === 'connected').toBe(world.connected)
    }),
    { seed: 1883, numRuns: 300 },
  )
  expect(failOvers).toBeGreaterThan(500)
})
