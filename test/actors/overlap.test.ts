// One message, two ways to a session: its narrow and its wide filter match, or a wide SUBSCRIBE fetches it as retained while it comes
// live. The client gets it once.
import { describe, expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import { Topic } from '../../actors/topic/topic.ts'
import type { Message } from '../../src/mqtt/message.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { decodeDelivery } from '../../src/session/delivery.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  APP,
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  LAMP,
  packetsTo,
  ROOM,
  record,
  subscribeFrame,
  watch,
} from './samples.ts'

const TOPIC = 'rooms/1/x'
const NAMED: Partial<Message> = { origin: 'm1' }

/** A lamp with these filters. @param retained what the wide shards have */
async function lampWith(filters: readonly string[], retained: readonly Uint8Array[] = []) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), {
    peers: fakePeers({
      wide: (shard) => ({
        retained: async () => ({ records: packBatch(shard === 0 ? retained : []), next: null }),
      }),
    }),
  })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(60))
  void gate.frame(connection, subscribeFrame(1, ...filters))
  await platform.clock.pass(10)
  const session = gate.device.parts.store.session()?.id ?? ''
  const comes = (text: string, more = NAMED) =>
    watch(gate.device.deliver(session, [deliveryOf(TOPIC, text, more)]))
  const got = () =>
    packetsTo(connection).flatMap((packet) => (packet.cmd === 'publish' ? [String(packet.payload)] : []))
  return { platform, gate, comes, got }
}

describe('a narrow and a wide filter that both match', () => {
  test.each([0, 1, 2] as const)('bring one copy of a message at QoS %i, with one outcome', async (qos) => {
    const { platform, comes, got } = await lampWith([TOPIC, '+/1/x'])
    const copies = [comes('a', { ...NAMED, qos }), comes('a', { ...NAMED, qos })]
    await platform.clock.pass(1_000)
    expect(got()).toEqual(['a'])
    expect(copies.map((copy) => copy.value()?.[0])).toEqual([
      copies[0]?.value()?.[0],
      copies[0]?.value()?.[0],
    ])
    comes('b', { origin: 'm2', qos })
    await platform.clock.pass(1_000)
    expect(got()).toEqual(['a', 'b'])
  })

  test('bring a copy each if the message has no name: none is lost', async () => {
    const { platform, comes, got } = await lampWith([TOPIC, '+/1/x'])
    for (const text of ['a', 'a']) comes(text, {})
    await platform.clock.pass(1_000)
    expect(got()).toEqual(['a', 'a'])
  })
})

describe('a message that a wide SUBSCRIBE has brought as retained', () => {
  test('does not come live too', async () => {
    const { platform, comes, got } = await lampWith(
      ['+/1/x'],
      [record(TOPIC, 'a', { ...NAMED, retain: true })],
    )
    expect(got()).toEqual(['a'])
    const live = comes('a')
    await platform.clock.pass(1_000)
    expect(got()).toEqual(['a'])
    expect(live.state()).toBe('resolved')
    comes('a', { origin: 'm2' })
    await platform.clock.pass(10)
    expect(got()).toEqual(['a', 'a'])
  })
})

describe('the home names a message', () => {
  async function publishedTo(filters: readonly string[], skipMs: number, more: Partial<Message> = {}) {
    const origins: (string | undefined)[] = []
    const platform = new FakePlatform(addressOf('topic', EU, ROOM), {
      peers: fakePeers({
        device: () => ({
          deliver: async (_, batch) => {
            const records = unpackBatch(batch)
            origins.push(...records.map((one) => decodeDelivery(one).message.origin))
            return new Uint8Array(records.length)
          },
        }),
        wide: () => ({
          publish: async (_, batch) => {
            const records = unpackBatch(batch)
            origins.push(...records.map((one) => decodeMessage(decodeRouted(one).record).origin))
            return { outcomes: new Uint8Array(records.length).fill(Reason.NoMatchingSubscribers), skipMs }
          },
        }),
      }),
    })
    const topic = new Topic(platform, ROOM)
    for (const filter of filters)
      watch(
        topic.leaf.subscribe(APP, 's1', [
          { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 },
        ]),
      )
    await platform.clock.pass(10)
    const publish = async () => {
      watch(topic.leaf.publish(LAMP, [record(TOPIC, 'a', more)]))
      await platform.clock.pass(100)
    }
    await publish()
    const first = origins.splice(0)
    await publish()
    return { first, second: origins }
  }

  test('that may come by two ways, the same for both', async () => {
    const { first, second } = await publishedTo([TOPIC], 0)
    for (const [a, b, ...more] of [first, second]) {
      expect(a).toBeTypeOf('string')
      expect([b, more]).toEqual([a, []])
    }
    expect(first[0]).not.toBe(second[0])
  })

  test('that nobody but wide filters may want only if it is retained', async () => {
    expect((await publishedTo([], 0)).first).toEqual([undefined])
    expect((await publishedTo([], 0, { retain: true })).first).toEqual([expect.any(String)])
  })

  test('no longer when a grant says that no wide filter can match', async () => {
    expect((await publishedTo([TOPIC], 1_000)).second).toEqual([undefined])
  })
})
