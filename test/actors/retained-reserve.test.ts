// Room for retained messages below a device: others cannot take all of it, the device's own come first.
import { expect, test } from 'vitest'
import { Leaf } from '../../actors/leaf/leaf.ts'
import { RETAINED_MESSAGES_MAX, RETAINED_OWN_MESSAGES } from '../../actors/limits.ts'
import type { ClientId, Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { APP, addressOf, EU, LAMP, LAMP_ROOT, ROOM, record } from './samples.ts'

/** A home, and the reason for each of so many retained messages that a client publishes to topics of its own. */
async function homeOf(root: Root) {
  const platform = new FakePlatform(addressOf('device', EU, 'lamp'), {
    core: fakeCore(EU, {
      claim: async () => ({ home: { region: EU, epoch: 1 }, state: null, synced: false }),
    }),
    peers: fakePeers(),
  })
  const leaf = new Leaf(platform, root, {
    deliver: async () => new Uint8Array(0),
    stages: (common) => common,
    parts: () => [],
  })
  await leaf.home.find()
  return async (publisher: ClientId, count: number, from = 0) => {
    const records = Array.from({ length: count }, (_, i) =>
      record(`${root}/${publisher}/${from + i}`, 'x', { retain: true, qos: 1 }),
    )
    const outcomes = leaf.publish(publisher, records)
    await platform.clock.pass(100)
    return [...(await outcomes)].map((code) => code === Reason.QuotaExceeded)
  }
}

test('after 10,000 retained messages of others below a device its own are retained all the same (case 15)', async () => {
  const publish = await homeOf(LAMP_ROOT)
  const foreign = await publish(APP, RETAINED_MESSAGES_MAX)
  expect(foreign.indexOf(true)).toBe(RETAINED_MESSAGES_MAX - RETAINED_OWN_MESSAGES)
  const own = await publish(LAMP, RETAINED_OWN_MESSAGES)
  expect(own).not.toContain(true)
  expect(await publish(LAMP, 1, RETAINED_OWN_MESSAGES)).toEqual([true])
  // What is retained may be replaced.
  expect(await publish(APP, 1)).toEqual([false])
})

test('below other roots nobody has a reserve', async () => {
  const publish = await homeOf(ROOM)
  expect(await publish(APP, RETAINED_MESSAGES_MAX)).not.toContain(true)
  expect(await publish(LAMP, 1)).toEqual([true])
})
