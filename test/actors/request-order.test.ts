// What a client sends in one write takes effect in the order sent: a retained message is retained when the SUBSCRIBE after it is.
import { expect, test } from 'vitest'
import { RETAINED_BEFORE_MS } from '../../actors/limits.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { held } from './fake-peers.ts'
import { frame, packetsTo, recordTexts, subscribeFrame, unsubscribePacket } from './samples.ts'
import { SyncWorld } from './sync-world.ts'

/** A lamp whose room notes what is asked of it, and answers publishes when the test likes. */
async function lamp() {
  const asked: string[] = []
  const publish = held<Uint8Array>()
  const world = new SyncWorld()
  world.leaf = () => ({
    publish: (_, batch) => {
      asked.push(...recordTexts(batch).map((text) => `publish ${text}`))
      return publish.answer
    },
    subscribe: async (_client, _session, subscriptions) => {
      asked.push(...subscriptions.map(({ filter }) => `subscribe ${filter}`))
      return { reasons: subscriptions.map(({ qos }) => qos), retained: packBatch([]) }
    },
    unsubscribe: async (_client, _session, filters) => {
      asked.push(...(filters ?? []).map((filter) => `unsubscribe ${filter}`))
    },
  })
  await world.connect(0)
  const send = (...frames: Uint8Array[]) => {
    void world.gate.frame(world.connection, new Uint8Array(Buffer.concat(frames)))
  }
  return { world, asked, publish, send }
}

const publishFrame = (topic: string, retain: boolean, qos: 0 | 1 = 0) =>
  frame({ cmd: 'publish', topic, payload: 'x', retain, qos, dup: false, ...(qos > 0 && { messageId: 9 }) })

test.each([0, 1] as const)(
  'a SUBSCRIBE waits for the retained message that its client published before, at QoS %i',
  async (qos) => {
    const { world, asked, publish, send } = await lamp()
    send(publishFrame('rooms/1/x', true, qos), subscribeFrame(1, 'rooms/1/#'))
    await world.clock.pass(100)
    expect(asked).toEqual(['publish x'])
    publish.give(Uint8Array.of(Reason.Success))
    await world.clock.settled()
    expect(asked).toEqual(['publish x', 'subscribe rooms/1/#'])
    expect(packetsTo(world.connection).at(-1)).toMatchObject({ cmd: 'suback' })
  },
)

test('a message that is not retained, or of another topic, makes no SUBSCRIBE wait', async () => {
  const { world, asked, send } = await lamp()
  send(publishFrame('rooms/1/x', false), publishFrame('rooms/1/y', true), subscribeFrame(1, 'rooms/1/x'))
  await world.clock.settled()
  expect(asked).toContain('subscribe rooms/1/x')
})

test('an UNSUBSCRIBE does not overtake a SUBSCRIBE that waits', async () => {
  const { world, asked, publish, send } = await lamp()
  send(
    publishFrame('rooms/1/x', true),
    subscribeFrame(1, 'rooms/1/x'),
    frame(unsubscribePacket(2, 'rooms/1/x')),
  )
  await world.clock.pass(100)
  publish.give(Uint8Array.of(Reason.Success))
  await world.clock.settled()
  expect(asked).toEqual(['publish x', 'subscribe rooms/1/x', 'unsubscribe rooms/1/x'])
})

test('a SUBSCRIBE does not wait for ever', async () => {
  const { world, asked, send } = await lamp()
  send(publishFrame('rooms/1/x', true), subscribeFrame(1, 'rooms/1/x'))
  await world.clock.pass(RETAINED_BEFORE_MS + 10)
  expect(asked).toContain('subscribe rooms/1/x')
})
