// SUBACK with a failure means no subscription, also if the leaf has stored it and only its answer was lost.
import { expect, test } from 'vitest'
import { packetsTo, ROOM, subscribeFrame } from './samples.ts'
import { SyncWorld } from './sync-world.ts'

test('a subscription whose answer is lost after the leaf stored it is refused, and removed at the leaf before SUBACK', async () => {
  const world = new SyncWorld()
  const at = new Set<string>()
  const calls: string[] = []
  let fails = 2
  world.leaf = () => ({
    subscribe: async (_client, _session, subscriptions) => {
      for (const { filter } of subscriptions) at.add(filter)
      calls.push('subscribe')
      throw new Error('the answer is lost')
    },
    unsubscribe: async (_client, _session, filters) => {
      calls.push('unsubscribe')
      if (fails-- > 0) throw new Error('the leaf is not reached')
      for (const filter of filters ?? []) at.delete(filter)
    },
  })
  await world.connect(3600)
  void world.gate.frame(world.connection, subscribeFrame(1, `${ROOM}/#`))
  await world.platform.clock.pass(1_000)
  expect(packetsTo(world.connection).slice(1)).toMatchObject([{ cmd: 'suback', granted: [0x80] }])
  expect(calls).toEqual(['subscribe', 'unsubscribe', 'unsubscribe', 'unsubscribe'])
  expect(at.size).toBe(0)
})
