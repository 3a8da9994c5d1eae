import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VERSION } from '../../actors/version.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { Client } from './client.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

describe.each([
  { version: 5 as const, front: false },
  { version: 4 as const, front: false },
  { version: 5 as const, front: true },
  { version: 4 as const, front: true },
])('with MQTT version $version, through a front: $front', ({ version, front }) => {
  const options = { protocolVersion: version, front }
  const lampId = `lamp-${version}-${front}`

  it('a command crosses from us to a device in eu', async () => {
    const lamp = await Client.connect(system, 'eu', lampId, options)
    await lamp.subscribe(`devices/${lampId}/cmd/#`)
    const app = await Client.connect(system, 'us', `app-${version}-${front}`, options)
    await app.publish(`devices/${lampId}/cmd/power`, 'on')
    await lamp.has(1)
    expect(lamp.got[0]).toMatchObject({ topic: `devices/${lampId}/cmd/power`, text: 'on' })
    await lamp.end()
    await app.end()
  })

  it('telemetry crosses from a device in eu to an app in us, in order', async () => {
    const app = await Client.connect(system, 'us', `watcher-${version}-${front}`, options)
    const lamp = await Client.connect(system, 'eu', lampId, options)
    expect(await app.subscribe(`devices/${lampId}/telemetry`)).toEqual([1])
    const sent = Array.from({ length: 200 }, (_, i) => `t${i}`)
    await Promise.all(sent.map((text) => lamp.publish(`devices/${lampId}/telemetry`, text)))
    await app.has(sent.length)
    expect(app.texts).toEqual(sent)
    await lamp.end()
    await app.end()
  })

  it('a client gets what it publishes to its own subscription', async () => {
    const one = await Client.connect(system, 'eu', lampId, options)
    await one.subscribe('rooms/echo/#')
    await one.subscribe(`devices/${lampId}/echo`)
    await one.publish('rooms/echo/a', 'room')
    await one.publish(`devices/${lampId}/echo`, 'own')
    await one.has(2)
    expect(one.texts.sort()).toEqual(['own', 'room'])
    await one.end()
  })
})

describe('messages', () => {
  it('QoS 0 arrives, in order, from region to region', async () => {
    const listener = await Client.connect(system, 'eu', 'listener')
    await listener.subscribe('rooms/q0/#', { qos: 0 })
    const speaker = await Client.connect(system, 'us', 'speaker')
    for (let i = 0; i < 100; i++) speaker.mqtt.publish('rooms/q0/x', String(i), { qos: 0 })
    await listener.has(100)
    expect(listener.texts).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
    await listener.end()
    await speaker.end()
  })

  it('MQTT 5 properties cross regions, and a 3.1.1 subscriber gets the message without them', async () => {
    const properties = {
      contentType: 'application/json',
      responseTopic: 'devices/p5/reply',
      correlationData: Buffer.from([1, 2, 3]),
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      userProperties: { a: '1', b: ['2', '3'] },
    }
    const five = await Client.connect(system, 'eu', 'p5')
    const four = await Client.connect(system, 'eu', 'p4', { protocolVersion: 4 })
    await five.subscribe('rooms/props/+', { qos: 1, properties: { subscriptionIdentifier: 7 } })
    await four.subscribe('rooms/props/#')
    const sender = await Client.connect(system, 'us', 'sender')
    await sender.publish('rooms/props/x', '{}', { qos: 1, properties })
    await five.has(1)
    await four.has(1)
    expect(five.got[0]?.packet.properties).toMatchObject({
      contentType: 'application/json',
      responseTopic: 'devices/p5/reply',
      payloadFormatIndicator: true,
      subscriptionIdentifier: 7,
      userProperties: { a: '1', b: ['2', '3'] },
    })
    expect(five.got[0]?.packet.properties?.messageExpiryInterval).toBeLessThanOrEqual(60)
    expect(four.texts).toEqual(['{}'])
    for (const client of [five, four, sender]) await client.end()
  })

  it('a large message passes whole, and one past the maximum is refused with 0x95', async () => {
    const listener = await Client.connect(system, 'eu', 'large-in')
    await listener.subscribe('rooms/large/#')
    const sender = await Client.connect(system, 'us', 'large-out')
    const text = 'x'.repeat(900_000)
    await sender.publish('rooms/large/x', text)
    await listener.has(1)
    expect(listener.texts[0] === text).toBe(true)
    sender.mqtt.publish('rooms/large/x', 'x'.repeat(2_000_000), { qos: 1 })
    await sender.closed()
    expect(sender.disconnects).toEqual([0x95])
    await listener.end()
  })
})

describe('retained messages', () => {
  it('are given to later subscribers in every region, replaced, and removed by an empty one', async () => {
    const keeper = await Client.connect(system, 'eu', 'keeper')
    await keeper.publish('rooms/kept/a', 'old', { qos: 1, retain: true })
    await keeper.publish('rooms/kept/a', 'new', { qos: 1, retain: true })
    await keeper.publish('rooms/kept/b', 'b', { qos: 1, retain: true })
    for (const region of ['eu', 'us']) {
      const late = await Client.connect(system, region, `late-${region}`)
      await late.subscribe('rooms/kept/#')
      await late.has(2)
      expect(late.got.map(({ topic, text, packet }) => [topic, text, packet.retain]).sort()).toEqual([
        ['rooms/kept/a', 'new', true],
        ['rooms/kept/b', 'b', true],
      ])
      await late.end()
    }
    await keeper.publish('rooms/kept/a', '', { qos: 1, retain: true })
    const last = await Client.connect(system, 'us', 'late-last')
    await last.subscribe('rooms/kept/#')
    await last.has(1)
    expect(last.got.map(({ topic }) => topic)).toEqual(['rooms/kept/b'])
    await last.end()
    await keeper.end()
  })
})

describe('the will', () => {
  it('is published when the link breaks, in the other region too', async () => {
    const watcher = await Client.connect(system, 'us', 'will-watcher')
    await watcher.subscribe('devices/mortal/status')
    const mortal = await Client.connect(system, 'eu', 'mortal', {
      will: { topic: 'devices/mortal/status', payload: Buffer.from('gone'), qos: 1, retain: false },
    })
    mortal.drop()
    await watcher.has(1)
    expect(watcher.texts).toEqual(['gone'])
    await watcher.end()
  })

  it('is not published after DISCONNECT', async () => {
    const watcher = await Client.connect(system, 'eu', 'will-watcher-2')
    await watcher.subscribe('devices/polite/#')
    const polite = await Client.connect(system, 'eu', 'polite', {
      will: { topic: 'devices/polite/status', payload: Buffer.from('gone'), qos: 1, retain: false },
    })
    await polite.publish('devices/polite/status', 'leaving')
    await polite.end()
    await watcher.has(1)
    await watcher.publish('devices/polite/end', 'end')
    await watcher.has(2)
    expect(watcher.texts).toEqual(['leaving', 'end'])
    await watcher.end()
  })
})

describe('$SYS', () => {
  it('tells a client about its edge and its own session, and nobody by a leading wildcard', async () => {
    const client = await Client.connect(system, 'us', 'curious')
    await client.subscribe('#')
    await client.subscribe('$SYS/#')
    await client.has(10)
    const facts = Object.fromEntries(client.got.map(({ topic, text }) => [topic, text]))
    expect(facts).toMatchObject({
      '$SYS/starling/region': 'us',
      '$SYS/starling/client/id': 'curious',
      '$SYS/starling/client/subscriptions': '2',
    })
    expect(client.got.every(({ packet }) => packet.retain)).toBe(true)
    const one = await Client.connect(system, 'us', 'curious-too')
    await one.subscribe('$SYS/broker/version')
    await one.has(1)
    expect(one.texts).toEqual([`starling ${VERSION}`])
    expect(VERSION).toBe(packageJson.version)
    await Promise.all([client.end(), one.end()])
  })
})
