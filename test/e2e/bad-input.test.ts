import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
let http: string
beforeAll(async () => {
  system = await System.start({ regions: ['eu'] })
  http = (await system.local()).regions.eu?.http ?? ''
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const CONNECT = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0 } as const

/** The HTTP status with which an upgrade is refused. */
async function upgradeStatus(path: string, protocols: string[] = ['mqtt'], headers = {}): Promise<number> {
  const socket = new WebSocket(`${http.replace('http', 'ws')}${path}`, protocols, { headers })
  return new Promise((done) => {
    socket.on('unexpected-response', (_request, response) => {
      done(response.statusCode ?? 0)
      socket.terminate()
    })
    socket.on('open', () => {
      done(101)
      socket.terminate()
    })
    socket.on('error', () => undefined)
  })
}

describe('the upgrade', () => {
  it.each([
    ['without WebSocket', () => fetch(`${http}/mqtt/x`), 426, undefined],
    ['elsewhere', () => fetch(`${http}/nowhere`), 404, undefined],
  ])('%s is answered by a problem', async (_name, call, status) => {
    const response = await call()
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status })
  })

  it('wants the subprotocol mqtt [MQTT-6.0.0-3] [MQTT-6.0.0-3, 3.1.1]', async () => {
    expect(await upgradeStatus('/mqtt/x', ['stomp'])).toBe(400)
    expect(await upgradeStatus('/mqtt/x', ['mqtt'])).toBe(101)
  })

  it('refuses a bad client id, a bad token, and a token of another client', async () => {
    const token = await system.token('me')
    expect(await upgradeStatus('/mqtt/a+b')).toBe(400)
    expect(await upgradeStatus('/mqtt/me?token=nonsense')).toBe(401)
    expect(await upgradeStatus(`/mqtt/me?token=${await system.token('me', { seconds: -10 })}`)).toBe(401)
    expect(
      await upgradeStatus(`/mqtt/me?token=${await system.token('me', { secret: 'another secret' })}`),
    ).toBe(401)
    expect(await upgradeStatus(`/mqtt/you?token=${token}`)).toBe(403)
    expect(await upgradeStatus(`/mqtt/me?token=${token}`)).toBe(101)
    expect(await upgradeStatus('/mqtt/me', ['mqtt'], { authorization: `Bearer ${token}` })).toBe(101)
  })

  it('a token of the upgrade names the client, and CONNECT needs no password', async () => {
    const raw = await Raw.open(system, 'eu', `?token=${await system.token('by-token')}`)
    raw.send({ ...CONNECT, clientId: '' })
    const connack = await raw.gets('connack')
    expect(connack).toMatchObject({ reasonCode: 0, properties: { assignedClientIdentifier: 'by-token' } })
    raw.drop()
  })

  it('at the bare root is served as at /mqtt', async () => {
    expect(await upgradeStatus('/')).toBe(101)
  })

  it('an internal header from outside authenticates nobody', async () => {
    const socket = new WebSocket(`${http.replace('http', 'ws')}/mqtt/victim`, ['mqtt'], {
      headers: { 'x-starling-authenticated': '1' },
    })
    await until(() => socket.readyState === WebSocket.OPEN)
    const frames: Buffer[] = []
    socket.on('message', (frame: Buffer) => frames.push(frame))
    const raw = await Raw.open(system, 'eu', '/other')
    socket.send(raw.bytes({ ...CONNECT, clientId: 'victim' }))
    await until(() => frames.length > 0)
    expect(frames[0]?.[3]).toBe(0x87)
    raw.drop()
  })
})

describe.each([
  ['direct', '/guest'],
  ['through a front', ''],
])('CONNECT %s', (_name, path) => {
  const refused = async (packet: object, version: 4 | 5 = 5) => {
    const raw = await Raw.open(system, 'eu', path, version)
    raw.send({ ...CONNECT, protocolVersion: version, clientId: 'guest', ...packet } as never)
    const connack = await raw.gets('connack')
    await raw.closed()
    return version === 5 ? connack.reasonCode : connack.returnCode
  }

  it('without a token is refused with 0x87, in 3.1.1 with 5', async () => {
    expect(await refused({})).toBe(0x87)
    expect(await refused({}, 4)).toBe(5)
  })

  it('with a wrong token is refused with 0x86, in 3.1.1 with 4', async () => {
    const wrong = { username: 'x', password: Buffer.from('nonsense') }
    expect(await refused(wrong)).toBe(0x86)
    expect(await refused(wrong, 4)).toBe(4)
  })

  it("with a client id that is not the token's is refused with 0x85 or 0x87", async () => {
    const token = { username: 'x', password: Buffer.from(await system.token('guest')) }
    expect(await refused({ ...token, clientId: 'other' })).toBe(0x85)
  })

  it('with enhanced authentication is refused with 0x8C [MQTT-4.12.0-1]', async () => {
    const token = { username: 'x', password: Buffer.from(await system.token('guest')) }
    expect(await refused({ ...token, properties: { authenticationMethod: 'SCRAM-SHA-256' } })).toBe(0x8c)
  })

  describe('that cannot be taken', () => {
    it('of an older protocol version is refused with return code 1 and words [MQTT-3.1.2-2] [MQTT-3.1.2-2, 3.1.1]', async () => {
      const raw = await Raw.open(system, 'eu', path, 4)
      const reason = new Promise<string>((done) =>
        raw.socket.on('close', (_code, text) => done(String(text))),
      )
      raw.sendBytes(Buffer.from('100f00064d51497364700302000000 0161'.replace(' ', ''), 'hex'))
      expect((await raw.gets('connack')).returnCode).toBe(1)
      expect(await reason).toBe('MQTT 3.1 (MQIsdp) is not spoken here: set the client to MQTT 3.1.1 or 5.0')
    })

    it.each([6, 99])(
      'of the later protocol level %i is refused with 0x84 in the form of 5.0 [MQTT-3.1.2-2]',
      async (level) => {
        const raw = await Raw.open(system, 'eu', path)
        raw.sendBytes(Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, level, 2, 0, 0, 0, 1, 0x61))
        expect(await raw.gets('connack')).toMatchObject({
          reasonCode: 0x84,
          properties: { reasonString: expect.stringContaining('3.1.1 or 5.0') },
        })
        await raw.closed()
      },
    )

    it('that is malformed gets a CONNACK with 0x81 in 5.0 [MQTT-3.1.4-1]', async () => {
      const raw = await Raw.open(system, 'eu', path)
      raw.sendBytes(Uint8Array.of(0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 3, 0, 0, 0, 0, 1, 0x61))
      expect(await raw.gets('connack')).toMatchObject({ reasonCode: 0x81 })
      await raw.closed()
    })

    it('of a megabyte without a token before it is refused by its first bytes with 0x95', async () => {
      const raw = await Raw.open(system, 'eu', path)
      const will = { topic: 'a', payload: Buffer.alloc(1_000_000), qos: 0 as const, retain: false }
      raw.sendBytes(raw.bytes({ ...CONNECT, clientId: 'guest', will }).subarray(0, 64))
      expect(await raw.gets('connack')).toMatchObject({ reasonCode: 0x95 })
      await raw.closed()
    })

    it('whose will has too long a root is refused with 0x90', async () => {
      const token = { username: 'x', password: Buffer.from(await system.token('guest')) }
      const will = { topic: `rooms/${'x'.repeat(900)}/a`, payload: Buffer.from(''), qos: 0, retain: false }
      expect(await refused({ ...token, will })).toBe(0x90)
    })

    it('with a client id that is none is refused with 0x85', async () => {
      const token = { username: 'x', password: Buffer.from(await system.token('guest')) }
      for (const clientId of ['.', '..']) expect(await refused({ ...token, clientId })).toBe(0x85)
    })
  })

  it.each([
    ['a first packet that is not CONNECT', Uint8Array.of(0xc0, 0)],
    ['a malformed CONNECT', Uint8Array.of(0x10, 4, 0, 4, 0x4d, 0x51)],
    ['a remaining length of five bytes', Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a packet of 200 MB', Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
    ['text', 'hello'],
  ])('%s closes the socket', async (_what, bytes) => {
    const raw = await Raw.open(system, 'eu', path)
    raw.sendBytes(bytes)
    await raw.closed()
    expect(raw.packets).toEqual([])
  })

  it('split over many frames, and with other packets in the same frame, is understood', async () => {
    const password = Buffer.from(await system.token('guest'))
    const raw = await Raw.open(system, 'eu', path)
    const bytes = Buffer.concat([
      raw.bytes({ ...CONNECT, clientId: 'guest', username: 'x', password }),
      raw.bytes({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'rooms/split/x', qos: 1 }] }),
      raw.bytes({
        cmd: 'publish',
        messageId: 10,
        topic: 'rooms/split/x',
        payload: 'hi',
        qos: 1,
        dup: false,
        retain: false,
      }),
      raw.bytes({ cmd: 'pingreq' }),
    ])
    for (let at = 0; at < bytes.length; at += 7) raw.sendBytes(bytes.subarray(at, at + 7))
    await raw.gets('pingresp')
    await raw.gets('publish')
    expect(await raw.gets('suback')).toMatchObject({ messageId: 9, granted: [1] })
    raw.send({ cmd: 'puback', messageId: (await raw.gets('publish')).messageId ?? 0 })
    expect(await raw.gets('puback')).toMatchObject({ messageId: 10, reasonCode: 0 })
    raw.drop()
  })
})

describe('a live connection', () => {
  it.each([
    ['a second CONNECT', 0x82, (raw: Raw) => raw.bytes({ ...CONNECT, clientId: 'live' })],
    ['packet id 0', 0x82, () => Buffer.from([0x82, 8, 0, 0, 0, 0, 2, 0x61, 0x62, 1])],
    ['reserved bits', 0x81, () => Buffer.from([0xc1, 0])],
    ['invalid UTF-8 in a topic', 0x81, () => Buffer.from([0x30, 5, 0, 2, 0xc3, 0x28, 0])],
    ['a wildcard in a topic name', 0x90, () => Buffer.from([0x30, 6, 0, 3, 0x61, 0x2f, 0x23, 0])],
    ['QoS 3', 0x81, () => Buffer.from([0x36, 7, 0, 2, 0x61, 0x62, 0, 1, 0])],
    [
      'a topic alias beyond the maximum',
      0x94,
      () => Buffer.from([0x30, 8, 0, 2, 0x61, 0x62, 3, 0x23, 0, 17]),
    ],
    ['a topic alias that it never set', 0x82, () => Buffer.from([0x30, 6, 0, 0, 3, 0x23, 0, 1])],
    ['AUTH', 0x82, () => Buffer.from([0xf0, 0])],
  ])('that sends %s gets the reason and is closed', async (_what, reason, bytes) => {
    const raw = await Raw.connect(system, 'eu', 'live')
    raw.sendBytes(bytes(raw))
    expect((await raw.gets('disconnect')).reasonCode).toBe(reason)
    await raw.closed()
  })

  it('that sends text gets 0x82 and is closed [MQTT-6.0.0-1]', async () => {
    const raw = await Raw.connect(system, 'eu', 'text')
    raw.sendBytes('hello')
    expect((await raw.gets('disconnect')).reasonCode).toBe(0x82)
    await raw.closed()
  })

  it('gets a reason for each filter that is refused, and nothing is closed', async () => {
    const raw = await Raw.connect(system, 'eu', 'filters')
    const filters = ['a/#/b', '$share/g/a/b', 'b+', 'devices/+/x', 'ok/topic']
    raw.send({
      cmd: 'subscribe',
      messageId: 3,
      subscriptions: filters.map((topic) => ({ topic, qos: 2 as const })),
    })
    expect(await raw.gets('suback')).toMatchObject({ granted: [0x8f, 2, 0x8f, 2, 2] })
    raw.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['ok/topic', 'never/had'] })
    expect(await raw.gets('unsuback')).toMatchObject({ granted: [0, 0x11] })
    raw.drop()
  })

  it('gets 0x87 for a topic that begins with $', async () => {
    const raw = await Raw.connect(system, 'eu', 'dollar')
    raw.send({
      cmd: 'publish',
      messageId: 5,
      topic: '$SYS/x',
      payload: 'x',
      qos: 1,
      dup: false,
      retain: false,
    })
    expect(await raw.gets('puback')).toMatchObject({ messageId: 5, reasonCode: 0x87 })
    raw.drop()
  })

  it('with more publishes open than the receive maximum is closed with 0x93 [MQTT-3.3.4-7]', async () => {
    const slow = await Raw.connect(system, 'eu', 'slow', { clean: false, expiry: 60 })
    slow.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'rooms/slow/x', qos: 1 }] })
    await slow.gets('suback')
    const raw = await Raw.connect(system, 'eu', 'fast')
    const publish = (messageId: number) =>
      raw.bytes({
        cmd: 'publish',
        messageId,
        topic: 'rooms/slow/x',
        payload: 'x',
        qos: 1,
        dup: false,
        retain: false,
      })
    raw.sendBytes(Buffer.concat(Array.from({ length: 4_200 }, (_, i) => publish(i + 1))))
    expect((await raw.gets('disconnect')).reasonCode).toBe(0x93)
    await raw.closed()
    slow.drop()
  })

  it('is unharmed by garbage on a thousand other sockets', { timeout: 60_000 }, async () => {
    const good = await Client.connect(system, 'eu', 'good')
    await good.subscribe('rooms/good/x')
    let seed = 42
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed
    }
    for (let round = 0; round < 20; round++) {
      const sockets = await Promise.all(
        Array.from({ length: 50 }, (_, i) => Raw.open(system, 'eu', i % 2 === 0 ? `/bad-${i}` : '')),
      )
      for (const raw of sockets)
        raw.sendBytes(Uint8Array.from({ length: 1 + (random() % 200) }, () => random() >> 8))
      for (const raw of sockets) raw.drop()
    }
    await good.publish('rooms/good/x', 'still here')
    await good.has(1)
    await good.end()
  })
})

describe('what would be silence', () => {
  it('is an answer for a history that is off, at edge and core', async () => {
    const { adminToken, core } = await system.local()
    for (const base of [http, core.http])
      for (const path of ['/v1/devices/lamp/history', '/v1/history?topic=rooms/42/%23']) {
        const response = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${adminToken}` } })
        expect(response.status).toBe(404)
        expect(await response.json()).toMatchObject({
          type: '/problems/history-off',
          title: 'History is off',
        })
      }
  })

  it('is an answer for a filter that is not encoded, with what arrived', async () => {
    const { adminToken } = await system.local()
    for (const path of [
      'events?filter=rooms/+/light',
      'retained?filter=rooms/+/light',
      'history?topic=rooms/42/+',
    ]) {
      const response = await fetch(`${http}/v1/${path}`, {
        headers: { authorization: `Bearer ${adminToken}` },
      })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        type: '/problems/unencoded-filter',
        detail: expect.stringContaining('%2B'),
      })
    }
  })

  it('is an HTTP answer for MQTT over plain TCP to the WebSocket port', async () => {
    const { hostname, port } = new URL(http)
    const from = performance.now()
    const socket = net.connect(Number(port), hostname)
    socket.write(Buffer.from('101000044d5154540502003c000003616263', 'hex'))
    let said = ''
    for await (const part of socket) said += String(part)
    expect(said).toMatch(/^HTTP\/1\.1 400 /)
    expect(said).toContain(`ws://${hostname}:${port}/mqtt`)
    expect(performance.now() - from).toBeLessThan(5_000)
  })

  it('is explained where the type of a problem leads to', async () => {
    const { core } = await system.local()
    for (const base of [http, core.http])
      expect(await (await fetch(`${base}/problems/history-off`)).text()).toContain('HISTORY')
  })
})

describe('the relay', () => {
  // No body: a refusal does not wait for it, and Node's fetch may then trip over its own unfinished request.
  const call = (path: string, authorization?: string) =>
    fetch(`${http}/relay/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    })

  it('refuses an unsigned call at edge and core', async () => {
    expect((await call('eu/envelopes')).status).toBe(401)
    const { core } = await system.local()
    const response = await fetch(`${core.http}/relay/v1/resolve`, { method: 'POST' })
    expect(response.status).toBe(401)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  it("refuses a client's token and a region that is not served", async () => {
    expect((await call('eu/envelopes', `Bearer ${await system.token('x')}`)).status).toBe(401)
    expect((await call('mars/envelopes')).status).toBe(421)
  })
})

describe('an actor with sixty sockets that do not finish their CONNECT', () => {
  it('closes all but the newest eight, and lets its client in', async () => {
    const sockets: Raw[] = []
    for (let i = 0; i < 60; i++) {
      const raw = await Raw.open(system, 'eu', '/besieged')
      const will = { topic: 'a', payload: Buffer.alloc(15_000), qos: 0 as const, retain: false }
      raw.sendBytes(raw.bytes({ ...CONNECT, clientId: 'besieged', will }).subarray(0, 14_000))
      sockets.push(raw)
    }
    // Sooner than a silent socket is closed.
    await until(() => sockets.filter(({ closeCode }) => closeCode === null).length <= 8, 4_000)
    const client = await Client.connect(system, 'eu', 'besieged')
    await client.subscribe('rooms/besieged/x')
    await client.publish('rooms/besieged/x', 'in')
    await client.has(1)
    await client.end()
    for (const raw of sockets) raw.drop()
  })
})
