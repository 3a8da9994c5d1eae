// A device's session against slow leaves, and its will after it has moved away.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { LeafPeer, SubscribeReply } from '../../actors/leaf/leaf-peer.ts'
import { SOCKET_STALLED_MS_MAX, SOCKET_UNREAD_BYTES_MAX } from '../../actors/limits.ts'
import type { Root } from '../../src/id/ids.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { fakePeers, held, publishInto } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  frame,
  LAMP,
  packetsTo,
  RELEASE,
  subscribeFrame,
  subscribePacket,
  textsTo,
  unsubscribePacket,
  watch,
} from './samples.ts'

type Leaves = (root: Root) => Partial<LeafPeer>

async function connected(leaf: Leaves, connect = connectFrame(3600)) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers: fakePeers({ leaf }) })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connect)
  await platform.clock.settled()
  return { clock: platform.clock, connection, gate, platform }
}

async function departedWithWill(released: boolean) {
  const published: string[] = []
  const { clock, connection, gate, platform } = await connected(
    () => ({
      publish: publishInto(published),
    }),
    connectFrame(3600, {
      will: { topic: 'rooms/1/offline', payload: 'gone', properties: { willDelayInterval: 300 } },
    }),
  )
  connection.gone = true
  gate.closed(connection)
  await clock.pass(1000)
  await gate.device.parts.handover.handover(RELEASE)
  if (released) await gate.device.parts.handover.release({ ...RELEASE, synced: false })
  return { clock, device: gate.device, platform, published }
}

test.each([
  ['that is not finished', false],
  ['that is finished', true],
])('a delayed will is not published by the old home after a hand-over %s', async (_, released) => {
  const { clock, device, published } = await departedWithWill(released)
  await clock.pass(301_000)
  await device.alarm()
  await clock.pass(1000)

  expect(published).toEqual([])
})

test('a delayed will is not published by the old home after a hand-over and lost memory', async () => {
  const { clock, platform, published } = await departedWithWill(false)
  await clock.pass(301_000)
  const { device } = new Gate(platform.loseMemory(), LAMP)
  await device.alarm()
  await clock.pass(1000)

  expect(published).toEqual([])
})

test('a delayed will is published by a home that keeps its client', async () => {
  const published: string[] = []
  const { clock, connection, gate } = await connected(
    () => ({
      publish: publishInto(published),
    }),
    connectFrame(3600, {
      will: { topic: 'rooms/1/offline', payload: 'gone', properties: { willDelayInterval: 300 } },
    }),
  )
  connection.gone = true
  gate.closed(connection)
  await clock.pass(301_000)
  await gate.device.alarm()
  await clock.pass(1000)

  expect(published).toEqual(['gone'])
})

test('a retained message does not come after a newer one while another root of its SUBSCRIBE is slow', async () => {
  const slow = held<SubscribeReply>()
  let session = ''
  const { clock, connection, gate } = await connected((root) => ({
    subscribe: async (_, id) => {
      session = id
      if (root === 'rooms/slow') return slow.answer
      const retained = ['rooms/1/a', 'rooms/1/b'].map((topic) =>
        deliveryOf(topic, `retained ${topic}`, { retain: true }),
      )
      return { reasons: [1], retained: packBatch(retained) }
    },
  }))
  watch(gate.frame(connection, subscribeFrame(1, 'rooms/1/#', 'rooms/slow/#')))
  await clock.pass(50)
  watch(gate.device.deliver(session, [deliveryOf('rooms/1/a', 'newer')]))
  await clock.pass(50)
  slow.give({ reasons: [1], retained: packBatch([]) })
  await clock.pass(1000)

  const texts = textsTo(connection)
  expect(texts).toContain('newer')
  expect(texts).toContain('retained rooms/1/b')
  expect(texts.slice(texts.indexOf('newer'))).not.toContain('retained rooms/1/a')
})

test.each([0, 200])(
  'UNSUBSCRIBE and SUBSCRIBE of one filter in one frame leave it stored, the leaf answering after %i ms',
  async (ms) => {
    const calls: string[] = []
    const { clock, connection, gate, platform } = await connected(() => ({
      subscribe: async () => {
        calls.push('subscribe')
        return { reasons: [1], retained: packBatch([]) }
      },
      unsubscribe: async () => {
        calls.push('unsubscribe')
        if (ms > 0) await new Promise<void>((done) => clock.after(ms, done))
      },
    }))
    await gate.frame(connection, subscribeFrame(1, 'rooms/1/a'))
    await clock.settled()
    const both = frame(unsubscribePacket(2, 'rooms/1/a'), subscribePacket(3, 'rooms/1/a'))
    watch(gate.frame(connection, both))
    await clock.pass(5000)

    expect(calls).toEqual(['subscribe', 'unsubscribe', 'subscribe'])
    expect([...gate.device.parts.store.subscriptions().keys()]).toEqual(['rooms/1/a'])
    const awake = new Gate(platform.loseMemory(), LAMP)
    expect([...awake.device.parts.store.subscriptions().keys()]).toEqual(['rooms/1/a'])
  },
)

test('a client that reads nothing is closed with 0x97 by the alarm, and one that sends a packet in time is not', async () => {
  const { clock, connection, gate, platform } = await connected(() => ({}), connectFrame(0))
  await gate.frame(connection, subscribeFrame(1, 'rooms/1/a'))
  await clock.settled()
  const { live, session } = gate.device.parts.state
  if (live === null || session === null) throw new Error('not connected')
  const flood = async () => {
    live.unread.sent(SOCKET_UNREAD_BYTES_MAX)
    await gate.device.deliver(session.id, [deliveryOf('rooms/1/a', 'dropped', { qos: 0 })])
  }
  const passStall = async () => {
    await clock.pass(SOCKET_STALLED_MS_MAX)
    expect(platform.alarmAt).toBeLessThanOrEqual(clock.now)
    platform.alarmWent()
    await gate.alarm()
  }
  await flood()
  expect(textsTo(connection)).toEqual([])
  await clock.pass(1_000)
  await gate.frame(connection, frame({ cmd: 'pingreq' }))
  await passStall()
  expect(connection.open).toBe(true)

  await flood()
  await passStall()
  expect(connection.open).toBe(false)
  expect(packetsTo(connection).at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x97 })
})
