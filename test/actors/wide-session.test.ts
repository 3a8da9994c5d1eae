// A session with wide filters: what it asks of the shards, and which retained messages a SUBSCRIBE brings.
import type { Packet } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { RetainedPage, WidePeer, WideSubscribeReply } from '../../actors/wide/wide-peer.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { WideCursor } from '../../src/relay/wide.ts'
import { fakePeers, held } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  frame,
  LAMP,
  packetsTo,
  record,
  subscribeFrame,
  US,
  unsubscribePacket,
  watch,
} from './samples.ts'

type Shards = (shard: number) => Partial<WidePeer>

async function connected(wide: Shards) {
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers: fakePeers({ wide }) })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(3600))
  await platform.clock.settled()
  const send = async (bytes: Uint8Array) => {
    watch(gate.frame(connection, bytes) ?? Promise.resolve())
    await platform.clock.settled()
  }
  return { clock: platform.clock, connection, device: gate.device, platform, send }
}

function granted(packets: readonly Packet[]) {
  return packets.flatMap((packet) => (packet.cmd === 'suback' ? [packet.granted] : []))
}

/** `text`, and `text!` where RETAIN is 1. */
function texts(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) =>
    packet.cmd === 'publish' ? [`${packet.payload.toString()}${packet.retain ? '!' : ''}`] : [],
  )
}

function page(...records: Uint8Array[]): RetainedPage<never> {
  return { records: packBatch(records), next: null }
}

describe('SUBSCRIBE with a wide filter', () => {
  test('goes to every shard, beside the leaves of the other filters, and UNSUBSCRIBE as well', async () => {
    const asked: string[] = []
    const { connection, send } = await connected((shard) => ({
      subscribe: async (_client, _session, subscriptions) => {
        asked.push(`${shard} ${subscriptions.map(({ filter }) => filter).join(' ')}`)
        return { reasons: subscriptions.map(({ qos }) => qos), fresh: subscriptions.map(() => true) }
      },
      unsubscribe: async (_client, _session, filters) => {
        asked.push(`${shard} no ${filters?.join(' ')}`)
      },
    }))
    await send(subscribeFrame(1, 'rooms/#', 'rooms/1/#', '#'))
    expect(granted(packetsTo(connection))).toEqual([[1, 1, 1]])
    await send(frame(unsubscribePacket(2, '#', 'rooms/1/#')))
    expect(asked).toEqual(['0 rooms/# #', '1 rooms/# #', '0 no #', '1 no #'])
  })

  test.each([
    ['is refused', async () => ({ reasons: [0x97, 1], fresh: [false, true] }), 0x97],
    ['fails', () => Promise.reject(new Error('it died')), 0x80],
  ])(
    'that %s at one shard is answered so, and what was new is taken back from the others',
    async (_, answer, reason) => {
      const taken: string[] = []
      const { connection, device, send } = await connected((shard) => ({
        ...(shard === 1 && { subscribe: answer }),
        unsubscribe: async (_client, _session, filters) => {
          taken.push(`${shard} ${filters?.join(' ')}`)
        },
      }))
      await send(subscribeFrame(1, 'rooms/#', '#'))
      const second = reason === 0x80 ? 0x80 : 1
      expect(granted(packetsTo(connection))).toEqual([[reason, second]])
      const lost = reason === 0x80 ? 'rooms/# #' : 'rooms/#'
      expect(taken).toEqual([`0 ${lost}`, `1 ${lost}`])
      expect([...device.parts.store.subscriptions().keys()]).toEqual(reason === 0x80 ? [] : ['#'])
    },
  )
})

test('a refusal takes nothing from a later SUBSCRIBE of the same filter', async () => {
  const first = held<WideSubscribeReply>()
  const registered = new Map([
    [0, false],
    [1, false],
  ])
  let refused = false
  const { connection, clock, send } = await connected((shard) => ({
    subscribe: async () => {
      registered.set(shard, true)
      if (shard === 0 || refused) return { reasons: [1], fresh: [!refused] }
      refused = true
      return first.answer
    },
    unsubscribe: async () => {
      registered.set(shard, false)
    },
  }))
  await send(subscribeFrame(1, '#'))
  await send(subscribeFrame(2, '#'))
  first.give({ reasons: [Reason.ImplementationSpecificError], fresh: [false] })
  await clock.settled()
  expect(granted(packetsTo(connection))).toEqual([[0x83], [1]])
  expect([...registered.values()]).toEqual([true, true])
})

describe('the retained messages for a wide filter', () => {
  test('come after SUBACK with RETAIN 1, those of this region and of the others', async () => {
    const { connection, send, clock } = await connected((shard) => ({
      retained: async () => page(record(`rooms/${shard}/a`, `here ${shard}`)),
      retainedElsewhere: async () => page(record('x/y', 'there')),
    }))
    await send(subscribeFrame(1, '#'))
    await clock.pass(2_000)
    const packets = packetsTo(connection)
    expect(packets.findIndex(({ cmd }) => cmd === 'suback')).toBeLessThan(
      packets.findIndex(({ cmd }) => cmd === 'publish'),
    )
    expect(texts(packets)).toEqual(['here 0!', 'here 1!', 'there!', 'there!'])
  })

  test('that a live message has overtaken are dropped', async () => {
    const answer = held<RetainedPage<WideCursor>>()
    const { connection, device, send, clock } = await connected((shard) =>
      shard === 0 ? { retained: () => answer.answer } : {},
    )
    await send(subscribeFrame(1, '#'))
    const session = device.parts.store.session()?.id ?? ''
    watch(device.deliver(session, [deliveryOf('rooms/1/a', 'live')]))
    await clock.settled()
    answer.give(page(record('rooms/1/a', 'older'), record('rooms/1/b', 'kept')))
    await clock.settled()
    expect(texts(packetsTo(connection))).toEqual(['live', 'kept!'])
  })

  test('come for Retain Handling 0, for 1 only where the filter is new, for 2 never, and not where it is refused', async () => {
    let asked = 0
    const { send } = await connected((shard) => ({
      subscribe: async (_client, _session, [one]) => ({
        reasons: [one?.filter === 'no/#' ? Reason.QuotaExceeded : 1],
        fresh: [true],
      }),
      retained: async () => {
        if (shard === 0) asked++
        return page()
      },
    }))
    const counts: number[] = []
    const wanted = [
      ['a/#', 2],
      ['a/#', 1],
      ['a/#', 0],
      ['b/#', 1],
      ['no/#', 0],
    ] as const
    for (const [i, [topic, rh]] of wanted.entries()) {
      await send(frame({ cmd: 'subscribe', messageId: i + 1, subscriptions: [{ topic, qos: 1, rh }] }))
      counts.push(asked)
    }
    expect(counts).toEqual([0, 0, 1, 2, 2])
  })

  test('of this region come although the others cannot be reached', async () => {
    const { connection, platform, send, clock } = await connected((shard) => ({
      retained: async () => page(record(`rooms/${shard}/a`, `here ${shard}`)),
      retainedElsewhere: async () => {
        throw new CoreUnreachable(`${US} is down`)
      },
    }))
    await send(subscribeFrame(1, '#'))
    await clock.pass(2_000)
    expect(texts(packetsTo(connection))).toEqual(['here 0!', 'here 1!'])
    expect(platform.reports).toHaveLength(1)
  })
})
