// The simulator's actors where no seed is sure to come: what a process that dies leaves to its next life.
import { afterEach, expect, test, vi } from 'vitest'
import { leafAddress } from '../../src/id/actor-name.ts'
import { DEFAULT_FLEET, type RegionId, type Root } from '../../src/id/ids.ts'
import { Random } from '../random/random.ts'
import { Life } from './actor.ts'
import { Faults } from './faults.ts'
import { World } from './world.ts'

const EU = 'eu' as RegionId

afterEach(() => vi.restoreAllMocks())

test('an alarm whose actor dies between two writes of its event goes off again', async () => {
  const random = new Random(1)
  const world = new World(random, new Faults(random, new Set()), [EU], 1)
  const actor = world.region(EU).actor(leafAddress(EU, DEFAULT_FLEET, 'rooms/1' as Root))
  actor.storage.exec('CREATE TABLE IF NOT EXISTS went (at REAL)')
  const alarm = vi.spyOn(Life.prototype, 'alarm').mockImplementation(async function (this: Life) {
    this.storage.exec('INSERT INTO went VALUES (?)', this.now())
    // As an uplink does while there is anything in its outbox.
    if (alarm.mock.calls.length === 1) this.wakeBy(this.now() + 1_000)
  })
  actor.writesLeft = 0
  actor.wakeBy(world.now + 1_000)
  await world.run(20_000)
  expect(actor.deaths).toBe(1)
  expect(alarm).toHaveBeenCalledTimes(2)
  expect(actor.storage.exec('SELECT at FROM went')).toHaveLength(1)
  world.end()
})
