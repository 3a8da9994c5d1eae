// What a live connection sends: nothing that has expired, nothing larger than its client takes, topics by alias.
import { expect, test } from 'vitest'
import { Live } from '../../actors/device/connection/live.ts'
import { SOCKET_UNREAD_BYTES_MAX } from '../../actors/limits.ts'
import { PacketStream } from '../../src/mqtt/packet-stream.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import { FakeConnection } from './fake-connection.ts'
import { message, packetsTo } from './samples.ts'

const NOW = Date.UTC(2026, 0, 1)

function live(more: { maximumPacketSize?: number; outgoingAliases?: number } = {}) {
  const connection = new FakeConnection()
  const terms = {
    protocolVersion: 5,
    keepAliveSeconds: 0,
    outgoingWindow: 10,
    incomingWindow: 10,
    outgoingAliases: 0,
    maximumPacketSize: 0xffff_ffff,
    ...more,
  } as const
  return { connection, live: new Live(connection, terms, new PacketStream(1000), NOW) }
}

function deliveryOf(text: string, expiresAt = 0): Delivery {
  const one = message('rooms/1/chat', text, { expiresAt })
  return { qos: 1, retain: false, identifiers: [], share: null, message: one }
}

test('a message that expired while it waited is not sent [MQTT-3.3.2-5]', () => {
  const { connection, live: one } = live()
  expect(one.publish(deliveryOf('late', NOW + 1000), 1, false, NOW + 1000)).toBe('unsendable')
  expect(one.publish(deliveryOf('begun', NOW + 1000), 2, true, NOW + 1000)).toBe('sent')
  expect(one.publish(deliveryOf('in time', NOW + 1000), 3, false, NOW + 999)).toBe('sent')
  one.flush()
  expect(packetsTo(connection)).toMatchObject([{ messageId: 2 }, { messageId: 3 }])
})

test('a packet that is larger than the client takes is not sent, an alias never being the reason', () => {
  const one = deliveryOf('x'.repeat(50))
  const size = 1 + 1 + 2 + 'rooms/1/chat'.length + 2 + 1 + 50
  const tight = live({ maximumPacketSize: size, outgoingAliases: 5 })
  for (const id of [1, 2, 3]) expect(tight.live.publish(one, id, false, NOW)).toBe('sent')
  expect(live({ maximumPacketSize: size - 1 }).live.publish(one, 1, false, NOW)).toBe('unsendable')
  expect(
    live({ maximumPacketSize: 4 }).live.reply({ type: 'disconnect', reason: 0x8e, properties: {} }),
  ).toBe(true)
})

test('a topic that comes again is sent by its alias', () => {
  const { connection, live: one } = live({ outgoingAliases: 5 })
  for (const id of [1, 2, 3]) one.publish(deliveryOf(`${id}`), id, false, NOW)
  one.close(Reason.ServerShuttingDown)
  expect(packetsTo(connection)).toMatchObject([
    { topic: 'rooms/1/chat', payload: Buffer.from('1') },
    { topic: 'rooms/1/chat', properties: { topicAlias: 1 } },
    { topic: '', properties: { topicAlias: 1 }, payload: Buffer.from('3') },
    { cmd: 'disconnect' },
  ])
})

test('a client that sends no packet gets QoS 0 up to a bound of bytes, and again once it has sent one', () => {
  const { connection, live: one } = live()
  const payload = 'x'.repeat(1024 * 1024)
  const delivery = { ...deliveryOf(payload), qos: 0 } as const
  const sent = () => {
    const outcome = one.publish(delivery, 0, false, NOW)
    one.flush()
    return outcome
  }
  const most = SOCKET_UNREAD_BYTES_MAX / payload.length
  for (let i = 0; i < most; i++) expect(sent()).toBe('sent')
  expect(sent()).toBe('no-room')
  expect(sent()).toBe('no-room')
  expect(one.unread.dropped).toBe(2)
  expect(connection.frames).toHaveLength(most)
  // At QoS 1 the acknowledgements are the bound.
  expect(one.publish(deliveryOf('x'), 1, false, NOW)).toBe('sent')
  one.unread.packetCame()
  expect(sent()).toBe('sent')
})
