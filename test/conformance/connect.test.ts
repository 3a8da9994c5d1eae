// CONNECT and CONNACK: who is taken in, what the answer says, and what it may hold.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from '../e2e/raw.ts'
import { SYSTEM_START_MS, System } from '../e2e/system.ts'
import { framed } from '../mqtt/wire.ts'
import {
  connected,
  connectPacket,
  type Fields,
  LEVELS,
  leave,
  listen,
  published,
  subscribed,
  tags,
} from './peer.ts'

let system: System
beforeAll(async () => {
  system = await System.start({ regions: ['eu'], keepAlive: 1 })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

/** CONNECT as it stands, and what is in its answer. */
async function answer(id: string, fields: Fields) {
  const raw = await connected(system, id, fields)
  const connack = raw.of('connack')[0] as unknown as {
    reasonCode?: number
    returnCode?: number
    sessionPresent: boolean
    properties?: Record<string, unknown>
  }
  return { raw, connack, code: connack.reasonCode ?? connack.returnCode }
}

describe.each(LEVELS)('CONNECT of $version', ({ level }) => {
  it(`that is in order is answered with CONNACK 0, once, before all else${tags(
    level,
    '3.1.4-5 3.2.0-1 3.2.0-2 3.2.2-1 3.2.2-8',
    '3.1.4-4 3.2.0-1',
  )}`, async () => {
    const keeps = { level, clean: false, ...(level === 5 && { properties: { sessionExpiryInterval: 60 } }) }
    const first = await connected(system, `ok-${level}`, keeps)
    await subscribed(first, `rooms/ok-${level}/x`)
    first.drop()
    const other = await connected(system, 'app')
    await published(other, `rooms/ok-${level}/x`, 'waits')
    // There is something to be sent besides: the session has a message.
    const raw = await Raw.open(system, 'eu', `/ok-${level}`, level)
    const frames = listen(raw)
    raw.send(await connectPacket(system, `ok-${level}`, keeps))
    raw.send({ cmd: 'pingreq' })
    await raw.gets('publish')
    await raw.ping()
    expect(raw.packets[0]).toMatchObject({ cmd: 'connack' })
    expect(raw.of('connack')).toHaveLength(1)
    const bytes = Buffer.concat(frames)
    expect([...bytes.subarray(2, 4)]).toEqual([1, 0])
    raw.drop()
    other.drop()
  })

  it(`with every field of its payload in order is taken, and each is used${tags(
    level,
    '3.1.3-1',
    '3.1.3-1',
  )}`, async () => {
    // The password is the token that lets the client in, the id is the token's, the will comes out below its topic.
    const watcher = await connected(system, 'watcher')
    await subscribed(watcher, `rooms/order-${level}/will`)
    const { raw, code } = await answer(`order-${level}`, {
      level,
      will: { topic: `rooms/order-${level}/will`, payload: Buffer.from('bye'), qos: 1, retain: false },
    })
    expect(code).toBe(0)
    raw.drop()
    expect(String((await watcher.gets('publish')).payload)).toBe('bye')
    watcher.drop()
  })

  it.each(['a', 'Z9', 'abcdefghijklmnopqrstuvw', 'ABCDEFGHIJKLMNOPQRSTUVW', '01234567890123456789012'])(
    `with the client id %s is taken${tags(level, '3.1.3-5', '3.1.3-5')}`,
    async (id) => {
      const { raw, code } = await answer(id, { level })
      expect(code).toBe(0)
      raw.drop()
    },
  )

  const refusals: [what: string, tags: string, five: number, older: number, fields: Fields][] = [
    ['a client id that is not its own', tags(level, '3.1.3-8', '3.1.3-9'), 0x85, 2, { clientId: 'not-mine' }],
    [
      'no password',
      tags(level, '3.1.4-2', ''),
      0x87,
      5,
      { username: undefined, password: undefined } as unknown as Fields,
    ],
    ['a wrong password', tags(level, '3.1.4-2', ''), 0x86, 4, { password: Buffer.from('wrong') }],
  ]
  const refused = tags(level, '3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1', '3.2.2-4 3.2.2-5')
  it.each(refusals)(`with %s is refused and closed%s${refused}`, async (...[, , five, older, fields]) => {
    // The session exists, and is not spoken of to a client that is refused.
    const id = `refused-${level}`
    await leave(await connected(system, id, { clean: false, properties: { sessionExpiryInterval: 60 } }))
    const { raw, connack, code } = await answer(id, { level, clean: false, ...fields })
    expect(code).toBe(level === 5 ? five : older)
    expect(connack.sessionPresent).toBe(false)
    await raw.closed()
    expect(raw.packets).toHaveLength(1)
  })

  it(`that is refused: what came with it is not handled${tags(level, '3.1.4-6', '3.1.4-5')}`, async () => {
    const watcher = await connected(system, 'watcher')
    await subscribed(watcher, `rooms/after-${level}/x`)
    const raw = await Raw.open(system, 'eu', `/after-${level}`, level)
    const connect = await connectPacket(system, `after-${level}`, { level, password: Buffer.from('wrong') })
    const topic = `rooms/after-${level}/x`
    raw.sendBytes(
      Buffer.concat([
        raw.bytes(connect),
        raw.bytes({ cmd: 'publish', topic, payload: 'no', qos: 0, dup: false, retain: false }),
        raw.bytes({ cmd: 'pingreq' }),
      ]),
    )
    await raw.closed()
    expect(raw.packets.map(({ cmd }) => cmd)).toEqual(['connack'])
    await published(watcher, topic, 'yes')
    await watcher.gets('publish')
    expect(watcher.texts).toEqual(['yes'])
    watcher.drop()
  })

  it(`of a client that is connected closes its older connection${tags(level, '3.1.4-3', '3.1.4-2')}`, async () => {
    const older = await connected(system, `twice-${level}`, { level })
    const newer = await connected(system, `twice-${level}`, { level })
    await older.closed()
    expect(older.of('disconnect')).toMatchObject(level === 5 ? [{ reasonCode: 0x8e }] : [])
    await newer.ping()
    newer.drop()
  })

  it(`and PINGREQ, which is answered${tags(level, '3.12.4-1', '3.12.4-1')}`, async () => {
    const raw = await connected(system, `ping-${level}`, { level })
    const frames = listen(raw)
    await raw.ping()
    await raw.ping()
    expect(Buffer.concat(frames)).toEqual(Buffer.of(0xd0, 0, 0xd0, 0))
    raw.drop()
  })

  it(`with a Keep Alive: silence for one and a half times as long ends the connection as a failure does, and the will is published${tags(
    level,
    '3.1.2-22 3.2.2-22',
    '3.1.2-24',
  )}`, async () => {
    const watcher = await connected(system, 'watcher')
    await subscribed(watcher, `rooms/silent-${level}/will`)
    const { raw, connack } = await answer(`silent-${level}`, {
      level,
      keepalive: 1,
      will: { topic: `rooms/silent-${level}/will`, payload: Buffer.from('lost'), qos: 1, retain: false },
    })
    expect(connack.properties?.serverKeepAlive).toBeUndefined()
    const began = Date.now()
    await raw.closed()
    expect(Date.now() - began).toBeGreaterThan(1_200)
    expect(raw.of('disconnect')).toMatchObject(level === 5 ? [{ reasonCode: 0x8d }] : [])
    expect(String((await watcher.gets('publish')).payload)).toBe('lost')
    watcher.drop()
  })
})

describe('a refusal that no return code of 3.1.1 says', () => {
  it('is not given the return code of another: the client is closed [MQTT-3.2.2-6, 3.1.1]', async () => {
    const raw = await Raw.open(system, 'eu', '/no-code', 4)
    const will = { topic: '$SYS/x', payload: Buffer.from('x'), qos: 0, retain: false } as const
    raw.send(await connectPacket(system, 'no-code', { level: 4, will }))
    await raw.closed()
    expect(raw.of('connack').map(({ returnCode }) => returnCode)).not.toContain(3)
  })

  // 3.1.1 has no way to say that there is no QoS 2.
  it('is none for a will at QoS 2, which is taken [MQTT-3.1.2-14, 3.1.1]', async () => {
    const will = { topic: 'rooms/two/x', payload: Buffer.from('x'), qos: 2, retain: false } as const
    const { raw, code } = await answer('will-two', { level: 4, will })
    raw.drop()
    expect(code).toBe(0)
  })
})

// The id that is assigned is the token's subject: unique in its fleet, since the token names the client.
describe('an empty client id', () => {
  it('of a 5.0 client is answered with the one that was assigned, which is used [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]', async () => {
    const raw = await connected(system, 'nameless', { clientId: '' })
    const connack = raw.of('connack')[0] as unknown as { properties: { assignedClientIdentifier: string } }
    const assigned = connack.properties.assignedClientIdentifier
    expect(assigned).not.toBe('')
    const again = await connected(system, assigned)
    await raw.closed()
    expect(raw.of('disconnect')).toMatchObject([{ reasonCode: 0x8e }])
    again.drop()
  })

  it('of a 3.1.1 client with CleanSession 1 is taken [MQTT-3.1.3-6, 3.1.1]', async () => {
    const { raw, code } = await answer('nameless-4', { level: 4, clientId: '' })
    expect(code).toBe(0)
    raw.drop()
  })

  it('of a 3.1.1 client with CleanSession 0 gets return code 2, and is closed [MQTT-3.1.3-8, 3.1.1]', async () => {
    const raw = await Raw.open(system, 'eu', '/nameless-4', 4)
    const token = await system.token('nameless-4')
    const bytes = token.length.toString(16).padStart(4, '0')
    raw.sendBytes(framed(0x10, `0004 'MQTT' 04 c0 0000 0000 0001 'x' ${bytes} '${token}'`))
    expect(await raw.gets('connack')).toMatchObject({ returnCode: 2 })
    await raw.closed()
  })
})

describe('CONNACK of 5.0', () => {
  it('says what QoS there is: QoS 2 is exchanged, or ruled out by Maximum QoS and refused [MQTT-3.2.2-9]', async () => {
    const { raw, connack } = await answer('most', {})
    const most = connack.properties?.maximumQoS
    raw.send({
      cmd: 'publish',
      topic: 'rooms/most/x',
      payload: 'x',
      qos: 2,
      messageId: 1,
      dup: false,
      retain: false,
    })
    if (most === undefined) {
      expect(await raw.gets('pubrec')).toMatchObject({ messageId: 1 })
      raw.drop()
    } else {
      expect(await raw.gets('disconnect')).toMatchObject({ reasonCode: 0x9b })
    }
  })

  it('refuses a will at a QoS that there is not, with 0x9B [MQTT-3.2.2-12]', async () => {
    const most = (await answer('will-qos', {})).connack.properties?.maximumQoS
    const will = { topic: 'rooms/will-qos/x', payload: Buffer.from('x'), qos: 2, retain: false } as const
    const { raw, code } = await answer('will-qos', { will })
    if (most === undefined) expect(code).toBe(0)
    else {
      expect(code).toBe(0x9b)
      await raw.closed()
    }
    raw.drop()
  })

  it('grants a subscription at QoS 0, 1 and 2 [MQTT-3.2.2-10]', async () => {
    const { raw, connack } = await answer('granted', {})
    const most = connack.properties?.maximumQoS ?? 2
    const granted = []
    for (const qos of [0, 1, 2]) granted.push(...(await subscribed(raw, `rooms/granted/${qos}`, { qos })))
    expect(granted).toEqual([0, 1, most])
    raw.drop()
  })

  it('has no Response Information for a client that asked for none [MQTT-3.1.2-28]', async () => {
    for (const properties of [{}, { requestResponseInformation: false }]) {
      const { raw, connack } = await answer('response', { properties })
      expect(connack.properties).not.toHaveProperty('responseInformation')
      raw.drop()
    }
  })

  it('has no Authentication Method for a client that named none, and no AUTH comes [MQTT-4.12.0-6]', async () => {
    const { raw, connack } = await answer('auth-none', {})
    expect(connack.properties).not.toHaveProperty('authenticationMethod')
    await raw.ping()
    expect(raw.of('auth')).toEqual([])
    raw.drop()
  })

  it.each([
    ['direct', '/auth'],
    ['through a front', ''],
  ])(
    'refuses an Authentication Method that it does not know, with 0x8C: %s [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.2.2-7]',
    async (_way, path) => {
      const raw = await Raw.open(system, 'eu', path)
      raw.send(await connectPacket(system, 'auth', { properties: { authenticationMethod: 'SCRAM-SHA-256' } }))
      expect(await raw.gets('connack')).toMatchObject({ reasonCode: 0x8c, sessionPresent: false })
      await raw.closed()
      expect(raw.packets).toHaveLength(1)
    },
  )
})
