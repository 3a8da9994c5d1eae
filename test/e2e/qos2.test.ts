// QoS 2 over the real thing: exactly once over lost connections, hibernation, a killed process and a move between regions.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System

beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const publish = (messageId: number, topic: string, text: string, dup = false) => ({
  cmd: 'publish' as const,
  topic,
  payload: text,
  qos: 2 as const,
  dup,
  retain: false,
  messageId,
})

async function subscriber(room: string, region = 'eu'): Promise<Client> {
  const client = await Client.connect(system, region, `listener-${room}`)
  await client.mqtt.subscribeAsync(`rooms/${room}/#`, { qos: 2 })
  return client
}

test.each([4, 5] as const)(
  'mqtt.js exchanges QoS 2 messages across regions (version %i)',
  async (protocolVersion) => {
    const room = `mqttjs${protocolVersion}`
    const there = await Client.connect(system, 'us', `there-${room}`, { protocolVersion })
    await there.mqtt.subscribeAsync(`rooms/${room}/#`, { qos: 2 })
    const here = await Client.connect(system, 'eu', `here-${room}`, { protocolVersion })
    for (let i = 0; i < 50; i++) await here.mqtt.publishAsync(`rooms/${room}/x`, `${i}`, { qos: 2 })
    await there.has(50)
    expect(there.texts).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
    expect(new Set(there.got.map(({ packet }) => packet.qos))).toEqual(new Set([2]))
    await Promise.all([here.mqtt.endAsync(), there.mqtt.endAsync()])
  },
)

describe('a publisher', () => {
  test('that sends a message again on a new connection has it delivered once', async () => {
    const listener = await subscriber('again')
    const first = await Raw.connect(system, 'eu', 'sender-again', { clean: false, expiry: 600 })
    first.send(publish(5, 'rooms/again/x', 'once'))
    await first.gets('pubrec')
    first.drop()
    const second = await Raw.connect(system, 'eu', 'sender-again', { clean: false, expiry: 600 })
    second.send(publish(5, 'rooms/again/x', 'once', true))
    await second.gets('pubrec')
    second.send({ cmd: 'pubrel', messageId: 5 })
    await second.gets('pubcomp')
    second.send(publish(5, 'rooms/again/x', 'another'))
    await second.gets('pubrec', 2)
    await listener.has(2)
    expect(listener.texts).toEqual(['once', 'another'])
  })

  test('whose actor was killed after PUBREC, or that moved to another region, is still known to have sent it', async () => {
    const listener = await subscriber('killed', 'us')
    const first = await Raw.connect(system, 'eu', 'sender-killed', { clean: false, expiry: 600 })
    first.send(publish(9, 'rooms/killed/x', 'once'))
    await first.gets('pubrec')
    await system.killAndWait('eu')
    const second = await Raw.connect(system, 'eu', 'sender-killed', { clean: false, expiry: 600 })
    second.send(publish(9, 'rooms/killed/x', 'once', true))
    await second.gets('pubrec')
    second.drop()
    const third = await Raw.connect(system, 'us', 'sender-killed', { clean: false, expiry: 600 })
    expect(third.packets[0]).toMatchObject({ sessionPresent: true })
    third.send(publish(9, 'rooms/killed/x', 'once', true))
    await third.gets('pubrec')
    third.send({ cmd: 'pubrel', messageId: 9 })
    await third.gets('pubcomp')
    third.send(publish(10, 'rooms/killed/x', 'last'))
    await listener.has(2)
    expect(listener.texts).toEqual(['once', 'last'])
  })
})

describe('a subscriber', () => {
  async function receiving(name: string): Promise<{ raw: Raw; sender: Client }> {
    const raw = await Raw.connect(system, 'eu', name, { clean: false, expiry: 600 })
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `rooms/${name}/#`, qos: 2 }] })
    await raw.gets('suback')
    const sender = await Client.connect(system, 'eu', `${name}-sender`)
    await sender.mqtt.publishAsync(`rooms/${name}/x`, 'once', { qos: 2 })
    await raw.gets('publish')
    return { raw, sender }
  }

  test.each(['eu', 'us'])(
    'that comes back in %s gets PUBLISH again with its id and DUP, then PUBREL, and nothing more',
    async (region) => {
      const name = `receiver-${region}`
      const { raw } = await receiving(name)
      const id = raw.of('publish')[0]?.messageId
      raw.drop()
      const again = await Raw.connect(system, region, name, { clean: false, expiry: 600 })
      expect(await again.gets('publish')).toMatchObject({ messageId: id, dup: true, qos: 2 })
      again.send({ cmd: 'pubrec', messageId: id as number })
      await again.gets('pubrel')
      again.drop()
      const last = await Raw.connect(system, region, name, { clean: false, expiry: 600 })
      expect(await last.gets('pubrel')).toMatchObject({ messageId: id })
      last.send({ cmd: 'pubcomp', messageId: id as number })
      last.send({ cmd: 'pingreq' })
      await last.gets('pingresp')
      last.drop()
      const clean = await Raw.connect(system, region, name, { clean: false, expiry: 600 })
      clean.send({ cmd: 'pingreq' })
      await clean.gets('pingresp')
      expect(clean.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp'])
    },
  )

  test('that keeps a clean session open finishes the exchange after its actor has left memory', async () => {
    const raw = await Raw.connect(system, 'eu', 'sleeper')
    raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'rooms/sleeper/#', qos: 2 }] })
    await raw.gets('suback')
    const sender = await Client.connect(system, 'eu', 'sleeper-sender')
    for (const text of ['a', 'b']) await sender.mqtt.publishAsync('rooms/sleeper/x', text, { qos: 2 })
    await raw.gets('publish', 2)
    const [a, b] = raw.of('publish').map(({ messageId }) => messageId as number)
    raw.send({ cmd: 'pubrec', messageId: a as number })
    await raw.gets('pubrel')
    // Longer than the ten seconds after which an idle actor hibernates.
    const before = Date.now()
    await until(() => Date.now() - before > 13_000, 20_000)
    raw.send({ cmd: 'pubcomp', messageId: a as number })
    raw.send({ cmd: 'pubrec', messageId: b as number })
    expect(await raw.gets('pubrel', 2)).toMatchObject({ messageId: b })
    raw.send({ cmd: 'pubcomp', messageId: b as number })
    await sender.mqtt.publishAsync('rooms/sleeper/x', 'c', { qos: 2 })
    expect((await raw.gets('publish', 3)).messageId).not.toBe(b)
  }, 40_000)
})
