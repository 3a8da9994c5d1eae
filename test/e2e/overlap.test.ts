// Overlapping filters, and retained messages that also come live, on real workerd, in the region of the home and in another.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System } from './system.ts'

let system: System

beforeAll(async () => {
  system = await System.start({ regions: ['eu', 'us'], presence: false })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

let last = 0
const connect = (region: string) => Raw.connect(system, region, `overlap-${++last}`)

async function subscribe(raw: Raw, topic: string, qos: 0 | 1 | 2, identifier?: number): Promise<void> {
  const before = raw.of('suback').length
  raw.send({
    cmd: 'subscribe',
    messageId: 1 + before,
    subscriptions: [{ topic, qos }],
    ...(identifier !== undefined && { properties: { subscriptionIdentifier: identifier } }),
  })
  await raw.gets('suback', before + 1)
}

async function publish(raw: Raw, topic: string, payload: string, retain = false): Promise<void> {
  const before = raw.of('puback').length
  raw.send({ cmd: 'publish', topic, payload, qos: 1, messageId: 1 + before, dup: false, retain })
  await raw.gets('puback', before + 1)
}

describe('a message that comes by two ways', () => {
  describe.each(['eu', 'us'])('a client in %s, of a root whose home is eu', (region) => {
    it('gets one copy of a message that its narrow and wide filters match [MQTT-3.3.4-2] [MQTT-3.3.4-3]', async () => {
      const root = `overlaps/${region}`
      const publisher = await connect('eu')
      await publish(publisher, `${root}/x`, 'makes eu the home')
      const client = await connect(region)
      await subscribe(client, `${root}/x`, 0, 1)
      await subscribe(client, `overlaps/+/x`, 1, 2)
      await subscribe(client, `${root}/#`, 0, 3)
      for (let i = 0; i < 20; i++) await publish(publisher, `${root}/x`, `m${i}`)
      await publish(publisher, `${root}/y`, 'last')
      await client.sees(() => client.texts.includes('last'), 'last')
      const got = client.messages.filter(({ payload }) => String(payload) !== 'last')
      expect(got.map(({ payload }) => String(payload))).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`))
      for (const { qos, properties } of got) {
        expect(qos).toBe(1)
        expect([properties?.subscriptionIdentifier].flat().sort()).toEqual([1, 2, 3])
      }
      for (const raw of [client, publisher]) raw.drop()
    })

    it('gets a message once that is retained right after its wide SUBACK', { timeout: 120_000 }, async () => {
      const publisher = await connect('eu')
      for (let i = 0; i < 15; i++) {
        const topic = `late-${region}/${i}/c/d`
        await publish(publisher, topic, 'before', true)
        const client = await connect(region)
        await subscribe(client, `late-${region}/+/c/#`, 1)
        client.send({
          cmd: 'publish',
          topic,
          payload: 'after',
          qos: 1,
          messageId: 9,
          dup: false,
          retain: true,
        })
        await client.gets('puback')
        await client.sees(() => client.texts.includes('after'), 'after')
        // Whatever else was under way has come before this.
        await publish(publisher, topic, 'end')
        await client.sees(() => client.texts.includes('end'), 'end')
        await client.ping()
        const mine = client.messages
          .filter((one) => one.topic === topic)
          .map(({ payload }) => String(payload))
        expect(mine.filter((text) => text === 'after')).toEqual(['after'])
        client.drop()
      }
      publisher.drop()
    })
  })
})
