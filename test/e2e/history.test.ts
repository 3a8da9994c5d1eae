// Messages that are kept, in a whole system: all that was acknowledged is there, in order, whatever dies, is cut off or moves.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { ask } from './http.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const CLI = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'starling.ts')
const HISTORY = 'devices/+/telemetry=7d,rooms/#=1d,devices/+/bulk/#=1h'
const WAIT_MS = 60_000
const KEPT = { clean: false, reconnectPeriod: 200, properties: { sessionExpiryInterval: 3600 } }

let system: System
beforeAll(async () => {
  system = await System.start({ history: HISTORY })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

interface Item {
  readonly at: string
  readonly epoch: number
  readonly number: number
  readonly topic: string
  readonly text?: string
}

const token = () => system.token('reader')

/** All that is kept, page by page. */
async function kept(where: string, what: string, query: Record<string, string> = {}): Promise<Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = null; ; ) {
    const all: Record<string, string> = { order: 'oldest', ...query, ...(cursor !== null && { cursor }) }
    const answer = await ask(system, where, await token(), `/v1/${what}?${new URLSearchParams(all)}`)
    if (answer.status !== 200) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`)
    items.push(...(answer.body.items as Item[]))
    cursor = answer.body.next
    if (cursor === null) return items
  }
}

/** As `kept`, when the store has this many. */
async function keptWhole(where: string, what: string, count: number, query: Record<string, string> = {}) {
  let items: Item[] = []
  const whole = async () => {
    items = await kept(where, what, query).catch(() => [])
    return items.length >= count
  }
  await until(whole, WAIT_MS).catch(() => {
    throw new Error(
      `${items.length} of ${count} are kept: ${textsOf(items).join(' ')}\n${system.log.slice(-2000)}`,
    )
  })
  return items
}

const textsOf = (items: readonly Item[]) => items.map(({ text }) => text)

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `${i + from}`)

/** Publishes until each is acknowledged, through whatever comes. */
async function publishAll(client: Client, topic: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) await client.publish(topic, text)
}

describe('what a device publishes to a chosen topic', () => {
  it(
    'is read at any edge and at the core, with all that it came with',
    async () => {
      const lamp = await Client.connect(system, 'eu', 'lamp')
      const binary = Buffer.from([0xff, 0x00])
      await lamp.publish('devices/lamp/telemetry', '{"celsius":21}', {
        qos: 1,
        retain: true,
        properties: {
          contentType: 'application/json',
          responseTopic: 'devices/lamp/answer',
          correlationData: binary,
          userProperties: { unit: 'celsius' },
        },
      })
      await lamp.publish('devices/lamp/other', 'not kept')
      await lamp.mqtt.publishAsync('devices/lamp/telemetry', binary, { qos: 0 })
      await lamp.end()
      for (const where of ['eu', 'us', 'core']) {
        const items = await keptWhole(where, 'devices/lamp/history', 2)
        expect(items).toEqual([
          {
            at: expect.any(String),
            epoch: 1,
            number: 1,
            publisher: 'lamp',
            topic: 'devices/lamp/telemetry',
            qos: 1,
            retain: true,
            text: '{"celsius":21}',
            contentType: 'application/json',
            responseTopic: 'devices/lamp/answer',
            correlationData: binary.toString('base64'),
            userProperties: [['unit', 'celsius']],
          },
          {
            at: expect.any(String),
            epoch: 1,
            number: 2,
            publisher: 'lamp',
            topic: 'devices/lamp/telemetry',
            qos: 0,
            retain: false,
            base64: binary.toString('base64'),
          },
        ])
      }
    },
    WAIT_MS,
  )

  it(
    'is read at once by who asks for what is fresh',
    async () => {
      const bulb = await Client.connect(system, 'us', 'fresh')
      for (const text of numbers(5)) {
        await bulb.publish('devices/fresh/telemetry', text)
        const query = { fresh: 'true', order: 'newest', limit: '1' }
        const answer = await ask(
          system,
          'eu',
          await token(),
          `/v1/devices/fresh/history?${new URLSearchParams(query)}`,
        )
        expect(textsOf(answer.body.items)).toEqual([text])
      }
      await bulb.end()
    },
    WAIT_MS,
  )

  it(
    'comes page by page, in both orders, by topic and by time',
    async () => {
      const sensor = await Client.connect(system, 'eu', 'sensor')
      const texts = numbers(600)
      await Promise.all(
        texts.map((text) =>
          sensor.publish(`devices/sensor/bulk/${Number(text) % 2 === 0 ? 'even' : 'odd'}`, text),
        ),
      )
      const what = 'devices/sensor/history'
      expect(textsOf(await keptWhole('us', what, 600, { limit: '70' }))).toEqual(texts)
      expect(textsOf(await kept('eu', what, { limit: '1000', order: 'newest' }))).toEqual(
        [...texts].reverse(),
      )
      const odd = texts.filter((text) => Number(text) % 2 === 1)
      expect(textsOf(await kept('us', what, { topic: 'bulk/odd', limit: '64' }))).toEqual(odd)
      expect(textsOf(await kept('core', what, { topic: 'devices/sensor/bulk/+', limit: '999' }))).toEqual(
        texts,
      )
      expect(await kept('us', what, { topic: 'bulk/none' })).toEqual([])
      const [from, to] = [await kept('us', what).then((all) => all[100]?.at), undefined]
      const since = await kept('us', what, { from: from ?? '', ...(to !== undefined && { to }) })
      expect(since.at(-1)?.text).toBe('599')
      expect(since.length).toBeLessThanOrEqual(600)
      expect(await kept('us', what, { to: '1h' })).toEqual([])
      expect(await kept('us', what, { from: 'PT1H' })).toHaveLength(600)
      await sensor.end()
    },
    2 * WAIT_MS,
  )

  it(
    'of a root that is no device’s is read by its topic',
    async () => {
      const app = await Client.connect(system, 'us', 'roomapp')
      await publishAll(app, 'rooms/9/chat', ['a', 'b'])
      await app.publish('rooms/9', 'c')
      expect(textsOf(await keptWhole('eu', 'history', 3, { topic: 'rooms/9/#' }))).toEqual(['a', 'b', 'c'])
      expect(textsOf(await kept('core', 'history', { topic: 'rooms/9/+' }))).toEqual(['a', 'b'])
      await app.end()
    },
    WAIT_MS,
  )
})

describe('all that was acknowledged is there, once and in order', () => {
  it(
    'after kill -9 of the region and of the core',
    async () => {
      const device = await Client.connect(system, 'eu', 'killed', KEPT)
      const topic = 'devices/killed/telemetry'
      for (const [round, part] of ['eu', 'core', 'eu'].entries()) {
        const running = publishAll(device, topic, numbers(40, round * 40))
        await sleep(30)
        await system.killAndWait(part)
        await running
        await until(() => device.mqtt.connected, WAIT_MS)
        await sleep(100)
      }
      await device.publish(topic, 'last')
      const items = await keptWhole('us', 'devices/killed/history', 121)
      // What was under way when its process died is published again by the client, and is another message then.
      expect(new Set(textsOf(items)).size).toBe(121)
      expect(items.at(-1)?.text).toBe('last')
      expect(ordered(items)).toBe(true)
      await device.end()
    },
    4 * WAIT_MS,
  )

  it(
    'when the core is away for a while, and its device is acknowledged meanwhile',
    async () => {
      const device = await Client.connect(system, 'eu', 'cutoff')
      await device.publish('devices/cutoff/telemetry', '0')
      const thaw = await system.freeze('core')
      try {
        await publishAll(device, 'devices/cutoff/telemetry', numbers(30, 1))
      } finally {
        thaw()
      }
      const items = await keptWhole('us', 'devices/cutoff/history', 31)
      expect(textsOf(items)).toEqual(numbers(31))
      expect(ordered(items)).toBe(true)
      await device.end()
    },
    2 * WAIT_MS,
  )

  it(
    'when its device moves between regions',
    async () => {
      const topic = 'devices/mover/telemetry'
      for (const [i, region] of ['eu', 'us', 'eu', 'us'].entries()) {
        const device = await Client.connect(system, region, 'mover', KEPT)
        await publishAll(device, topic, numbers(20, i * 20))
        await device.end()
      }
      const items = await keptWhole('eu', 'devices/mover/history', 80)
      expect(textsOf(items)).toEqual(numbers(80))
      expect([...new Set(items.map(({ epoch }) => epoch))]).toEqual([1, 2, 3, 4])
      expect(ordered(items)).toBe(true)
    },
    2 * WAIT_MS,
  )
})

/** By time, and by epoch and number. */
function ordered(items: readonly Item[]): boolean {
  return items.every((item, i) => {
    const before = items[i - 1]
    if (before === undefined) return true
    const later = item.epoch > before.epoch || (item.epoch === before.epoch && item.number > before.number)
    return later && item.at >= before.at
  })
}

describe('what is asked wrongly', () => {
  it.each([
    ['/v1/history', 'topic'],
    ['/v1/history?topic=rooms/%23', 'topic'],
    ['/v1/history?topic=$SYS/x', 'topic'],
    ['/v1/history?topic=rooms/1&from=yesterday', 'from'],
    ['/v1/history?topic=rooms/1&to=P1M', 'to'],
    ['/v1/history?topic=rooms/1&limit=0', 'limit'],
    ['/v1/history?topic=rooms/1&order=best', 'order'],
    ['/v1/history?topic=rooms/1&cursor=AAAA', 'cursor'],
    ['/v1/devices/a%2Bb/history', 'device'],
    ['/v1/devices/lamp/history?topic=a%23', 'topic'],
  ])('%s is refused at edge and core, and the field is named', async (asked, field) => {
    for (const where of ['eu', 'core']) {
      const { status, body } = await ask(system, where, await token(), asked)
      expect([status, body.field]).toEqual([400, field])
    }
    expect((await ask(system, 'eu', null, asked)).status).toBe(401)
  })

  it('a setting that is wrong starts nothing, and is explained', async () => {
    const run = promisify(execFile)(process.execPath, [CLI, 'up', '--history', 'devices/#=soon'])
    await expect(run).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'devices/#=soon' has no time to live"),
    })
  })
})
