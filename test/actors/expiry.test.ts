// When a session is over whose client is away: after an outage of its region the client may have gone on elsewhere.

import { expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { SYNC_ALARM_MS } from '../../actors/limits.ts'
import { Outcome } from '../../src/mqtt/outcome.ts'
import type { ClaimResponse } from '../../src/relay/home.ts'
import {
  deliveryOf,
  EU,
  NO_STATE,
  packetsTo,
  RELEASE,
  sessionState,
  subscribeFrame,
  watch,
} from './samples.ts'
import { AWAY, type Directory, HERE, MOVED, resolvedBy, SyncWorld } from './sync-world.ts'

const CMD = 'devices/lamp/cmd'
const EXPIRY_SECONDS = 60
const OUTAGE_MS = 2 * EXPIRY_SECONDS * 1000

/**
 * A lamp whose process dies, and is back when the session should be over.
 * @param owed whether it has something then that the store does not have
 */
async function backFromOutage(directory: Directory, owed = true) {
  const claims: ClaimResponse[] = [{ home: { region: EU, epoch: 1 }, state: null, synced: false }]
  const world = new SyncWorld({
    resolve: resolvedBy(directory),
    claim: async () => claims.shift() ?? Promise.reject(new CoreUnreachable('no more')),
  })
  const ended: string[] = []
  world.leaf = () => ({
    unsubscribe: async (_client, _session, filters) => {
      ended.push(...(filters ?? []))
    },
  })
  await world.settle(EXPIRY_SECONDS)
  await world.gate.frame(world.connection, subscribeFrame(2, 'rooms/1/#'))
  await world.leave()
  await world.clock.pass(3_000)
  world.answer = async () => 'failed'
  const { session } = world
  if (owed) await world.device.deliver(session, [deliveryOf(CMD, 'nobody else has it')])
  world.crash()
  await world.clock.pass(OUTAGE_MS)
  world.answer = async () => directory.sync
  return { world, session, claims, ended }
}

test('a lost region that is back does not end a session that goes on elsewhere, and gives what it had', async () => {
  const { world, session } = await backFromOutage(MOVED)
  await world.alarm()
  expect(await world.device.parts.handover.release(RELEASE)).toMatchObject({ done: false, session, upTo: 1 })
})

test('nor does a message for it that comes first', async () => {
  const { world, session } = await backFromOutage(MOVED)
  await world.device.deliver(session, [deliveryOf(CMD, 'newer')])
  expect(await world.device.parts.handover.release(RELEASE)).toMatchObject({ done: false, session, upTo: 2 })
})

test('nor its subscriptions, before its new home has its own: their messages belong to it', async () => {
  const { world, session, ended } = await backFromOutage(MOVED, false)
  await world.alarm()
  await world.clock.pass(1_000)
  expect(ended).toEqual([])
  await world.device.deliver(session, [deliveryOf(CMD, 'before the new home has subscribed')])
  expect(await world.device.parts.handover.release(RELEASE)).toMatchObject({ done: false, session, upTo: 1 })
})

test('where it has not gone on elsewhere it is over as soon as the store says so', async () => {
  const { world, session, ended } = await backFromOutage(HERE)
  await world.alarm()
  await world.clock.pass(1_000)
  expect(world.platform.alarmAt).toBeLessThanOrEqual(world.platform.now() + SYNC_ALARM_MS)
  await world.alarm()
  expect(world.device.parts.store.session()).toBeNull()
  expect(ended).toEqual(['rooms/1/#'])
  expect([...(await world.device.deliver(session, [deliveryOf(CMD, 'late')]))]).toEqual([
    Outcome.NoSuchSession,
  ])
})

test('while the core is away it stays', async () => {
  const { world } = await backFromOutage(AWAY)
  await world.alarm()
  await world.clock.pass(10_000)
  await world.alarm()
  expect(world.device.parts.store.queueSize().stored.storedMessages).toBe(1)
})

test.each([HERE, AWAY])(
  'its client that comes back gets a new session, whether the core is there or not',
  async (directory) => {
    const { world } = await backFromOutage(directory)
    watch(world.connect(EXPIRY_SECONDS, { clean: false }))
    await world.clock.pass(5_000)
    expect(packetsTo(world.connection)).toMatchObject([{ cmd: 'connack', sessionPresent: false }])
  },
)

test('a client that comes back from elsewhere to a region that does not know of that finds what it had', async () => {
  const { world, session, claims } = await backFromOutage(MOVED)
  const disconnectedAt = world.platform.now()
  const given = sessionState([CMD], { id: session, expirySeconds: EXPIRY_SECONDS, disconnectedAt })
  claims.push({ home: { region: EU, epoch: 3 }, state: { ...NO_STATE, session: given }, synced: false })
  watch(world.connect(EXPIRY_SECONDS, { clean: false }))
  await world.clock.pass(5_000)
  expect(packetsTo(world.connection)).toMatchObject([
    { cmd: 'connack', sessionPresent: true },
    { cmd: 'publish' },
  ])
})
