// Subscriptions, and other regions' interests, of the moment before a home is lost.
import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { GLOBAL_SYNC_WAIT_MS, IMPORT_RETRY_MS_MAX, STORED_SOON_WAIT_MS } from '../../actors/limits.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import {
  ALL_IMPORTED,
  type ClaimResponse,
  type ImportedRequest,
  type ImportedResponse,
  type SessionState,
} from '../../src/relay/home.ts'
import type { InterestRequest } from '../../src/relay/interest.ts'
import type { SyncResult } from '../../src/relay/sync.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { held } from './fake-peers.ts'
import {
  APP,
  EU,
  frame,
  LAMP_ROOT,
  NO_STATE,
  RELEASE,
  record,
  sessionState,
  subscribeFrame,
  subscriptionTo,
  textOf,
  US,
  unsubscribePacket,
  watch,
} from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const CMD = 'devices/lamp/cmd'
const [MADE, ENDED, CHANGED] = ['devices/a/#', 'devices/b/#', 'devices/c/#'] as const
const WISH = {
  fleet: DEFAULT_FLEET,
  root: LAMP_ROOT,
  region: US,
  epoch: 1,
  change: 'add' as const,
  order: 1,
  plain: true,
  shares: [],
  filters: [],
}

test('a lost home gives those that the store does not have, made and ended, and keeps its own until they are taken', async () => {
  const world = new SyncWorld()
  await world.settle()
  await world.gate.frame(world.connection, subscribeFrame(2, ENDED))
  await world.clock.pass(3_000)
  world.answer = async () => 'failed'
  await world.gate.frame(world.connection, subscribeFrame(3, MADE))
  await world.gate.frame(world.connection, frame(unsubscribePacket(4, ENDED)))
  await world.clock.pass(2_000)
  world.crash()

  const late = await world.device.parts.handover.release(RELEASE)
  expect(late).toMatchObject({
    done: false,
    session: world.session,
    subscriptions: [
      { filter: MADE, subscription: { qos: 1 } },
      { filter: ENDED, subscription: null },
    ],
  })
  expect(world.device.parts.store.session()).toMatchObject({ fenced: false })
  expect(await world.device.parts.handover.release({ ...RELEASE, tookFilter: ENDED })).toMatchObject({
    done: true,
  })
  expect(world.device.parts.store.session()).toBeNull()
})

function sessionWith(...filters: string[]): SessionState {
  return sessionState(filters, { id: 'session of the lost home' })
}

test('its successor takes them, but for those that the client has changed since, and says that they are registered', async () => {
  const asked: ImportedRequest[] = []
  const registered: string[] = []
  const ended: string[] = []
  let answers: ImportedResponse[] | null = null
  const world = new SyncWorld({
    claim: async () => ({
      home: { region: EU, epoch: 5 },
      state: { ...NO_STATE, session: sessionWith(ENDED, CHANGED) },
      synced: true,
    }),
    imported: async (request) => {
      if (answers === null) throw new CoreUnreachable('us is silent')
      asked.push(request)
      return answers.shift() ?? ALL_IMPORTED
    },
  })
  world.leaf = () => ({
    subscribe: async (_client, _session, subscriptions) => {
      registered.push(...subscriptions.map(({ filter }) => filter))
      return { reasons: subscriptions.map(({ qos }) => qos), retained: new Uint8Array(0) }
    },
    unsubscribe: async (_client, _session, filters) => {
      ended.push(...(filters ?? []))
    },
  })
  watch(world.connect(3600))
  await world.clock.pass(2_000)
  watch(world.gate.frame(world.connection, frame(unsubscribePacket(1, CHANGED))))
  await world.clock.pass(100)
  // Noted in storage, so that a crash forgets none of it.
  world.crash()
  const subscriptions = [
    { filter: MADE, subscription: subscriptionTo(MADE) },
    { filter: ENDED, subscription: null },
    { filter: CHANGED, subscription: subscriptionTo(CHANGED) },
    { filter: CMD, subscription: subscriptionTo(CMD) },
  ]
  answers = [{ ...ALL_IMPORTED, done: false, session: 'session of the lost home', subscriptions, from: US }]
  await world.clock.pass(IMPORT_RETRY_MS_MAX)
  watch(world.alarm())
  await world.clock.pass(1_000)

  expect([...world.device.parts.store.subscriptions().keys()].sort()).toEqual([MADE, CMD])
  expect(world.device.leaf.subscribers.has(world.device.parts.store.imported() as never, CMD)).toBe(false)
  expect(registered).toContain(MADE)
  expect(registered.lastIndexOf(CHANGED)).toBeLessThan(registered.indexOf(MADE))
  expect(ended).toEqual([CHANGED, ENDED])
  expect(asked.at(-1)).toMatchObject({ registered: true, from: US, tookFilter: CMD })
  expect(world.device.parts.store.unregistered()).toEqual([])
})

test('a region that takes its own client back keeps the subscriptions that no other region knows', async () => {
  const claims: ClaimResponse[] = [{ home: { region: EU, epoch: 1 }, state: null, synced: false }]
  const world = new SyncWorld({
    claim: async () => claims.shift() as ClaimResponse,
    imported: () => held<never>().answer,
  })
  await world.settle()
  world.answer = async () => 'failed'
  await world.gate.frame(world.connection, subscribeFrame(2, MADE))
  await world.clock.pass(2_000)
  claims.push({
    home: { region: EU, epoch: 3 },
    state: {
      ...NO_STATE,
      session: { ...sessionWith(CMD), id: world.session },
    },
    synced: true,
  })
  world.device.parts.handover.handover({ fleet: DEFAULT_FLEET, root: LAMP_ROOT, epoch: 2, to: US })
  watch(world.connect(3600))
  await world.clock.pass(2_000)
  expect([...world.device.parts.store.subscriptions().keys()]).toEqual([CMD, MADE])
})

test('another region gets the answer to its interest when the store has the interest, or a refusal', async () => {
  const world = new SyncWorld()
  await world.settle()
  const stored = held<SyncResult>()
  world.answer = () => stored.answer
  const wished = watch(world.device.leaf.interest(WISH))
  await world.clock.pass(1_000)
  expect(world.changes.at(-1)?.interests).toEqual([{ region: US, plain: true, shares: [] }])
  expect(wished.state()).toBe('open')
  stored.give('applied')
  await world.clock.pass(100)
  expect(wished.value()).toMatchObject({ status: 'done' })

  world.answer = async () => 'failed'
  const again = watch(world.device.leaf.interest({ ...WISH, region: 'ap' as typeof US }))
  await world.clock.pass(GLOBAL_SYNC_WAIT_MS)
  expect(again.state()).toBe('rejected')
})

test('so does a client of the home’s own region, unless the store is not reached', async () => {
  const world = new SyncWorld()
  await world.settle()
  const [leaf, wanted] = [world.device.leaf, [subscriptionTo('devices/lamp/#')]]
  const stored = held<SyncResult>()
  world.answer = () => stored.answer
  const subscribed = watch(leaf.subscribe(APP, 'session of app', wanted))
  await world.clock.pass(500)
  expect(world.changes.at(-1)?.interests).toEqual([{ region: EU, plain: true, shares: [] }])
  expect(subscribed.state()).toBe('open')
  stored.give('applied')
  await world.clock.pass(10)
  expect(subscribed.value()).toMatchObject({ reasons: [1] })
  // That the region wants the root is known by now.
  const sent = world.changes.length
  expect(await leaf.subscribe('app2' as typeof APP, 'session of app2', wanted)).toMatchObject({
    reasons: [1],
  })
  expect(world.changes).toHaveLength(sent)

  leaf.unsubscribe(APP, 'session of app', null)
  leaf.unsubscribe('app2' as typeof APP, 'session of app2', null)
  await world.clock.pass(3_000)
  // Cut off: the first finds that out, the next does not try.
  let tries = 0
  world.answer = async () => {
    tries++
    return 'failed'
  }
  for (const client of ['app3', 'app4']) {
    const granted = watch(leaf.subscribe(client as typeof APP, `session of ${client}`, wanted))
    await world.clock.pass(10)
    expect([granted.state(), tries]).toEqual(['resolved', 1])
    leaf.unsubscribe(client as typeof APP, `session of ${client}`, null)
  }
  // A store that is silent keeps nobody for long.
  await world.clock.pass(5_000)
  world.answer = () => held<SyncResult>().answer
  const patient = watch(leaf.subscribe(APP, 'session of app', wanted))
  await world.clock.pass(STORED_SOON_WAIT_MS)
  expect(patient.value()).toMatchObject({ reasons: [1] })
})

test('a home that learns of its successor names it the subscribers in its region at once, and they get its messages', async () => {
  const wishes: InterestRequest[] = []
  const home = { region: US, epoch: 2 }
  const world = new SyncWorld({
    resolve: async () => ({ home }),
    interest: async (request) => {
      wishes.push(request)
      const kept = { topic: CMD, record: record(CMD, 'of the successor') }
      return { home, order: request.order, clock: 0, retained: request.filters.length > 0 ? [kept] : [] }
    },
  })
  await world.settle()
  const leaf = world.device.leaf
  const subscribed = watch(leaf.subscribe(APP, 'session of app', [subscriptionTo('devices/lamp/#')]))
  world.answer = async () => 'fenced'
  await world.clock.pass(2_000)
  expect(world.device.leaf.home.knowledge).toMatchObject({ at: 'elsewhere', ...home })
  expect(wishes[0]).toMatchObject({ region: EU, change: 'add', plain: true })
  const retained = unpackBatch(subscribed.value()?.retained ?? packBatch([])).map(decodeDelivery)
  expect(retained.map(({ message }) => textOf(message.payload))).toEqual(['of the successor'])
})
