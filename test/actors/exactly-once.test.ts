// QoS 2 between actors: a message that is handed on again after a fault is known by its origin.
import { expect, test } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/mqtt/message.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { encodeDelivery } from '../../src/session/delivery.ts'
import { fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  EU,
  frame,
  LAMP,
  message,
  packetsTo,
  stored,
  textsTo,
  watch,
} from './samples.ts'

const PUBLISH = {
  cmd: 'publish',
  topic: 'rooms/1/a',
  payload: 'x',
  qos: 2,
  retain: false,
  messageId: 7,
} as const

async function connected(platform: FakePlatform, gate = new Gate(platform, LAMP)) {
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(3600))
  await platform.clock.settled()
  return { gate, connection }
}

/** A leaf that takes messages and does not answer. */
function silentLeaf(passed: Message[]) {
  return fakePeers({
    leaf: () => ({
      publish: (_client: ClientId, batch) => {
        passed.push(...unpackBatch(batch).map(decodeMessage))
        return new Promise<never>(() => undefined)
      },
    }),
  })
}

test('a PUBLISH that comes again after its actor died in the middle has the same origin, a new one another', async () => {
  const passed: Message[] = []
  const first = new FakePlatform(addressOf('device', EU, LAMP), { peers: silentLeaf(passed) })
  const before = await connected(first)
  void before.gate.frame(before.connection, frame({ ...PUBLISH, dup: false }))
  await first.clock.settled()
  before.connection.gone = true

  const second = first.loseMemory()
  const after = await connected(second)
  void after.gate.frame(after.connection, frame({ ...PUBLISH, dup: true }))
  await second.clock.settled()
  void after.gate.frame(after.connection, frame({ ...PUBLISH, messageId: 8, dup: false }))
  await second.clock.pass(10)

  expect(passed).toHaveLength(3)
  expect(passed[0]?.origin).toEqual(expect.any(String))
  expect(passed[1]?.origin).toBe(passed[0]?.origin)
  expect(passed[2]?.origin).not.toBe(passed[0]?.origin)
})

test('a packet id that the client uses anew, without DUP, is another message', async () => {
  const passed: Message[] = []
  const first = new FakePlatform(addressOf('device', EU, LAMP), { peers: silentLeaf(passed) })
  const before = await connected(first)
  void before.gate.frame(before.connection, frame({ ...PUBLISH, dup: false }))
  await first.clock.settled()
  before.connection.gone = true
  const second = first.loseMemory()
  const after = await connected(second)
  void after.gate.frame(after.connection, frame({ ...PUBLISH, dup: false }))
  await second.clock.pass(10)
  expect(passed[1]?.origin).not.toBe(passed[0]?.origin)
})

function deliveryOf(origin: string, identifiers: number[] = []): Uint8Array {
  const one = { ...message('rooms/1/a', origin), qos: 2, origin } as const
  return encodeDelivery({ qos: 2, retain: false, identifiers, share: null, message: one }, encodeMessage(one))
}

test('a delivery that comes again is taken once, also after the actor’s memory was lost', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP))
  const { gate, connection } = await connected(platform)
  const session = gate.device.parts.store.session()?.id ?? ''
  const outcomes: (Uint8Array | undefined)[] = []
  const deliver = async (to: Gate, bytes: Uint8Array) => {
    const delivered = watch(to.device.deliver(session, [bytes]))
    await platform.clock.settled()
    outcomes.push(delivered.value())
  }
  await deliver(gate, deliveryOf('a'))
  await deliver(gate, deliveryOf('a'))
  await deliver(gate, deliveryOf('b'))
  expect(textsTo(connection)).toEqual(['a', 'b'])

  // An actor hibernates when nothing has happened for a while.
  await platform.clock.pass(10_000)
  const again = new Gate(platform.loseMemory(), LAMP)
  await deliver(again, deliveryOf('a'))
  await deliver(again, deliveryOf('c'))
  expect(textsTo(connection)).toEqual(['a', 'b', 'c'])
  expect(outcomes).toEqual(outcomes.map(() => stored(1)))
})

test('copies for overlapping subscriptions differ in their identifiers', async () => {
  const platform = new FakePlatform(addressOf('device', EU, LAMP))
  const { gate, connection } = await connected(platform)
  const session = gate.device.parts.store.session()?.id ?? ''
  await gate.device.deliver(session, [deliveryOf('a', [1]), deliveryOf('a', [2]), deliveryOf('a', [1])])
  await platform.clock.settled()
  expect(packetsTo(connection).filter(({ cmd }) => cmd === 'publish')).toHaveLength(2)
})
