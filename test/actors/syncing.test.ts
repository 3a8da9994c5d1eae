// What a home syncs, when, and what it never does; what it does when another region has taken over.
import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { GLOBAL_SYNC_WAIT_MS, SYNC_ALARM_MS, SYNC_RETRY_MS_MAX } from '../../actors/limits.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { RootChange, SyncResult } from '../../src/relay/sync.ts'
import { held } from './fake-peers.ts'
import {
  APP,
  deliveredTexts,
  deliveryOf,
  LAMP_ROOT,
  packetsTo,
  RELEASE,
  record,
  stored,
  subscribeFrame,
  subscriptionTo,
  textsTo,
  US,
  watch,
} from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const CMD = 'devices/lamp/cmd'

async function away(): Promise<SyncWorld> {
  const world = new SyncWorld()
  await world.settle()
  await world.leave()
  await world.clock.pass(3_000)
  world.changes.length = 0
  return world
}

describe('synced is', () => {
  test('a session that outlives its connection, with its subscriptions, in one call', async () => {
    const world = new SyncWorld()
    await world.connect(3600)
    await world.gate.frame(world.connection, subscribeFrame(1, CMD))
    await world.clock.pass(3_000)
    expect(world.changes).toHaveLength(1)
    expect(world.changes[0]).toMatchObject({
      root: LAMP_ROOT,
      epoch: 1,
      session: {
        id: world.session,
        expirySeconds: 3600,
        disconnectedAt: 0,
        subscriptions: [{ filter: CMD }],
      },
      queue: [],
    })
  })

  test('what is stored for a client that is away, at most once a second however much comes', async () => {
    const world = await away()
    for (let i = 0; i < 30; i++) {
      await world.device.deliver(world.session, [deliveryOf(CMD, `m${i}`)])
      await world.clock.pass(100)
    }
    await world.clock.pass(2_000)
    expect(world.queued).toEqual(Array.from({ length: 30 }, (_, i) => `m${i}`))
    expect(world.changes.length).toBeLessThanOrEqual(4)
    const versions = world.changes.map(({ version }) => version)
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
  })

  test('that a delivery is gone, if the store may have it; else nothing', async () => {
    const world = await away()
    await world.device.deliver(world.session, [deliveryOf(CMD, 'synced')])
    await world.clock.pass(2_000)
    await world.device.deliver(world.session, [deliveryOf(CMD, 'never synced')])
    await world.connect(3600)
    await world.acknowledge()
    await world.clock.pass(2_000)
    expect(world.queued).toEqual(['synced', '-1'])
  })

  test('that a session has ended, and its queue with it', async () => {
    const world = await away()
    await world.device.deliver(world.session, [deliveryOf(CMD, 'old')])
    await world.clock.pass(2_000)
    await world.connect(3600, { clean: true })
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'new')]))
    await world.clock.pass(2_000)
    const [, change] = world.changes
    expect(change?.session?.id).toBe(world.session)
    expect(change?.queueVoidUpTo).toBeLessThan(change?.version ?? 0)
    expect(change?.queueVoidUpTo).toBeGreaterThan(world.changes[0]?.version ?? 0)
  })

  test('a retained message, and its removal', async () => {
    const world = new SyncWorld()
    await world.settle()
    const keep = (text: string) =>
      world.device.leaf.publish(APP, [record('devices/lamp/state', text, { retain: true })])
    await keep('on')
    await world.clock.pass(2_000)
    await keep('')
    await world.clock.pass(2_000)
    expect(world.changes.flatMap(({ retained }) => retained)).toMatchObject([
      { topic: 'devices/lamp/state', record: expect.any(Uint8Array) },
      { topic: 'devices/lamp/state', record: null },
    ])
  })

  test('that this region has subscribers of the root besides its client', async () => {
    const world = new SyncWorld()
    await world.settle()
    watch(world.device.leaf.subscribe(APP, 'session of app', [subscriptionTo('devices/lamp/state')]))
    await world.clock.pass(2_000)
    watch(world.device.leaf.subscribe(APP, 'session of app', [subscriptionTo('devices/lamp/other')]))
    await world.clock.pass(2_000)
    expect(world.changes.map(({ interests }) => interests)).toEqual([
      [{ region: 'eu', plain: true, shares: [] }],
    ])
  })
})

describe('nothing is synced', () => {
  test('for messages that are acknowledged in time, nor while nothing happens', async () => {
    const world = new SyncWorld()
    await world.settle()
    const { session } = world
    const { execs } = world.platform
    for (let i = 0; i < 5; i++) {
      const delivered = watch(world.device.deliver(session, [deliveryOf(CMD, `m${i}`)]))
      await world.clock.pass(50)
      await world.acknowledge()
      expect(delivered.state()).toBe('resolved')
    }
    await world.clock.pass(60_000)
    expect(world.changes).toEqual([])
    expect(world.platform.execs).toBe(execs)
  })

  test('of a session that ends with its connection', async () => {
    const world = new SyncWorld()
    await world.settle(0)
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm')]))
    await world.clock.pass(30_000)
    await world.leave()
    await world.clock.pass(3_000)
    expect(world.changes).toEqual([])
  })

  test('of a session that came and went within the moment', async () => {
    const world = new SyncWorld()
    await world.connect(3600)
    await world.connect(0, { clean: true })
    await world.clock.pass(3_000)
    // Only whether this is still the home is asked.
    expect(world.changes).toHaveLength(1)
    expect(world.changes[0]).not.toHaveProperty('session')
    expect(world.changes[0]).toMatchObject({ queue: [], retained: [], queueVoidUpTo: null })
  })
})

describe('what is marked', () => {
  test.each(['before it is sent', 'while it is under way'])('survives a crash %s', async (when) => {
    const world = await away()
    const never = held<SyncResult>()
    world.answer = () => never.answer
    await world.device.deliver(world.session, [deliveryOf(CMD, 'kept')])
    await world.clock.pass(when === 'before it is sent' ? 100 : 1_000)
    expect(world.changes).toHaveLength(when === 'before it is sent' ? 0 : 1)
    world.crash()
    world.answer = async () => 'applied'
    world.changes.length = 0
    expect(world.platform.alarmAt).toBeLessThanOrEqual(world.clock.now + SYNC_ALARM_MS)
    await world.alarm()
    await world.clock.pass(2_000)
    expect(world.queued).toEqual(['kept'])
  })

  test('stays so if it changed while it was under way', async () => {
    const world = await away()
    const first = held<SyncResult>()
    world.answer = () => first.answer
    await world.device.deliver(world.session, [deliveryOf(CMD, 'one')])
    await world.clock.pass(1_000)
    expect(world.queued).toEqual(['one'])
    world.answer = async () => 'applied'
    await world.connect(3600)
    await world.gate.frame(world.connection, subscribeFrame(2, 'devices/lamp/more'))
    await world.acknowledge()
    first.give('applied')
    await world.clock.pass(3_000)
    expect(world.queued).toEqual(['one', '-1'])
    expect(world.changes.at(-1)?.session?.subscriptions.map(({ filter }) => filter)).toContain(
      'devices/lamp/more',
    )
  })

  test('is sent again while the core is away, ever less often, and all of it when that is back', async () => {
    const world = await away()
    world.answer = async () => 'failed'
    await world.device.deliver(world.session, [deliveryOf(CMD, 'one')])
    for (let minutes = 0; minutes < 10; minutes++) {
      await world.clock.pass(60_000)
      if ((world.platform.alarmAt ?? Number.POSITIVE_INFINITY) <= world.clock.now) await world.alarm()
    }
    expect(world.changes.length).toBeGreaterThan(5)
    expect(world.changes.length).toBeLessThan(20)
    await world.device.deliver(world.session, [deliveryOf(CMD, 'two')])
    world.answer = async () => 'applied'
    world.changes.length = 0
    await world.clock.pass(SYNC_RETRY_MS_MAX * 2)
    await world.alarm()
    await world.clock.pass(2_000)
    expect(world.queued).toEqual(['one', 'two'])
  })

  test('keeps an alarm of its own, whatever the alarm has gone off for', async () => {
    const world = await away()
    world.answer = async () => 'failed'
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm')]))
    await world.clock.pass(600)
    expect(world.changes).toHaveLength(1)
    // In the moment after it, with nothing but a timer until the next try, the process may die.
    await world.alarm()
    expect(world.platform.alarmAt).toBeLessThanOrEqual(world.clock.now + SYNC_ALARM_MS)
    world.crash()
    world.answer = async () => 'applied'
    // Nobody calls the actor but its alarm.
    await world.clock.pass(SYNC_ALARM_MS)
    await world.alarm()
    expect(world.queued).toContain('m')
  })

  test('is sent in rounds that are bounded', async () => {
    const world = await away()
    const deliveries = Array.from({ length: 1_300 }, (_, i) => deliveryOf(CMD, `m${i}`))
    await world.device.deliver(world.session, deliveries)
    await world.clock.pass(5_000)
    expect(world.queued).toHaveLength(1_300)
    expect(Math.max(...world.changes.map(({ queue }) => queue.length))).toBeLessThanOrEqual(512)
  })
})

describe('a home that another region has taken over while it was away', () => {
  async function withUnsynced(): Promise<SyncWorld> {
    const world = await away()
    await world.device.deliver(world.session, [deliveryOf(CMD, 'synced')])
    await world.device.leaf.publish(APP, [record('devices/lamp/synced', 'x', { retain: true })])
    await world.clock.pass(2_000)
    world.answer = async () => 'failed'
    await world.connect(3600)
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'unsynced')]))
    await world.device.leaf.publish(APP, [record('devices/lamp/state', 'on', { retain: true })])
    await world.clock.pass(400)
    return world
  }

  test('closes its connection, and gives what the store was not confirmed to have, then releases the root', async () => {
    const world = await withUnsynced()
    const { session } = world
    const first = await world.device.parts.handover.release(RELEASE)
    expect(packetsTo(world.connection).at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e })
    expect(world.device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 2 })
    expect(first).toMatchObject({ done: false, session })
    expect(deliveredTexts(first.late)).toEqual(['unsynced'])
    // Asked again as if the answer were lost, and with something that came meanwhile.
    await world.device.deliver(session, [deliveryOf(CMD, 'late')])
    const again = await world.device.parts.handover.release(RELEASE)
    expect(deliveredTexts(again.late)).toEqual(['unsynced', 'late'])
    const kept = await world.device.parts.handover.release({ ...RELEASE, tookUpTo: again.upTo })
    expect(kept).toMatchObject({
      done: false,
      late: new Uint8Array(0),
      retained: [{ topic: 'devices/lamp/state' }],
    })
    const took = { tookUpTo: kept.upTo, tookTopic: 'devices/lamp/state' }
    expect(await world.device.parts.handover.release({ ...RELEASE, ...took })).toMatchObject({ done: true })
    expect(world.device.parts.store.session()).toBeNull()
    expect(world.device.leaf.marks.any).toBe(false)
  })

  test('gives it, and keeps its subscriptions, while the new home has not registered all of them', async () => {
    const world = await withUnsynced()
    const { session } = world
    const asked = { ...RELEASE, registered: false }
    const first = await world.device.parts.handover.release(asked)
    expect(deliveredTexts(first.late)).toEqual(['unsynced'])
    const took = { ...asked, tookUpTo: first.upTo }
    const second = await world.device.parts.handover.release(took)
    expect(second).toMatchObject({
      done: false,
      late: new Uint8Array(0),
      retained: [{ topic: 'devices/lamp/state' }],
    })
    const tookAll = { ...took, tookTopic: 'devices/lamp/state' }
    expect(await world.device.parts.handover.release(tookAll)).toMatchObject({
      done: false,
      late: new Uint8Array(0),
      retained: [],
    })
    expect(world.device.parts.store.session()).toMatchObject({ id: session, fenced: false })
    // What was taken is not given again; what comes by the subscriptions that it keeps is.
    await world.device.deliver(session, [deliveryOf(CMD, 'later')])
    const later = await world.device.parts.handover.release(RELEASE)
    expect(deliveredTexts(later.late)).toEqual(['later'])
    const end = await world.device.parts.handover.release({ ...RELEASE, tookUpTo: later.upTo })
    expect(end).toMatchObject({ done: true, retained: [] })
  })

  test('does so after a crash too', async () => {
    const world = await withUnsynced()
    world.crash()
    const first = await world.device.parts.handover.release(RELEASE)
    expect(deliveredTexts(first.late)).toEqual(['unsynced'])
  })

  test('gives all of it too if it had handed over, and no answer had arrived', async () => {
    const world = await withUnsynced()
    world.device.parts.handover.handover({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US })
    const first = await world.device.parts.handover.release(RELEASE)
    expect(deliveredTexts(first.late)).toEqual(['unsynced'])
  })

  test.each(['its sync is answered so', 'a client connects'])('learns it when %s', async (how) => {
    const moved = { home: { region: US, epoch: 2 } }
    const world = new SyncWorld({ resolve: async () => moved })
    await world.settle()
    world.answer = async () => 'fenced'
    if (how === 'a client connects') {
      await world.connect(3600)
      await world.clock.pass(3_000)
    } else {
      watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm')]))
      await world.clock.pass(3_000)
    }
    expect(packetsTo(world.connection).at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e })
    expect(world.device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', region: US, epoch: 2 })
    // Its session is kept until the new home has asked for it.
    await world.clock.pass(4_000_000)
    await world.alarm()
    expect(world.device.parts.store.session()).not.toBeNull()
  })

  test('learns it from a client that comes back, though the core dies with the first question', async () => {
    const world = new SyncWorld({ resolve: async () => ({ home: { region: US, epoch: 2 } }) })
    await world.connect(0, { clean: true })
    await world.leave()
    const answers: SyncResult[] = ['failed', 'failed', 'fenced']
    world.answer = async () => answers.shift() ?? 'applied'
    await world.connect(0, { clean: true })
    await world.clock.pass(10_000)
    expect(packetsTo(world.connection).at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8e })
    expect(answers).toEqual([])
  })

  test('asks no more for a client that has left', async () => {
    const world = new SyncWorld()
    await world.connect(0, { clean: true })
    world.answer = async () => 'failed'
    await world.connect(0, { clean: true })
    await world.leave()
    world.changes.length = 0
    await world.clock.pass(60_000)
    expect(world.changes).toEqual([])
  })

  test('keeps its client while the core cannot say who has', async () => {
    const world = new SyncWorld({
      resolve: async () => {
        throw new CoreUnreachable('away')
      },
    })
    await world.settle()
    world.answer = async () => 'fenced'
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm')]))
    await world.clock.pass(3_000)
    expect(world.connection.open).toBe(true)
  })
})

describe('durability global', () => {
  const global = { global: true } as const

  test('a stored delivery is settled once the store has it, and at once', async () => {
    const world = await away()
    const answer = held<SyncResult>()
    world.answer = () => answer.answer
    const delivered = watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm', global)]))
    await world.clock.pass(100)
    expect(world.queued).toEqual(['m'])
    expect(delivered.state()).toBe('open')
    answer.give('applied')
    await world.clock.settled()
    expect(delivered.value()).toEqual(stored(1))
  })

  test('a retained message too', async () => {
    const world = new SyncWorld()
    await world.settle()
    const answer = held<SyncResult>()
    world.answer = () => answer.answer
    const kept = record('devices/lamp/state', 'on', { retain: true, ...global })
    const published = watch(world.device.leaf.publish(APP, [kept]))
    await world.clock.pass(100)
    expect(published.state()).toBe('open')
    answer.give('applied')
    await world.clock.settled()
    expect(published.state()).toBe('resolved')
  })

  test('without the store the publisher gets a failure after a bounded time, and the delivery stays', async () => {
    const world = await away()
    world.answer = async () => 'failed'
    const delivered = watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm', global)]))
    await world.clock.pass(GLOBAL_SYNC_WAIT_MS + 100)
    expect(delivered.value()).toEqual(Uint8Array.of(Reason.ImplementationSpecificError))
    world.answer = async () => 'applied'
    await world.connect(3600)
    await world.clock.pass(100)
    expect(textsTo(world.connection)).toEqual(['m'])
  })

  test('what the client acknowledges needs no store', async () => {
    const world = new SyncWorld()
    await world.settle()
    world.answer = async () => 'failed'
    const delivered = watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm', global)]))
    await world.clock.pass(50)
    await world.acknowledge()
    expect(delivered.value()).toEqual(Uint8Array.of(Reason.Success))
    expect(world.changes).toEqual([])
  })

  test('a message of another durability does not wait for the store', async () => {
    const world = await away()
    world.answer = async () => 'failed'
    const delivered = watch(world.device.deliver(world.session, [deliveryOf(CMD, 'm')]))
    await world.clock.settled()
    expect(delivered.value()).toEqual(stored(1))
  })
})

test('a sync under way is not sent twice, whatever happens meanwhile', async () => {
  const world = await away()
  const answers: ((result: SyncResult) => void)[] = []
  let underWay = 0
  let most = 0
  world.answer = (_: RootChange) => {
    most = Math.max(most, ++underWay)
    return new Promise((give) => {
      answers.push((result) => {
        underWay--
        give(result)
      })
    })
  }
  for (let i = 0; i < 20; i++) {
    await world.device.deliver(world.session, [deliveryOf(CMD, `m${i}`)])
    await world.clock.pass(300)
    if (i % 3 === 0) answers.shift()?.('applied')
    if (i % 5 === 0) watch(world.alarm())
  }
  expect(most).toBe(1)
})
