// A home that begins from the core's store, since its predecessor's region does not answer.

import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { FAIL_OVER_POSITIONS, FAIL_OVER_REGISTER_MS, IMPORT_RETRY_MS_MAX } from '../../actors/limits.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { isPresence } from '../../src/id/root.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import {
  ALL_IMPORTED,
  type ClaimResponse,
  type HandoverState,
  type ImportedRequest,
  type ImportedResponse,
  type SessionState,
} from '../../src/relay/home.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { encodeDelivery } from '../../src/session/delivery.ts'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { held } from './fake-peers.ts'
import {
  APP,
  deliveryOf,
  EU,
  LAMP,
  LAMP_ROOT,
  message,
  NO_STATE,
  packetsTo,
  RELEASE,
  record,
  sessionState,
  subscribeFrame,
  textOf,
  textsTo,
  US,
  watch,
} from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const CMD = 'devices/lamp/cmd'
const GROUP = '$share/g/rooms/1/#'
const STATE = 'devices/lamp/state'
/** The lamp's other home: the worlds of these tests are in eu. */
const LOST = US

function stateOf(texts: readonly string[], ...filters: string[]): HandoverState {
  const queue = texts.map((text, i) => ({ position: 11 + i, delivery: deliveryOf(CMD, text) }))
  const session = sessionState([CMD, ...filters], {
    id: 'session of the lost home',
    lastPosition: 10 + queue.length,
    queue,
  })
  return { ...NO_STATE, session }
}

function lateOf(texts: readonly string[], more: Partial<ImportedResponse> = {}): ImportedResponse {
  const late = packBatch(texts.map((text) => deliveryOf(CMD, text)))
  const session = 'session of the lost home'
  return { ...ALL_IMPORTED, done: false, session, late, upTo: texts.length, from: LOST, ...more }
}

function forGroup(qos: 1 | 2, waits: boolean): Uint8Array {
  const share = { filter: GROUP, waits }
  const one = message('rooms/1/x', 'a', { qos, origin: 'o1' })
  return encodeDelivery({ qos, retain: false, identifiers: [], share, message: one })
}

/** @param imported what the core answers each time that it is asked; it cannot reach the lost home in the end */
function failedOver(state: HandoverState, ...imported: ImportedResponse[]) {
  const asked: ImportedRequest[] = []
  const lost = { back: false }
  const claimed: ClaimResponse = { home: { region: EU, epoch: 5 }, state, synced: true }
  const world = new SyncWorld({
    claim: async () => claimed,
    imported: async (request) => {
      asked.push(request)
      if (!lost.back) throw new CoreUnreachable('us is silent')
      return imported.shift() ?? ALL_IMPORTED
    },
  })
  return { world, asked, lost }
}

async function comeBack({ world, lost }: ReturnType<typeof failedOver>): Promise<void> {
  lost.back = true
  await world.clock.pass(IMPORT_RETRY_MS_MAX)
  watch(world.alarm())
  await world.clock.pass(1_000)
}

describe('a client that comes to another region', () => {
  test('has its session and what waited, though it was connected when that was synced', async () => {
    const { world } = failedOver(stateOf(['one', 'two']))
    await world.clock.pass(4_000_000)
    watch(world.connect(3600))
    await world.clock.pass(500)
    expect(packetsTo(world.connection)[0]).toMatchObject({ cmd: 'connack', sessionPresent: true })
    expect(textsTo(world.connection)).toEqual(['one', 'two'])
  })

  test('does not wait for subscriptions that need the lost region, nor for that to answer', async () => {
    const never = held<never>()
    const world = new SyncWorld({
      claim: async () => ({ home: { region: EU, epoch: 5 }, state: stateOf(['one']), synced: true }),
      imported: () => never.answer,
    })
    watch(world.connect(3600))
    await world.clock.pass(FAIL_OVER_REGISTER_MS + 100)
    expect(packetsTo(world.connection)[0]).toMatchObject({ cmd: 'connack', sessionPresent: true })
    const delivered = watch(world.device.deliver(world.session, [deliveryOf(CMD, 'live')]))
    await world.clock.pass(300)
    expect(delivered.state()).toBe('resolved')
    expect(textsTo(world.connection)).toEqual(['one', 'live'])
  })

  test('gets new messages with ids that the lost home cannot have used a moment before', async () => {
    const { world } = failedOver(stateOf([]))
    watch(world.connect(3600))
    await world.clock.pass(500)
    watch(world.device.deliver(world.session, [deliveryOf(CMD, 'new')]))
    await world.clock.pass(500)
    const publish = packetsTo(world.connection).find(({ cmd }) => cmd === 'publish')
    expect(publish?.messageId).toBe(10 + FAIL_OVER_POSITIONS + 1)
  })

  test('is synced anew in whole, and what older homes have left in the store is void', async () => {
    const { world } = failedOver({
      ...stateOf(['one']),
      retained: [{ topic: STATE, record: record(STATE, 'on') }],
      interests: [{ region: 'ap' as RegionId, plain: true, shares: [] }],
    })
    watch(world.connect(3600))
    await world.clock.pass(5_000)
    expect(world.changes[0]).toMatchObject({
      epoch: 5,
      session: { id: 'session of the lost home' },
      interests: [{ region: 'ap' }],
      queue: [{ position: 11 }],
      retained: [{ topic: `presence/${LAMP}` }, { topic: STATE }],
      queueVoidUpTo: expect.any(Number),
      retainedVoidUpTo: expect.any(Number),
      shadowsVoidUpTo: null,
    })
  })
})

describe('when the lost region is back', () => {
  test('its remainder comes page after page, and then it has released the root', async () => {
    const pages = [lateOf(['a', 'b']), lateOf(['c'], { upTo: 3 })]
    const over = failedOver(stateOf(['one']), ...pages)
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    await comeBack(over)
    expect(textsTo(over.world.connection)).toEqual(['one', 'a', 'b', 'c'])
    const took = over.asked.slice(-3).map(({ from, tookUpTo, synced }) => [from, tookUpTo, synced])
    expect(took).toEqual([
      [null, 0, true],
      [LOST, 2, true],
      [LOST, 3, true],
    ])
    const { length } = over.asked
    over.world.crash()
    await over.world.alarm()
    expect(over.asked).toHaveLength(length)
  })

  test('it is asked for its remainder also while a subscription needs a third region, and releases the root after that', async () => {
    const open = { ...ALL_IMPORTED, done: false, from: LOST }
    const over = failedOver(stateOf(['one'], 'rooms/elsewhere/#'), lateOf(['a']), open)
    over.world.leaf = () => ({
      subscribe: async () => {
        throw new Error('ap is silent')
      },
    })
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    await comeBack(over)
    expect(textsTo(over.world.connection)).toEqual(['one', 'a'])
    expect(over.asked.slice(-2).map(({ registered }) => registered)).toEqual([false, false])
    over.world.leaf = () => ({})
    await comeBack(over)
    expect(over.asked.at(-1)).toMatchObject({ registered: true, from: null })
    const { length } = over.asked
    await comeBack(over)
    expect(over.asked).toHaveLength(length)
  })

  test('a new home that has died meanwhile goes on asking', async () => {
    const over = failedOver(stateOf(['one']), lateOf(['a']))
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    over.world.crash()
    await over.world.alarm()
    await comeBack(over)
    watch(over.world.connect(3600))
    await over.world.clock.pass(500)
    expect(textsTo(over.world.connection)).toEqual(['one', 'a'])
  })

  test('a new home that dies while it begins is woken by itself, to sync and to ask', async () => {
    const over = failedOver(stateOf(['one'], 'rooms/elsewhere/#'))
    over.world.leaf = () => ({ subscribe: () => held<never>().answer })
    watch(over.world.connect(3600))
    await over.world.clock.pass(FAIL_OVER_REGISTER_MS / 2)
    expect(over.world.device.leaf.home.knowledge).toMatchObject({ at: 'here' })
    over.world.crash()
    expect(over.world.platform.alarmAt).not.toBeNull()
  })

  test('deliveries that remain of a session which has ended here go to nobody', async () => {
    const over = failedOver(stateOf(['one']), lateOf(['a']))
    watch(over.world.connect(3600, { clean: true }))
    await over.world.clock.pass(2_000)
    await over.world.gate.frame(over.world.connection, subscribeFrame(1, CMD))
    await comeBack(over)
    expect(textsTo(over.world.connection)).toEqual([])
  })

  test('deliveries that remain for a group while the client is away go to the group, which may give them back', async () => {
    const late = packBatch([forGroup(2, false)])
    const over = failedOver(stateOf([]), lateOf([], { late }))
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    await over.world.leave()
    await comeBack(over)
    const { device, session } = over.world
    expect(device.parts.store.queueSize().stored.storedMessages).toBe(0)
    await device.deliver(session, [forGroup(2, true)])
    expect(device.parts.store.queueSize().stored.storedMessages).toBe(1)
  })

  test('deliveries that remain of a session which was never synced are the client’s', async () => {
    const over = failedOver({ ...NO_STATE, session: null }, lateOf(['a']))
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    await comeBack(over)
    expect(textsTo(over.world.connection)).toEqual(['a'])
  })

  test('its retained messages are taken, but for the topics that have changed here', async () => {
    const retained = ['a', 'b', 'c', 'd'].map((level) => `${STATE}/${level}`)
    const [kept, changed, removed, cleared] = retained as [string, string, string, string]
    const over = failedOver(
      {
        ...stateOf([]),
        retained: [{ topic: removed, record: record(removed, 'synced', { retain: true }) }],
      },
      lateOf([], {
        late: new Uint8Array(0),
        retained: [
          { topic: kept, record: record(kept, 'late', { retain: true }), epoch: 4 },
          { topic: changed, record: record(changed, 'late', { retain: true }), epoch: 4 },
          { topic: removed, record: null, epoch: 4 },
          { topic: cleared, record: record(cleared, 'late', { retain: true }), epoch: 4 },
        ],
      }),
    )
    watch(over.world.connect(3600))
    await over.world.clock.pass(2_000)
    const { leaf } = over.world.device
    const published = [record(changed, 'newer', { retain: true }), record(cleared, '', { retain: true })]
    watch(leaf.publish(APP, published))
    await over.world.clock.pass(100)
    // Noted in storage, so that a crash forgets none of it.
    over.world.crash()
    await comeBack(over)
    const texts = over.world.device.leaf.retained
      .all()
      .filter(({ topic }) => !isPresence(topic))
      .map(({ topic, record: bytes }) => [topic, textOf(decodeMessage(bytes).payload)])
    expect(texts).toEqual([
      [changed, 'newer'],
      [kept, 'late'],
    ])
    expect(over.asked.at(-1)).toMatchObject({ from: LOST, tookTopic: cleared })
  })
})

test('what a group’s member had whose session ended with its connection in a lost region goes to the group', async () => {
  const world = new SyncWorld()
  const shared: string[] = []
  let session = ''
  world.leaf = () => ({
    subscribe: async (_client, id, subscriptions) => {
      session = id
      return { reasons: subscriptions.map(({ qos }) => qos), retained: new Uint8Array(0) }
    },
    share: async (_session, batch) => {
      const records = unpackBatch(batch).map(decodeRouted)
      shared.push(...records.map(({ record: bytes }) => textOf(decodeMessage(bytes).payload)))
      return new Uint8Array(records.length)
    },
  })
  await world.connect(0)
  await world.gate.frame(world.connection, subscribeFrame(1, GROUP))
  const outcomes = world.device.deliver(session, [forGroup(1, false)])
  await world.clock.pass(ACK_WAIT_MS + 100)
  expect([...(await outcomes)]).toEqual([Outcome.Stored])
  world.crash()
  // It is woken by that, before its alarm.
  expect(await world.device.parts.handover.release(RELEASE)).toMatchObject({ done: true })
  await world.clock.settled()
  expect(shared).toEqual(['a'])
})

/** A region whose client is to come back to it from one that is silent by then; the store has `state`. */
async function giver(state: HandoverState) {
  const claims: ClaimResponse[] = [
    { home: { region: EU, epoch: 1 }, state: null, synced: false },
    { home: { region: EU, epoch: 3 }, state, synced: true },
  ]
  const world = new SyncWorld({
    claim: async () => claims.shift() as ClaimResponse,
    imported: () => held<never>().answer,
  })
  await world.settle()
  await world.leave()
  return { world, session: world.session }
}

test('a region that takes its own client back from a silent one keeps what it had itself and nobody had got', async () => {
  const state = { ...stateOf(['from the store']), sessionEpoch: 2 }
  const { world, session } = await giver(state)
  // The one that is silent went on with this session.
  Object.assign(state.session as SessionState, { id: session })
  await world.device.deliver(session, [deliveryOf(CMD, 'synced')])
  await world.clock.pass(3_000)
  world.answer = async () => 'failed'
  await world.device.deliver(session, [deliveryOf(CMD, 'own')])
  watch(Promise.resolve(world.device.leaf.handOver(US, 2, true)))
  await world.device.deliver(session, [deliveryOf(CMD, 'late')])
  watch(world.connect(3600))
  await world.clock.pass(FAIL_OVER_REGISTER_MS + 500)
  expect(textsTo(world.connection)).toEqual(['from the store', 'own', 'late'])
})

test.each([
  ['an older session than its own', 1, ['acknowledged', 'late']],
  ['no session', 0, ['acknowledged', 'late']],
  ['a newer session than its own', 2, ['stored']],
])(
  'a region that takes its own client back from a silent one, with %s in the store',
  async (_, sessionEpoch, texts) => {
    const state = { ...stateOf(['stored']), sessionEpoch }
    const { world, session } = await giver(sessionEpoch === 0 ? { ...state, session: null } : state)
    world.answer = async () => 'failed'
    await world.device.deliver(session, [deliveryOf(CMD, 'acknowledged')])
    world.device.parts.handover.handover({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US })
    await world.device.deliver(session, [deliveryOf(CMD, 'late')])
    watch(world.connect(3600))
    await world.clock.pass(FAIL_OVER_REGISTER_MS + 500)
    expect(textsTo(world.connection)).toEqual(texts)
  },
)
