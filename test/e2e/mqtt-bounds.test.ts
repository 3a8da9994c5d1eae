// What a client may send at once, and what it may have, on real workerd: the excess is refused where the protocol has a refusal, and
// nothing else is closed.
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connect as mqttConnect } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System

beforeAll(async () => {
  system = await System.start({ regions: ['eu'], presence: false })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

let last = 0
const connect = (options: Parameters<typeof Raw.connect>[3] = {}) =>
  Raw.connect(system, 'eu', `bound-${++last}`, options)

const VERSIONS = [4, 5] as const

async function suback(raw: Raw, filters: readonly string[], ms = 60_000): Promise<number[]> {
  const before = raw.of('suback').length
  raw.send({
    cmd: 'subscribe',
    messageId: 1 + before,
    subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
  })
  return ((await raw.gets('suback', before + 1, ms)) as unknown as { granted: number[] }).granted
}

describe('the bounds of a client', () => {
  describe.each(VERSIONS)('many publishes at once, in version %i', (version) => {
    it.each([
      ['20 of 1 MB', 20, 1_000_000],
      ['4,000 of 1 KB', 4_000, 1_000],
      ...(version === 4 ? [['5,000 of 1 KB', 5_000, 1_000] as const] : []),
    ] as const)(
      '%s are all acknowledged, in order, and reach the subscriber',
      async (_, count, bytes) => {
        const topic = `bursts/${version}-${count}/x`
        const subscriber = await connect()
        await suback(subscriber, [topic])
        subscriber.socket.on('message', () => undefined)
        const publisher = await connect({ version })
        const payload = Buffer.alloc(bytes - 20, 'x')
        for (let i = 1; i <= count; i++)
          publisher.send({ cmd: 'publish', topic, payload, qos: 1, messageId: i, dup: false, retain: false })
        let acknowledged = 0
        const acknowledge = setInterval(() => {
          for (const { messageId = 0 } of subscriber.messages.slice(acknowledged)) {
            subscriber.send({ cmd: 'puback', messageId })
            acknowledged++
          }
        }, 5)
        try {
          await publisher.gets('puback', count, 60_000)
          await subscriber.has(count, 60_000)
        } finally {
          clearInterval(acknowledge)
        }
        expect(publisher.of('puback').map(({ messageId }) => messageId)).toEqual(
          Array.from({ length: count }, (__, i) => i + 1),
        )
        expect(publisher.of('puback').filter(({ reasonCode = 0 }) => reasonCode >= 0x80)).toEqual([])
        expect(publisher.closeCode).toBeNull()
        for (const raw of [publisher, subscriber]) raw.drop()
      },
      120_000,
    )
  })

  describe('one SUBSCRIBE', () => {
    it.each(VERSIONS)(
      'of 600 filters of a room is granted, and ended by one UNSUBSCRIBE, in version %i',
      async (version) => {
        const raw = await connect({ version })
        const filters = Array.from({ length: 600 }, (_, i) => `many/${version}/${i}`)
        expect(new Set(await suback(raw, filters))).toEqual(new Set([1]))
        raw.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: filters })
        await raw.gets('unsuback')
        await raw.ping()
        raw.drop()
      },
    )

    it.each([
      [4, 0x80],
      [5, 0x97],
    ] as const)(
      'of 1,100 filters is granted up to the bound of a session, in version %i',
      async (version, code) => {
        const raw = await connect({ version })
        const granted = await suback(
          raw,
          Array.from({ length: 1_100 }, (_, i) => `many/${version}/${i}`),
        )
        expect(granted).toEqual([
          ...Array.from({ length: 1_000 }, () => 1),
          ...Array.from({ length: 100 }, () => code),
        ])
        await raw.ping()
        raw.drop()
      },
    )

    it('by mqtt.js, which resubscribes to all 600 in one after a lost connection, works again and again', async () => {
      const id = `bound-${++last}`
      const client = mqttConnect(`${await system.mqttUrl('eu')}/${id}`, {
        clientId: id,
        username: 'x',
        password: await system.token(id),
        protocolVersion: 4,
        reconnectPeriod: 50,
      })
      await new Promise((done) => client.once('connect', done))
      const filters = Array.from({ length: 600 }, (_, i) => `many/js/${i}`)
      await client.subscribeAsync(Object.fromEntries(filters.map((filter) => [filter, { qos: 1 as const }])))
      let reconnected = 0
      client.on('connect', () => reconnected++)
      const got: string[] = []
      client.on('message', (topic) => got.push(topic))
      client.stream.destroy()
      await until(() => reconnected === 1)
      await until(async () => {
        await client.publishAsync('many/js/599', 'x', { qos: 1 })
        return got.includes('many/js/599')
      }, 20_000)
      expect(reconnected).toBe(1)
      await client.endAsync(true)
    })

    it('of 960 filters of 64 KiB: each of them gets 0x97, and the connection goes on', async () => {
      const raw = await connect()
      for (let i = 0; i < 60; i++) {
        const granted = await suback(
          raw,
          Array.from({ length: 16 }, (_, n) => `large/x/${i}-${n}${'y'.repeat(65_000)}`),
        )
        expect(new Set(granted)).toEqual(new Set([0x97]))
      }
      await raw.ping()
      raw.drop()
    })

    it('of 1,000 wide filters is granted a share, and leaves the rest to others', async () => {
      const greedy = await connect({ clean: false, expiry: 3600 })
      const granted = await suback(
        greedy,
        Array.from({ length: 1_000 }, (_, i) => `+/greedy/${i}`),
      )
      expect(granted.filter((code) => code === 1)).toHaveLength(100)
      expect(granted.filter((code) => code === 0x97)).toHaveLength(900)
      greedy.drop()
      const other = await connect()
      expect(await suback(other, ['+/other/#'])).toEqual([1])
      other.drop()
    })
  })

  describe('a topic', () => {
    it.each(VERSIONS)(
      'of 1,000 levels is published and subscribed to, in version %i [MQTT-4.7.3-3]',
      async (version) => {
        const raw = await connect({ version })
        const topic = `deep/${version}${'/x'.repeat(998)}`
        expect(await suback(raw, [`deep/${version}/#`])).toEqual([1])
        raw.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId: 1, dup: false, retain: false })
        expect((await raw.has(1))[0]?.topic).toBe(topic)
        raw.drop()
      },
    )
  })

  describe('a PUBREC that refuses', () => {
    it('an id that is not in flight gets no PUBREL [MQTT-4.3.3-4]', async () => {
      const raw = await connect()
      raw.send({ cmd: 'pubrec', messageId: 77, reasonCode: 0x83 })
      await raw.ping()
      expect(raw.of('pubrel')).toEqual([])
      raw.send({ cmd: 'pubrec', messageId: 77, reasonCode: 0 })
      expect(await raw.gets('pubrel')).toMatchObject({ messageId: 77, reasonCode: 0x92 })
      raw.drop()
    })
  })

  describe('a keep alive of 2 s', () => {
    it.each(VERSIONS)(
      'is granted: a silent client is missed after 3 s, in version %i [MQTT-3.1.2-22]',
      async (version) => {
        const raw = await connect({ version, keepalive: 2 })
        const { properties } = raw.of('connack')[0] as { properties?: { serverKeepAlive?: number } }
        expect(properties?.serverKeepAlive).toBeUndefined()
        const began = Date.now()
        await raw.closed()
        expect(Date.now() - began).toBeGreaterThan(2_500)
        expect(Date.now() - began).toBeLessThan(6_000)
      },
    )
  })

  describe('PUBLISH with RETAIN and SUBSCRIBE in one write', () => {
    it.each([
      ['the retained message comes as retained', 0, 1],
      ['with Retain Handling 2 nothing comes', 2, 0],
    ] as const)('take effect in the order sent: %s', async (_, rh, count) => {
      for (const filter of ['one', 'wide']) {
        const raw = await connect()
        const root = `order/${rh}-${filter}`
        const topic = filter === 'wide' ? `order/+/x/${rh}` : `${root}/x/${rh}`
        const publish = raw.bytes({
          cmd: 'publish',
          topic: `${root}/x/${rh}`,
          payload: 'kept',
          qos: 0,
          dup: false,
          retain: true,
        })
        const subscribe = raw.bytes({
          cmd: 'subscribe',
          messageId: 1,
          subscriptions: [{ topic, qos: 0, rh }],
        })
        raw.sendBytes(Buffer.concat([publish, subscribe]))
        await raw.gets('suback')
        if (count > 0) await raw.has(count)
        await raw.ping()
        const mine = raw.messages.filter((one) => one.topic === `${root}/x/${rh}`)
        expect(mine.map(({ retain }) => retain)).toEqual(Array.from({ length: count }, () => true))
        raw.drop()
      }
    })
  })

  describe('new roots', () => {
    const homes = (first: string): number => {
      const database = new DatabaseSync(path.join(system.dir, 'core.sqlite'), {
        readOnly: true,
        timeout: 5_000,
      })
      try {
        const row = database.prepare('SELECT count(*) AS n FROM home WHERE root LIKE ?').get(`${first}/%`)
        return Number(row?.n)
      } finally {
        database.close()
      }
    }

    it('of 500 publishes that nobody gets are not written', { timeout: 240_000 }, async () => {
      const raw = await connect()
      // In waves: a core that takes long to answer makes messages wait in the outbox, which writes.
      for (let i = 0; i < 500; i++) {
        const [topic, payload, dup, retain] = [`unwanted/${i}/x`, 'x', false, false] as const
        if (i % 25 < 24) raw.send({ cmd: 'publish', topic, payload, qos: 0, dup, retain })
        else {
          raw.send({ cmd: 'publish', topic, payload, qos: 1, messageId: i, dup, retain })
          await raw.gets('puback', (i + 1) / 25, 60_000)
        }
      }
      expect(new Set(raw.of('puback').map(({ reasonCode }) => reasonCode))).toEqual(new Set([0x10]))
      expect(homes('unwanted')).toBe(0)
      raw.drop()
    })

    it('of 512 filters of one SUBSCRIBE are begun', { timeout: 240_000 }, async () => {
      const raw = await connect()
      const filters = Array.from({ length: 512 }, (_, i) => `begun/${i}`)
      expect(new Set(await suback(raw, filters, 200_000))).toEqual(new Set([1]))
      expect(homes('begun')).toBe(512)
      raw.drop()
    })
  })
})
