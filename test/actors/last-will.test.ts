// A will whose connection died with its process: the client may have gone on elsewhere before the process is back.
import { describe, expect, test } from 'vitest'
import { WillStore } from '../../actors/device/session/will-store.ts'
import { RESOLVE_WAIT_MS, WILL_CHECK_MS, WILLS_DUE_MAX } from '../../actors/limits.ts'
import { held, publishInto } from './fake-peers.ts'
import { RELEASE, recordTexts, textOf, US, watch } from './samples.ts'
import { AWAY, type Directory, HERE, MOVED, resolvedBy, SyncWorld } from './sync-world.ts'

const NO_BYTES = new Uint8Array(0)

const WILL = {
  will: { topic: 'rooms/1/lamp', payload: Buffer.from('offline'), qos: 1 as const, retain: true },
}

/** A lamp whose process has died while it was connected, and is back. */
async function back(directory: Directory, expirySeconds: number) {
  const published: string[] = []
  const world = new SyncWorld({ resolve: resolvedBy(directory) })
  world.leaf = () => ({ publish: publishInto(published) })
  await world.connect(expirySeconds, WILL)
  await world.clock.pass(5_000)
  world.answer = async () => directory.sync
  world.crash()
  return { world, published }
}

const SESSIONS = [
  ['outlives its connection', 3600],
  ['ends with its connection', 0],
] as const

test.each(SESSIONS)(
  'is void where the client has gone on elsewhere, and its session %s',
  async (_, expirySeconds) => {
    const { world, published } = await back(MOVED, expirySeconds)
    await world.alarm()
    await world.clock.pass(WILL_CHECK_MS)
    await world.alarm()
    await world.clock.pass(WILL_CHECK_MS)
    expect(published).toEqual([])
  },
)

test('is void also where its successor asks before the directory was', async () => {
  const { world, published } = await back(MOVED, 3600)
  await world.device.parts.handover.release(RELEASE)
  await world.clock.pass(WILL_CHECK_MS)
  expect(published).toEqual([])
})

test.each(SESSIONS)('is published where it has not, and its session %s', async (_, expirySeconds) => {
  const { world, published } = await back(HERE, expirySeconds)
  await world.alarm()
  await world.clock.pass(RESOLVE_WAIT_MS)
  expect(published).toEqual(['offline'])
})

test.each(SESSIONS)(
  'is published where nobody can be asked, and its session %s',
  async (_, expirySeconds) => {
    const { world, published } = await back(AWAY, expirySeconds)
    await world.alarm()
    await world.clock.pass(RESOLVE_WAIT_MS + 1_000)
    expect(published).toEqual(['offline'])
  },
)

test.each(SESSIONS)(
  'goes before all that its client says when that is back before the answer, and its session %s',
  async (_, expirySeconds) => {
    const { world, published } = await back(MOVED, expirySeconds)
    watch(world.connect(expirySeconds))
    await world.clock.settled()
    expect(published).toEqual(['offline'])
    await world.clock.pass(RESOLVE_WAIT_MS)
    expect(published).toEqual(['offline'])
  },
)

/** A lamp that is connected, as far as its region knows. */
async function connected() {
  const { world, published } = await back(HERE, 3600)
  await world.connect(3600, WILL)
  published.length = 0
  return { world, published }
}

test('of a connection that stands is published when the session is taken over elsewhere', async () => {
  const { world, published } = await connected()
  world.device.parts.handover.handover(RELEASE)
  await world.clock.settled()
  expect(published).toEqual(['offline'])
})

test('of a connection in a lost region is void: its client has gone on elsewhere without it', async () => {
  const { world, published } = await connected()
  world.device.leaf.handOver(US, 2, true)
  await world.clock.pass(WILL_CHECK_MS)
  expect(published).toEqual([])
})

test('that was delayed, and is due when the process is back, is void where the client has gone on elsewhere', async () => {
  for (const [directory, told] of [
    [MOVED, []],
    [HERE, ['offline']],
  ] as const) {
    const { world, published } = await back(directory, 3600)
    world.answer = async () => 'applied'
    await world.connect(3600, { will: { ...WILL.will, properties: { willDelayInterval: 60 } } })
    published.length = 0
    world.connection.gone = true
    world.gate.closed(world.connection)
    await world.clock.pass(5_000)
    world.crash()
    world.answer = async () => directory.sync
    await world.clock.pass(60_000)
    await world.alarm()
    await world.clock.pass(RESOLVE_WAIT_MS)
    expect(published).toEqual(told)
  }
})

test('is published once, should the process die again before that is known', async () => {
  const { world, published } = await back(HERE, 3600)
  await world.alarm()
  world.crash()
  await world.clock.pass(WILL_CHECK_MS)
  await world.alarm()
  await world.clock.pass(WILL_CHECK_MS)
  await world.alarm()
  expect(published).toEqual(['offline'])
})

/** The lamp's socket is gone without DISCONNECT. */
function lose(world: SyncWorld): void {
  world.connection.gone = true
  world.gate.closed(world.connection)
}

const saying = (payload: string, qos: 0 | 1 = 1) => ({
  will: { ...WILL.will, payload: Buffer.from(payload), qos },
})

test.each([1, 0] as const)(
  'at QoS %i of a second connection, which ends while the first will waits for its receiver, comes after that',
  async (qos) => {
    const published: string[] = []
    const receiver = held<Uint8Array>()
    const world = new SyncWorld()
    world.leaf = () => ({
      publish: async (_, batch) => {
        published.push(...recordTexts(batch))
        return published.length === 1 ? receiver.answer : new Uint8Array(recordTexts(batch).length)
      },
    })
    for (const text of ['first', 'second']) {
      await world.connect(3600, saying(text, qos))
      lose(world)
      await world.clock.pass(30)
    }
    receiver.give(new Uint8Array(1))
    await world.clock.pass(1_000)
    expect(published).toEqual(['first', 'second'])
    expect(new WillStore(world.platform.storage).due()).toEqual([])
  },
)

test('of two connections are both published, in order, should the process die before the first is known to have arrived', async () => {
  const published: string[] = []
  const world = new SyncWorld({ resolve: resolvedBy(HERE) })
  world.leaf = () => ({ publish: () => new Promise(() => undefined) })
  for (const text of ['first', 'second']) {
    await world.connect(3600, saying(text))
    lose(world)
    await world.clock.pass(30)
  }
  world.crash()
  world.leaf = () => ({ publish: publishInto(published) })
  await world.clock.pass(WILL_CHECK_MS)
  await world.alarm()
  await world.clock.pass(RESOLVE_WAIT_MS)
  expect(published).toEqual(['first', 'second'])
})

test('past the bound of wills that cannot be published the oldest is dropped', async () => {
  const world = new SyncWorld()
  world.leaf = () => ({ publish: async (_, batch) => new Uint8Array(recordTexts(batch).length).fill(0x97) })
  for (let i = 0; i <= WILLS_DUE_MAX; i++) {
    await world.connect(3600, saying(String(i)))
    lose(world)
    await world.clock.pass(30)
  }
  const wills = new WillStore(world.platform.storage)
  const texts = wills.due().map((number) => textOf(wills.dueMessage(number)?.payload ?? NO_BYTES))
  expect(texts).toEqual(Array.from({ length: WILLS_DUE_MAX }, (_, i) => String(i + 1)))
})

describe('that is delayed, when its client connects in another region', () => {
  const HANDOVER = { fleet: RELEASE.fleet, root: RELEASE.root, to: US, epoch: 2 }
  const DELAYED = { will: { ...WILL.will, properties: { willDelayInterval: 3 } } }

  test.each([
    ['with Clean Start 1, is published at once: its session has ended [MQTT-3.1.2-8]', true, ['offline']],
    ['and goes on, is void', false, []],
  ])('%s', async (_, cleanStart, told) => {
    for (const connected of [true, false]) {
      const published: string[] = []
      const world = new SyncWorld({ resolve: resolvedBy(HERE) })
      world.leaf = () => ({ publish: publishInto(published) })
      await world.connect(30, DELAYED)
      if (!connected) lose(world)
      world.device.parts.handover.handover({ ...HANDOVER, cleanStart })
      await world.clock.settled()
      expect(published).toEqual(told)
      await world.clock.pass(10_000)
      await world.alarm()
      expect(published).toEqual(told)
    }
  })
})
