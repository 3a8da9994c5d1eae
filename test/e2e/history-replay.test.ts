// A subscription that begins with what was kept, in a whole system: history first, then live messages, none missing, none twice.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ISubscriptionMap } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, type Got } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const WAIT_MS = 60_000
const FROM = { 'history-from': 'PT1H' }

let system: System
beforeAll(async () => {
  system = await System.start({ history: 'devices/+/telemetry=7d,rooms/#=1d' })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

/** @returns the reason of SUBACK */
async function subscribe(
  client: Client,
  filter: string,
  userProperties: Record<string, string> = FROM,
): Promise<number | undefined> {
  const map: ISubscriptionMap = { [filter]: { qos: 1 } }
  return new Promise((done, failed) => {
    const properties = Object.keys(userProperties).length > 0 ? { properties: { userProperties } } : {}
    client.mqtt.subscribe(map, { qos: 1, ...properties }, (error, granted, packet) => {
      const [reason] = (packet as { granted?: number[] } | undefined)?.granted ?? []
      if (reason !== undefined) done(reason)
      else if (error) failed(error)
      else done(granted?.[0]?.qos)
    })
  })
}

const historic = ({ packet }: Got) => packet.properties?.userProperties?.['history-at'] !== undefined

/** Publishes numbers until it is stopped; gives how many. */
function publisher(client: Client, topic: string, from: number) {
  let stopped = false
  const ran = (async () => {
    let i = from
    for (; !stopped; i++) {
      await client.publish(topic, `${i}`)
      await sleep(2)
    }
    return i
  })()
  return () => {
    stopped = true
    return ran
  }
}

describe('a subscription with history-from', () => {
  it.each([
    ['devices/seam/telemetry', 'eu', 'eu'],
    ['devices/seam-far/telemetry', 'eu', 'us'],
    ['rooms/7/chat', 'us', 'eu'],
  ])(
    'to %s, published in %s and read in %s, has all, once and in order, while it is published',
    async (topic, there, here) => {
      const name = topic.split('/')[1] ?? ''
      const device = await Client.connect(system, there, name)
      for (const text of numbers(250)) await device.publish(topic, text)
      // Its region has another subscriber, so live messages come here whether it has subscribed or not.
      const other = await Client.connect(system, here, `other-${name}`)
      await other.subscribe(topic)
      const stop = publisher(device, topic, 250)
      const reader = await Client.connect(system, here, `reader-${name}`)
      expect(await subscribe(reader, topic)).toBe(1)
      await sleep(1_000)
      const count = await stop()
      await reader.has(count, WAIT_MS)
      await sleep(500)
      expect(reader.texts).toEqual(numbers(count))
      const live = reader.got.findIndex((one) => !historic(one))
      expect(live).toBeGreaterThanOrEqual(250)
      expect(reader.got.slice(live).some(historic)).toBe(false)
      expect(reader.got[7]?.packet.properties?.userProperties).toEqual({
        'history-at': expect.stringMatching(/^\d{4}-.*Z$/),
        'history-id': '1.8',
      })
      for (const client of [device, other, reader]) await client.end()
    },
    2 * WAIT_MS,
  )

  it(
    'is asked for by its topic in 3.1.1, and comes with QoS 0 too',
    async () => {
      const device = await Client.connect(system, 'eu', 'old')
      for (const text of numbers(20)) await device.publish('devices/old/telemetry', text)
      const reader = await Client.connect(system, 'us', 'old-reader', { protocolVersion: 4, clean: true })
      expect(await reader.subscribe('$history/PT1H/devices/old/telemetry', { qos: 0 })).toEqual([0])
      await device.publish('devices/old/telemetry', '20')
      await reader.has(21)
      expect(reader.texts).toEqual(numbers(21))
      // It is the subscription to the topic itself.
      await reader.mqtt.unsubscribeAsync('devices/old/telemetry')
      await device.publish('devices/old/telemetry', 'unheard')
      await sleep(500)
      expect(reader.texts).toEqual(numbers(21))
      for (const client of [device, reader]) await client.end()
    },
    WAIT_MS,
  )

  it(
    'begins where it is told to',
    async () => {
      const device = await Client.connect(system, 'eu', 'since')
      await device.publish('devices/since/telemetry', 'before')
      await sleep(50)
      const since = new Date().toISOString()
      await sleep(50)
      await device.publish('devices/since/telemetry', 'after')
      const reader = await Client.connect(system, 'eu', 'since-reader')
      expect(await subscribe(reader, 'devices/since/telemetry', { 'history-from': since })).toBe(1)
      await device.publish('devices/since/telemetry', 'live')
      await reader.has(2)
      await sleep(300)
      expect(reader.texts).toEqual(['after', 'live'])
      for (const client of [device, reader]) await client.end()
    },
    WAIT_MS,
  )

  it(
    'fills no queue of a client that takes one message at a time',
    async () => {
      const device = await Client.connect(system, 'eu', 'slow')
      await Promise.all(numbers(300).map((text) => device.publish('devices/slow/telemetry', text)))
      const reader = await Client.connect(system, 'us', 'slow-reader', {
        clean: false,
        properties: { receiveMaximum: 1, sessionExpiryInterval: 600 },
      })
      expect(await subscribe(reader, 'devices/slow/telemetry')).toBe(1)
      await reader.has(300, WAIT_MS)
      expect(reader.texts).toEqual(numbers(300))
      for (const client of [device, reader]) await client.end()
    },
    WAIT_MS,
  )

  it.each([
    ['devices/+/telemetry', FROM],
    ['$share/g/devices/a/telemetry', FROM],
    ['devices/a/telemetry', { 'history-from': 'yesterday' }],
    ['$history/soon/devices/a/telemetry', {}],
  ])('to %s with %j is refused with 0x8F', async (filter, properties) => {
    const reader = await Client.connect(system, 'eu', 'wrong')
    expect(await subscribe(reader, filter, properties).catch(({ code }) => code)).toBe(0x8f)
    await reader.end()
  })

  it(
    'is refused while the core is away, and leaves nothing behind',
    async () => {
      const device = await Client.connect(system, 'eu', 'away')
      await device.publish('devices/away/telemetry', 'a')
      const reader = await Client.connect(system, 'eu', 'away-reader')
      const thaw = await system.freeze('core')
      const reason = await subscribe(reader, 'devices/away/telemetry').catch(({ code }) => code)
      thaw()
      expect(reason).toBe(0x83)
      await device.publish('devices/away/telemetry', 'b')
      await sleep(500)
      expect(reader.texts).toEqual([])
      await until(
        async () => (await subscribe(reader, 'devices/away/telemetry').catch(() => 0x83)) === 1,
        WAIT_MS,
      )
      expect(reader.texts).toEqual(['a', 'b'])
      for (const client of [device, reader]) await client.end()
    },
    2 * WAIT_MS,
  )
})
