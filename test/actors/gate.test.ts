// The way in to a device: sockets that leave early, hibernate, or stop in the middle of a packet.
import type { Packet } from 'mqtt-packet'
import { expect, test, vi } from 'vitest'
import { Gate } from '../../actors/device/admission/gate.ts'
import type { SubscribeReply } from '../../actors/leaf/leaf-peer.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type { ClaimResponse } from '../../src/relay/home.ts'
import { fakeCore, fakePeers, held, publishInto } from './fake-peers.ts'
import { FakePlatform, SECRET } from './fake-platform.ts'
import {
  addressOf,
  connectFrame,
  deliveryOf,
  EU,
  frame,
  LAMP,
  packetsTo,
  subscribeFrame,
  textOf,
  textsTo,
  unsubscribePacket,
  watch,
} from './samples.ts'

/** A lamp in eu that has connected, what it publishes and the sessions that subscribe. */
async function connected(expirySeconds: number, properties: { [name: string]: number } = {}) {
  const published: string[] = []
  const sessions: string[] = []
  const peers = fakePeers({
    leaf: () => ({
      publish: publishInto(published),
      subscribe: async (_, session, subscriptions): Promise<SubscribeReply> => {
        sessions.push(session)
        return { reasons: subscriptions.map(({ qos }) => qos), retained: packBatch([]) }
      },
    }),
  })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(expirySeconds, { properties }))
  await platform.clock.settled()
  expect(packetsTo(connection)).toMatchObject([{ cmd: 'connack', reasonCode: 0 }])
  return { clock: platform.clock, connection, gate, platform, published, sessions }
}

test('a socket that closes while its CONNECT waits for the home leaves no live connection', async () => {
  const claim = held<ClaimResponse>()
  const core = fakeCore(EU, { claim: () => claim.answer })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  const framed = watch(gate.frame(connection, connectFrame(3600)))
  await platform.clock.pass(30)
  connection.gone = true
  gate.closed(connection)
  claim.give({ home: { region: EU, epoch: 1 }, state: null, synced: false })
  await platform.clock.pass(2000)

  expect(framed.state()).toBe('resolved')
  expect(gate.device.liveConnection).toBeNull()
  expect(gate.device.parts.store.session()?.disconnectedAt).not.toBeNull()
})

test('a frame that comes in the very turn of CONNACK does not overtake frames that came before CONNACK', async () => {
  const published: string[] = []
  const claim = held<ClaimResponse>()
  const core = fakeCore(EU, { claim: () => claim.answer })
  const peers = fakePeers({ leaf: () => ({ publish: publishInto(published) }) })
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { core, peers })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  const say = (payload: string) =>
    gate.frame(connection, frame({ cmd: 'publish', topic: 'rooms/1/x', payload, qos: 0 } as Packet))
  const send = connection.send.bind(connection)
  const sent: Promise<void>[] = []
  connection.send = (bytes) => {
    send(bytes)
    for (let turns = 0; turns < 4; turns++)
      sent.push(
        Array.from({ length: turns })
          .reduce<Promise<void>>((before) => before.then(), Promise.resolve())
          .then(() => say(`after ${turns}`)),
      )
  }
  sent.push(gate.frame(connection, connectFrame(3600)), say('before'))
  claim.give({ home: { region: EU, epoch: 1 }, state: null, synced: false })
  await platform.clock.pass(2000)
  await Promise.all(sent)

  expect(published).toEqual(['before', 'after 0', 'after 1', 'after 2', 'after 3'])
})

test('a PINGREQ to a device that is not in memory is answered without a look at storage', async () => {
  const { clock, connection, platform } = await connected(3600)
  await clock.pass(2000)
  const later = platform.loseMemory()
  const gate = new Gate(later, LAMP)
  const { execs } = later
  await gate.frame(connection, frame({ cmd: 'pingreq' }))
  await clock.pass(2000)

  expect(packetsTo(connection).at(-1)).toMatchObject({ cmd: 'pingresp' })
  expect(later.execs).toBe(execs)
})

test('a text frame to a device that is not in memory closes the connection without a look at storage, and the end is known later', async () => {
  const { clock, connection, platform } = await connected(3600)
  await clock.pass(10_000)
  const asleep = platform.loseMemory()
  const gate = new Gate(asleep, LAMP)
  const { execs } = asleep
  gate.breach(connection)
  await gate.frame(
    connection,
    frame({ cmd: 'publish', topic: 'devices/lamp/a', payload: 'x', qos: 0 } as Packet),
  )
  expect(asleep.execs).toBe(execs)
  expect(packetsTo(connection).at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x82 })
  expect(connection.closing).toMatchObject({ code: 1002 })

  gate.closed(connection)
  expect(gate.device.liveConnection).toBeNull()
  expect(gate.device.parts.store.session()?.disconnectedAt).not.toBeNull()
})

test('a hibernated session that ends with its connection gets messages by the terms of its CONNECT', async () => {
  const { clock, connection, gate, platform, sessions } = await connected(0, {
    receiveMaximum: 1,
    maximumPacketSize: 100,
  })
  await gate.frame(connection, subscribeFrame(1, 'rooms/1/#'))
  await clock.pass(2000)
  const awake = new Gate(platform.loseMemory(), LAMP)
  const deliveries = ['x'.repeat(200), 'first', 'second'].map((text) => deliveryOf('rooms/1/a', text))
  const delivered = watch(awake.device.deliver(sessions[0] ?? '', deliveries))
  await clock.pass(1000)

  // Too large for the client: dropped, and counted as delivered. [MQTT-3.1.2-25]
  expect(textsTo(connection)).toEqual(['first'])
  const messageId = packetsTo(connection).at(-1)?.messageId ?? 0
  await awake.frame(connection, frame({ cmd: 'puback', messageId, reasonCode: 0 }))
  await clock.pass(1000)
  expect(textsTo(connection)).toEqual(['first', 'second'])
  expect(delivered.value()).toEqual(new Uint8Array(3))
})

test.each([1_000, 5_000, 9_000, 11_000, 13_000, 60_000])(
  'a partial packet of %i bytes survives lost memory, or closes its connection',
  async (bytes) => {
    const { clock, connection, gate, platform, published } = await connected(3600)
    const payload = 'x'.repeat(100_000)
    const whole = frame({
      cmd: 'publish',
      topic: 'rooms/1/a',
      payload,
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    })
    await gate.frame(connection, whole.slice(0, bytes))
    // An actor hibernates only after ten seconds without an event or a timer, but it may die before.
    await clock.pass(2000)
    const awake = new Gate(platform.loseMemory(), LAMP)
    if (connection.open) await awake.frame(connection, whole.slice(bytes))
    await clock.pass(120_000)

    if (connection.open) expect(published).toEqual([payload])
    else expect(published).toEqual([])
  },
)

test('a large partial packet keeps the actor in memory until it is whole', async () => {
  const { clock, connection, gate, published } = await connected(3600)
  const payload = 'x'.repeat(100_000)
  const whole = frame({
    cmd: 'publish',
    topic: 'rooms/1/a',
    payload,
    qos: 0,
    dup: false,
    retain: false,
  })
  await gate.frame(connection, whole.slice(0, 60_000))
  for (let seconds = 0; seconds < 20; seconds++) {
    await clock.pass(1000)
    expect(clock.nextAt).not.toBeNull()
  }
  await gate.frame(connection, whole.slice(60_000))
  await clock.pass(2000)

  expect(published).toEqual([payload])
  expect(clock.nextAt).toBeNull()
})

test('filters of wide characters survive lost memory, whatever room they take', async () => {
  const { clock, connection, gate, platform } = await connected(0)
  const filters = Array.from({ length: 30 }, (_, i) => `rooms/1/${i}${'漢'.repeat(300)}`)
  await gate.frame(connection, subscribeFrame(1, ...filters))
  await clock.pass(2000)
  const awake = new Gate(platform.loseMemory(), LAMP)
  await awake.frame(connection, frame(unsubscribePacket(2, filters[0] ?? '', filters[29] ?? '')))
  await clock.pass(2000)

  expect(connection.open).toBe(true)
  expect(packetsTo(connection).at(-1)).toMatchObject({ cmd: 'unsuback', messageId: 2, granted: [0, 0] })
})

test('a region that is being emptied sends its clients elsewhere, by Server Reference', async () => {
  const settings = { moveTo: 'wss://us.example/mqtt' }
  const platform = new FakePlatform(addressOf('device', EU, LAMP), { settings })
  const gate = new Gate(platform, LAMP)
  const connection = platform.accept()
  gate.opened(connection, true)
  await gate.frame(connection, connectFrame(3600))
  expect(packetsTo(connection)).toMatchObject([
    { cmd: 'connack', reasonCode: 0x9c, properties: { serverReference: 'wss://us.example/mqtt' } },
  ])
  expect(connection.closing).not.toBeNull()
})

test.each([
  ['the token of the upgrade', true],
  ['the password', false],
])(
  'durability global, by %s, goes with each message and the will, also after lost memory',
  async (_, early) => {
    const published: [text: string, global: boolean][] = []
    const peers = fakePeers({
      leaf: () => ({
        publish: async (_, batch) => {
          for (const bytes of unpackBatch(batch)) {
            const { payload, global = false } = decodeMessage(bytes)
            published.push([textOf(payload), global])
          }
          return new Uint8Array(unpackBatch(batch).length)
        },
      }),
    })
    const platform = new FakePlatform(addressOf('device', EU, LAMP), { peers })
    const claims = { client: LAMP, fleet: platform.fleet, admin: false, durability: 'global' } as const
    const token = await signClientToken(claims, SECRET, 3600, platform.now())
    const connection = platform.accept()
    const gate = new Gate(platform, LAMP)
    gate.opened(connection, early, early)
    const will = { topic: 'rooms/1/will', payload: 'will', qos: 1 as const, retain: false }
    const password = early ? {} : { username: 'anything', password: Buffer.from(token) }
    await gate.frame(connection, connectFrame(0, { will, ...password }))
    // A signature is checked by the platform, which no fake clock drives.
    await vi.waitFor(() => expect(packetsTo(connection)[0]).toMatchObject({ cmd: 'connack', reasonCode: 0 }))
    const publish = (payload: string, qos: 0 | 1): Packet => {
      const flags = { qos, dup: false, retain: false }
      return { cmd: 'publish', topic: 'rooms/1/a', payload, ...flags, ...(qos > 0 && { messageId: 5 }) }
    }
    await gate.frame(connection, frame(publish('before', 1), publish('fleeting', 0)))
    await platform.clock.pass(2_000)
    const awake = new Gate(platform.loseMemory(), LAMP)
    await awake.frame(connection, frame(publish('after', 1)))
    connection.gone = true
    awake.closed(connection)
    await platform.clock.pass(1_000)
    expect(published).toEqual([
      ['before', true],
      ['fleeting', false],
      ['after', true],
      ['will', true],
    ])
  },
)

test('a client whose database a newer release wrote is refused with 0x88 and a reason, and nothing is written', async () => {
  const { clock, connection: first, gate, platform } = await connected(3600)
  first.gone = true
  gate.closed(first)
  await clock.pass(2000)
  platform.storage.exec('INSERT OR REPLACE INTO schema_version (one, version) VALUES (1, ?)', 99)
  const later = platform.loseMemory()
  const before = later.bytes()
  const connection = later.accept()
  const again = new Gate(later, LAMP)
  again.opened(connection, true)
  await again.frame(connection, connectFrame(3600))
  await clock.pass(2000)

  expect(packetsTo(connection)).toMatchObject([
    {
      cmd: 'connack',
      reasonCode: 0x88,
      properties: { reasonString: expect.stringContaining('newer release') },
    },
  ])
  expect(() => again.device).toThrow('this release knows versions up to')
  expect(later.reports.at(-1)?.what).toBe('the database is refused')
  expect(later.bytes()).toEqual(before)
})
