// An actor's name tells its region, its fleet and whom it stands for.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  actorName,
  deviceAddress,
  frontAddress,
  leafAddress,
  parseActorName,
  uplinkAddress,
} from '../../src/id/actor-name.ts'
import { type ClientId, DEFAULT_FLEET, type FleetId, type RegionId, type Root } from '../../src/id/ids.ts'

const EU = 'eu' as RegionId
const ACME = 'acme' as FleetId

test('the leaf of devices/<id> is the device’s actor, every other root has a topic actor', () => {
  expect(leafAddress(EU, ACME, 'devices/lamp' as Root)).toEqual(deviceAddress(EU, ACME, 'lamp' as ClientId))
  expect(leafAddress(EU, ACME, 'rooms/42' as Root)).toEqual({
    kind: 'topic',
    region: EU,
    fleet: ACME,
    id: 'rooms/42',
  })
})

test('a front lives in the default fleet, since it is made before the fleet is known', () => {
  expect(actorName(frontAddress(EU, 'f00'))).toBe('eu/default/f00')
  expect(frontAddress(EU, 'f00').fleet).toBe(DEFAULT_FLEET)
})

test('a name gives its address back, whatever slashes its id holds', () => {
  const addresses = fc.record({
    kind: fc.constantFrom('device', 'topic', 'uplink', 'front'),
    region: fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/).map((text) => text as RegionId),
    fleet: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/).map((text) => text as FleetId),
    id: fc.string({ minLength: 1, maxLength: 20 }).map((text) => `${text}/x`),
  })
  fc.assert(
    fc.property(addresses, (address) => {
      expect(parseActorName(address.kind, actorName(address))).toEqual(address)
    }),
    { seed: 1883, numRuns: 500 },
  )
})

test.each([
  '',
  'eu',
  'eu/default',
  '/default/lamp',
  'eu//lamp',
  'EU/default/lamp',
  'eu/De/lamp',
  'e.u/default/x',
])('%j is not an actor’s name', (name) => {
  expect(() => parseActorName('device', name)).toThrow(`not an actor's name: ${name}`)
})

test('the shard of a root never changes, since stored outboxes are sharded by it', () => {
  const shardOf = (root: string) => uplinkAddress(EU, ACME, root as Root, 16).id
  expect(['devices/lamp', 'rooms/42', 'a', 'räume/7'].map(shardOf)).toEqual(['3', '14', '12', '6'])
})

test('shards are within their number, and all of them are used', () => {
  const used = new Set<string>()
  for (let i = 0; i < 500; i++) used.add(uplinkAddress(EU, ACME, `devices/${i}` as Root, 8).id)
  expect([...used].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
})
