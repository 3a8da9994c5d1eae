// The checkers of the simulator where no seed is sure to come: what they take for a repeat, and what for disorder.
import { expect, test } from 'vitest'
import type { RegionId } from '../../src/id/ids.ts'
import { Random } from '../random/random.ts'
import { judge } from './checks.ts'
import { SimClient } from './client.ts'
import { Faults } from './faults.ts'
import type { Published } from './history.ts'
import { World } from './world.ts'

const EU = 'eu' as RegionId
const TOPIC = 'rooms/1/x'

/** What the checkers say of the order in which a subscriber got two messages, each by its number and with this QoS. */
function disorders(...came: readonly (readonly [number: 1 | 2, qos: number])[]): string[] {
  const random = new Random(1)
  const world = new World(random, new Faults(random, new Set(['edge losses'])), [EU], 1)
  const manner = { version: 5, kept: true, ackDelayMs: 0, receiveMaximum: 100, will: false } as const
  for (const id of ['c0', 'c1']) world.clients.push(new SimClient(world, id, EU, manner))
  const one = { client: 'c0', region: EU, connection: 0, topic: TOPIC, root: 'rooms/1', qos: 1 as const }
  const published: Published[] = [2, 3].map((at) => {
    const sent = world.history.publish({ ...one, retain: false, will: false, expirySeconds: 0, at })
    sent.acknowledged = { at, reason: 0 }
    return sent
  })
  const subscribed = { client: 'c1', filter: TOPIC, qos: 1 as const, connection: 1, at: 1, endedAt: null }
  world.history.subscribed.push(subscribed)
  for (const [number, qos] of came) {
    const sent = published[number - 1]
    if (sent === undefined) throw new Error(`there is no ${number}`)
    const how = { client: 'c1', connection: 1, region: EU, at: 4, dup: false, retain: false }
    world.history.delivered.push({ ...how, published: sent, qos })
  }
  judge(world)
  world.end()
  return world.breaches.flatMap(({ broken, what }) => (broken === 'one order' ? [what] : []))
}

test('a message that overtakes an earlier one of its publisher is found', () => {
  expect(disorders([2, 1], [1, 1])).toHaveLength(1)
  expect(disorders([1, 1], [2, 1], [1, 1])).toEqual([])
})

test('one that has come with QoS 0 is repeated with QoS 1 where the subscription has changed', () => {
  expect(disorders([1, 0], [2, 1], [1, 1])).toEqual([])
})
