// What packets hold and how they travel: strings, identifiers, sizes, aliases, frames.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Client } from '../e2e/client.ts'
import { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System, until } from '../e2e/system.ts'
import { connected, connectPacket, LEVELS, listen, published, subscribed, tags } from './peer.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const aliasOf = (packet: object) =>
  (packet as { properties?: { topicAlias?: number } }).properties?.topicAlias ?? 0

describe.each(LEVELS)('strings and identifiers of $version', ({ level }) => {
  it(`a byte order mark is a character of the topic and is not taken away${tags(level, '1.5.4-3', '1.5.3-3')}`, async () => {
    const raw = await connected(system, `bom-${level}`, { level })
    const topic = `rooms/bom-${level}/\ufeff\ufeffx\ufeff`
    const frames = listen(raw)
    await subscribed(raw, topic)
    const app = await connected(system, 'app')
    await published(app, topic.replaceAll('\ufeff', ''), 'plain')
    await published(app, topic, 'marked')
    await raw.gets('publish')
    expect(raw.texts).toEqual(['marked'])
    expect(Buffer.concat(frames).includes(Buffer.from(topic))).toBe(true)
    raw.drop()
    app.drop()
  })

  it(`PUBLISH at QoS 0 has no Packet Identifier, neither in nor out${tags(level, '2.2.1-2', '2.3.1-5')}`, async () => {
    const raw = await connected(system, `zero-${level}`, { level })
    const topic = `rooms/zero-${level}/x`
    await subscribed(raw, topic, { qos: 0 })
    const frames = listen(raw)
    const none = level === 5 ? [0] : []
    const bytes = Buffer.concat([
      Buffer.of(0x30, 2 + topic.length + none.length + 1, 0, topic.length),
      Buffer.from(topic),
      Buffer.from([...none, 0x41]),
    ])
    raw.sendBytes(bytes)
    await raw.gets('publish')
    expect(Buffer.concat(frames)).toEqual(bytes)
    raw.drop()
  })

  it(`the server gives each message under way a Packet Identifier of its own, none 0${tags(level, '2.2.1-4', '2.3.1-4')}`, async () => {
    const raw = await connected(system, `ids-${level}`, { level })
    await subscribed(raw, `rooms/ids-${level}/x`)
    const app = await connected(system, 'app')
    for (let i = 0; i < 20; i++)
      app.send({
        cmd: 'publish',
        topic: `rooms/ids-${level}/x`,
        payload: 'x',
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: false,
      })
    await raw.gets('publish', 20)
    const ids = raw.of('publish').map(({ messageId }) => messageId ?? 0)
    expect(new Set(ids).size).toBe(20)
    expect(ids).not.toContain(0)
    raw.drop()
    app.drop()
  })

  it.each([1, 2, 255, 256, 65_535])(
    `PUBACK, SUBACK and UNSUBACK carry the Packet Identifier %i of what they answer${tags(level, '2.2.1-5 2.2.1-6', '2.3.1-6 2.3.1-7')}`,
    async (messageId) => {
      const raw = await connected(system, `echo-${level}`, { level })
      const topic = `rooms/echo-${level}/x`
      raw.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 0 }] })
      expect(await raw.gets('suback')).toMatchObject({ messageId })
      raw.send({ cmd: 'unsubscribe', messageId, unsubscriptions: [topic] })
      expect(await raw.gets('unsuback')).toMatchObject({ messageId })
      raw.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId, dup: false, retain: false })
      expect(await raw.gets('puback')).toMatchObject({ messageId })
      raw.drop()
    },
  )

  it(`PUBREC and PUBCOMP carry the Packet Identifier of their PUBLISH${tags(level, '2.2.1-5', '2.3.1-6')}`, async () => {
    const raw = await connected(system, `two-${level}`, { level })
    const messageId = 700
    raw.send({
      cmd: 'publish',
      topic: 'rooms/two/x',
      payload: 'x',
      qos: 2,
      messageId,
      dup: false,
      retain: false,
    })
    await until(() => raw.of('pubrec').length > 0 || raw.closeCode !== null)
    expect(raw.of('pubrec')).toMatchObject([{ messageId }])
    raw.send({ cmd: 'pubrel', messageId })
    expect(await raw.gets('pubcomp')).toMatchObject({ messageId })
    raw.drop()
  })
})

describe('a packet of 5.0 without properties', () => {
  it('has a Property Length of 0 where it has one at all [MQTT-2.2.2-1]', async () => {
    const raw = await connected(system, 'bare')
    const frames = listen(raw)
    await subscribed(raw, 'rooms/bare/x', { qos: 0 })
    raw.send({ cmd: 'publish', topic: 'rooms/bare/x', payload: '!', qos: 0, dup: false, retain: false })
    await raw.gets('publish')
    const suback = [0x90, 4, 0, 99, 0, 0]
    const publish = [0x30, 16, 0, 12, ...Buffer.from('rooms/bare/x'), 0, 0x21]
    expect([...Buffer.concat(frames)]).toEqual([...suback, ...publish])
    raw.drop()
  })
})

describe.each(LEVELS)('WebSocket under $version', ({ level }) => {
  it(`the subprotocol mqtt is selected, whatever else is offered${tags(level, '6.0.0-4', '6.0.0-4')}`, async () => {
    for (const offered of [['mqtt'], ['mqttv3.1', 'mqtt'], ['mqtt', 'other']]) {
      const socket = new WebSocket(`${await system.mqttUrl('eu')}/sub`, offered)
      await until(() => socket.readyState === WebSocket.OPEN)
      expect(socket.protocol).toBe('mqtt')
      socket.terminate()
    }
  })

  it(`a text frame ends a live connection, and one that has not said CONNECT${tags(level, '6.0.0-1', '6.0.0-1')}`, async () => {
    const live = await connected(system, `text-${level}`, { level })
    const early = await Raw.open(system, 'eu', '/text', level)
    for (const raw of [live, early]) {
      raw.sendBytes('hello')
      await raw.closed()
    }
    expect(live.of('disconnect')).toMatchObject(level === 5 ? [{ reasonCode: 0x82 }] : [])
    expect(early.packets).toEqual([])
  })

  it(`the server sends binary frames only${tags(level, '6.0.0-1', '6.0.0-1')}`, async () => {
    const raw = await Raw.open(system, 'eu', `/binary-${level}`, level)
    const kinds: boolean[] = []
    raw.socket.on('message', (_frame, isBinary) => kinds.push(isBinary))
    raw.send(await connectPacket(system, `binary-${level}`, { level }))
    await raw.gets('connack')
    await subscribed(raw, 'rooms/binary/x')
    await raw.ping()
    expect(new Set(kinds)).toEqual(new Set([true]))
    raw.drop()
  })

  it(`packets may be cut anywhere, and many may share a frame: they are a stream of bytes, in order, without loss${tags(
    level,
    '6.0.0-2 4.2.0-1',
    '6.0.0-2 7.1.1-1',
  )}`, async () => {
    const raw = await Raw.open(system, 'eu', `/cut-${level}`, level)
    const topic = `rooms/cut-${level}/x`
    const publish = (payload: string) =>
      raw.bytes({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false })
    const sent = Array.from({ length: 50 }, (_, i) => `${i}`.repeat(i))
    raw.send(await connectPacket(system, `cut-${level}`, { level }))
    await raw.gets('connack')
    await subscribed(raw, topic, { qos: 0 })
    for (const size of [1, 7, 1_000]) {
      const before = raw.of('publish').length
      const bytes = Buffer.concat(sent.map(publish))
      for (let at = 0; at < bytes.length; at += size) raw.sendBytes(bytes.subarray(at, at + size))
      await raw.gets('publish', before + sent.length)
      expect(raw.texts.slice(before)).toEqual(sent)
    }
    raw.drop()
  })
})

describe('a client with Request Problem Information 0', () => {
  it('gets no Reason String and no User Property but on PUBLISH, CONNACK and DISCONNECT [MQTT-3.1.2-29]', async () => {
    const raw = await connected(system, 'problem', { properties: { requestProblemInformation: false } })
    await subscribed(raw, '#/wrong')
    raw.send({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['never/had'] })
    await raw.gets('unsuback')
    await published(raw, '$SYS/x', 'x')
    for (const packet of raw.packets) {
      const { cmd } = packet
      const properties = 'properties' in packet ? (packet.properties ?? {}) : {}
      if (['publish', 'connack', 'disconnect'].includes(cmd)) continue
      expect(properties).not.toHaveProperty('reasonString')
      expect(properties).not.toHaveProperty('userProperties')
    }
    expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'unsuback', 'puback'])
    raw.drop()
  })
})

describe('a client with a Maximum Packet Size', () => {
  it('is sent no larger message, which counts as sent [MQTT-3.1.2-24] [MQTT-3.1.2-25]', async () => {
    const raw = await connected(system, 'small', {
      properties: { maximumPacketSize: 100, receiveMaximum: 1 },
    })
    await subscribed(raw, 'rooms/small/x')
    const app = await connected(system, 'app')
    const large = 'x'.repeat(101)
    for (const text of [large, 'first', large, 'second']) await published(app, 'rooms/small/x', text)
    for (const text of ['first', 'second']) {
      const { messageId } = await raw.gets('publish', text === 'first' ? 1 : 2)
      raw.send({ cmd: 'puback', messageId: messageId ?? 0 })
    }
    expect(raw.texts).toEqual(['first', 'second'])
    raw.drop()
    app.drop()
  })

  it('is sent a message that is just as large, and not one that is a byte larger [MQTT-3.1.2-24]', async () => {
    const raw = await connected(system, 'exact', { properties: { maximumPacketSize: 64 } })
    await subscribed(raw, 'rooms/exact/x')
    const frames = listen(raw)
    const app = await connected(system, 'app')
    const payload = 64 - 2 - (2 + 'rooms/exact/x'.length) - 2 - 1
    await published(app, 'rooms/exact/x', 'y'.repeat(payload + 1))
    await published(app, 'rooms/exact/x', 'x'.repeat(payload))
    await raw.gets('publish')
    expect(raw.texts).toEqual(['x'.repeat(payload)])
    expect(frames.at(-1)).toHaveLength(64)
    raw.drop()
    app.drop()
  })

  it('has no Reason String and no User Property in CONNACK and DISCONNECT beyond it [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.14.2-3] [MQTT-3.14.2-4]', async () => {
    const raw = await Raw.open(system, 'eu', '/tiny')
    const frames = listen(raw)
    raw.send(await connectPacket(system, 'tiny', { properties: { maximumPacketSize: 24 } }))
    await raw.gets('connack')
    raw.sendBytes(Buffer.of(0xc1, 0))
    await raw.closed()
    expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'disconnect'])
    for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(24)
  })

  it('that is too small for CONNACK is answered by a shorter one, or closed [MQTT-3.1.4-5] [MQTT-3.2.0-1]', async () => {
    const raw = await Raw.open(system, 'eu', '/tiniest')
    raw.send(await connectPacket(system, 'tiniest', { properties: { maximumPacketSize: 8 } }))
    await until(() => raw.closeCode !== null || raw.of('connack').length > 0, 2_000).finally(() => raw.drop())
  })
})

describe('Topic Aliases', () => {
  it.each(
    [
      ['none', {}, 0, '3.1.2-27'],
      ['0', { topicAliasMaximum: 0 }, 0, '3.1.2-27'],
      ['2', { topicAliasMaximum: 2 }, 2, '3.1.2-26'],
    ].map(([of, ...rest]) => [of, tags(5, rest[2] as string, ''), rest[0], rest[1]] as const),
  )('a client with a Topic Alias Maximum of %s gets none above it%s', async (of, _tags, properties, most) => {
    const raw = await connected(system, `alias-${of}`, { properties: properties as object })
    await subscribed(raw, `rooms/alias-${of}/#`)
    const app = await Client.connect(system, 'eu', 'alias-app')
    for (let i = 0; i < 12; i++) await app.publish(`rooms/alias-${of}/${i % 4}`, `${i}`)
    await raw.gets('publish', 12)
    for (const packet of raw.of('publish')) expect(aliasOf(packet)).toBeLessThanOrEqual(most as number)
    raw.drop()
    await app.end()
  })
})
