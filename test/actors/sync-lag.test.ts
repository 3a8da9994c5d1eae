// How long what is synced has waited, as the home says it: what the core's metric of the lag is made of.
import { expect, test } from 'vitest'
import type { SyncResult } from '../../src/relay/sync.ts'
import { held } from './fake-peers.ts'
import { deliveryOf } from './samples.ts'
import { SyncWorld } from './sync-world.ts'

const CMD = 'devices/lamp/cmd'

test('a sync says since when its oldest change waits, also after a crash; a change during a call waits from then on', async () => {
  const world = new SyncWorld()
  await world.settle()
  await world.leave()
  await world.clock.pass(3_000)
  const lags = () => world.changes.map(({ clock, since }) => (since === null ? null : clock - since))
  world.answer = async () => 'failed'
  await world.device.deliver(world.session, [deliveryOf(CMD, 'one')])
  await world.clock.pass(10_000)
  world.crash()
  await world.clock.pass(10_000)
  world.changes.length = 0
  world.answer = async () => 'applied'
  await world.alarm()
  await world.clock.pass(1_000)
  expect(lags()).toHaveLength(1)
  expect(lags()[0]).toBeGreaterThanOrEqual(20_000)
  expect(lags()[0]).toBeLessThan(22_000)

  world.changes.length = 0
  const answered = held<SyncResult>()
  world.answer = () => answered.answer
  await world.device.deliver(world.session, [deliveryOf(CMD, 'two')])
  await world.clock.pass(2_000)
  await world.device.deliver(world.session, [deliveryOf(CMD, 'three')])
  answered.give('applied')
  await world.clock.pass(3_000)
  expect(lags()).toHaveLength(2)
  expect(Math.max(...lags().map((lag) => lag ?? Number.NaN))).toBeLessThanOrEqual(1_000)
})
