// Wide filters over two regions of a whole system: who gets what, from when on, and what a SUBSCRIBE brings.
import type { ErrorWithSubackPacket } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, type Got } from './client.ts'
import { Flow } from './flow.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const REGIONS = ['eu', 'us'] as const
const WIDE_TEST_MS = 60_000

function numbers(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}

/** Payloads by topic, in the order in which they came. */
function byTopic(got: readonly Got[]): Record<string, string[]> {
  const topics: Record<string, string[]> = {}
  for (const { topic, text } of got) {
    topics[topic] ??= []
    topics[topic].push(text)
  }
  return topics
}

describe('subscribers with wide filters in us', () => {
  it('get what is published in eu and in us, of devices and of topics, in order for each root', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const all = await Client.connect(system, 'us', 'all')
    const telemetry = await Client.connect(system, 'us', 'telemetry')
    expect(await all.subscribe('#')).toEqual([1])
    expect(await telemetry.subscribe('devices/+/telemetry')).toEqual([1])
    const publishers = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `pub-${region}`)),
    )
    const each = 40
    await Promise.all(
      publishers.flatMap((publisher, p) =>
        numbers(each).flatMap((n) => [
          publisher.publish(`devices/pub-${REGIONS[p]}/telemetry`, n),
          publisher.publish(`devices/pub-${REGIONS[p]}/other`, n),
          publisher.publish(`rooms/of-${REGIONS[p]}/chat`, n),
        ]),
      ),
    )
    const ofPublishers = () => all.got.filter(({ topic }) => !topic.startsWith('presence/'))
    await until(() => ofPublishers().length >= 2 * 3 * each, 20_000)
    await telemetry.has(2 * each, 20_000)
    const wanted = numbers(each)
    expect(byTopic(ofPublishers())).toEqual({
      'devices/pub-eu/telemetry': wanted,
      'devices/pub-eu/other': wanted,
      'rooms/of-eu/chat': wanted,
      'devices/pub-us/telemetry': wanted,
      'devices/pub-us/other': wanted,
      'rooms/of-us/chat': wanted,
    })
    expect(byTopic(telemetry.got)).toEqual({
      'devices/pub-eu/telemetry': wanted,
      'devices/pub-us/telemetry': wanted,
    })
    for (const client of [all, telemetry, ...publishers]) await client.end()
  })

  it('miss nothing that is published after SUBACK while publishers run in both regions (promise 5)', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const publishers = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `run-${region}`)),
    )
    /** Acknowledged, one after another for each publisher, with when each was begun. */
    const published: { readonly topic: string; readonly text: string; readonly at: number }[] = []
    let running = true
    const runs = publishers.map(async (publisher, p) => {
      for (let n = 0; running; n++) {
        const topic = n % 2 === 0 ? `flows/${REGIONS[p]}/x` : `devices/run-${REGIONS[p]}/x`
        const at = performance.now()
        await publisher.publish(topic, String(n))
        published.push({ topic, text: String(n), at })
      }
    })
    try {
      for (const [round, region] of ['us', 'eu', 'us'].entries()) {
        const listener = await Client.connect(system, region, `listener-${round}`)
        await listener.subscribe(`+/+/x`)
        const subscribed = performance.now()
        const before = published.length
        await until(() => published.length >= before + 60)
        const mustHave = published
          .filter(({ at }) => at > subscribed)
          .map(({ topic, text }) => `${topic} ${text}`)
        const missing = () => {
          const got = new Set(listener.got.map(({ topic, text }) => `${topic} ${text}`))
          return mustHave.filter((one) => !got.has(one))
        }
        await until(() => missing().length === 0).catch(() => expect(missing()).toEqual([]))
        expect(mustHave.length).toBeGreaterThan(20)
        for (const texts of Object.values(byTopic(listener.got))) {
          expect(texts).toEqual([...texts].sort((a, b) => Number(a) - Number(b)))
        }
        await listener.end()
      }
    } finally {
      running = false
      await Promise.all(runs)
    }
    for (const publisher of publishers) await publisher.end()
  })

  it('get while they are away what waits for their session, in order, once', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const away = await Client.connect(system, 'us', 'away', KEPT)
    await away.subscribe('kept/+/x')
    await away.end()
    const publisher = await Client.connect(system, 'eu', 'to-away')
    for (const n of numbers(10)) await publisher.publish('kept/a/x', n)
    const back = await Client.connect(system, 'us', 'away', KEPT)
    expect(back.sessionPresent).toBe(true)
    await back.has(10)
    expect(back.texts).toEqual(numbers(10))
    await back.end()
    await publisher.end()
  })

  it('keep their filter when they move to the other region, with what waited', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const wanderer = await Client.connect(system, 'eu', 'wanderer', KEPT)
    await wanderer.subscribe('seen/+/x')
    await wanderer.end()
    const publishers = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `seen-${region}`)),
    )
    for (const publisher of publishers) for (const n of numbers(5)) await publisher.publish('seen/a/x', n)
    const moved = await Client.connect(system, 'us', 'wanderer', KEPT)
    expect(moved.sessionPresent).toBe(true)
    await moved.has(10)
    expect(moved.texts).toEqual([...numbers(5), ...numbers(5)])
    for (const publisher of publishers) for (const n of numbers(5)) await publisher.publish('seen/a/x', n)
    await moved.has(20)
    for (const client of [moved, ...publishers]) await client.end()
  })

  it('get retained messages of both regions with RETAIN 1, and live ones without', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const publishers = await Promise.all(
      REGIONS.map((region) => Client.connect(system, region, `keeps-${region}`)),
    )
    for (const [p, publisher] of publishers.entries()) {
      await publisher.publish(`lamps/in-${REGIONS[p]}/state`, 'on', { qos: 1, retain: true })
      await publisher.publish(`devices/keeps-${REGIONS[p]}/state`, 'on', { qos: 1, retain: true })
      await publisher.publish(`lamps/gone-${REGIONS[p]}/state`, 'on', { qos: 1, retain: true })
      await publisher.publish(`lamps/gone-${REGIONS[p]}/state`, '', { qos: 1, retain: true })
    }
    const listener = await Client.connect(system, 'us', 'wants-state')
    await listener.subscribe('+/+/state')
    await listener.has(4)
    expect(listener.got.map(({ topic, packet }) => [topic, packet.retain]).sort()).toEqual([
      ['devices/keeps-eu/state', true],
      ['devices/keeps-us/state', true],
      ['lamps/in-eu/state', true],
      ['lamps/in-us/state', true],
    ])
    await publishers[0]?.publish('lamps/in-eu/state', 'off', { qos: 1, retain: true })
    await listener.has(5)
    expect(listener.got.at(-1)).toMatchObject({ text: 'off', packet: { retain: false } })
    for (const client of [listener, ...publishers]) await client.end()
  })

  it('get nothing more once they have unsubscribed', { timeout: WIDE_TEST_MS }, async () => {
    const listener = await Client.connect(system, 'us', 'leaves')
    await listener.subscribe('left/#')
    await listener.subscribe('end/of-it')
    const publisher = await Client.connect(system, 'eu', 'still-talks')
    await publisher.publish('left/a', '1')
    await listener.has(1)
    await listener.mqtt.unsubscribeAsync('left/#')
    await publisher.publish('left/a', '2')
    await publisher.publish('left/b/c', '3')
    await publisher.publish('end/of-it', 'end')
    await listener.has(2)
    expect(listener.texts).toEqual(['1', 'end'])
    await listener.end()
    await publisher.end()
  })

  it('with the core frozen a new filter is refused with 0x83, one that is known is granted, and nothing is closed', {
    timeout: WIDE_TEST_MS,
  }, async () => {
    const knows = await Client.connect(system, 'us', 'knows')
    const late = await Client.connect(system, 'us', 'late')
    await knows.subscribe('known/#')
    await knows.publish('known/here', 'the home is here')
    await knows.has(1)
    const thaw = await system.freeze('core')
    try {
      expect(await subscribeCode(late, 'fresh/+/x')).toBe(0x83)
      expect(await subscribeCode(late, 'known/#')).toBe(1)
      await knows.publish('known/here', 'hello')
      await late.has(1)
      expect(late.mqtt.connected).toBe(true)
    } finally {
      thaw()
    }
    await until(async () => (await subscribeCode(late, 'fresh/+/x')) === 1, 20_000)
    await knows.publish('fresh/a/x', 'now')
    await late.has(2)
    await late.end()
    await knows.end()
  })
})

describe.each(['core', 'eu', 'us'])(
  '%s is killed (SIGKILL) while 500 QoS 1 messages flow from eu to a wide filter in us',
  (part) => {
    it('all that were acknowledged arrive, at least once (promise 1)', { timeout: 120_000 }, async () => {
      const reconnecting = { ...KEPT, reconnectPeriod: 200 }
      const listener = await Client.connect(system, 'us', `hears-${part}`, reconnecting)
      await listener.subscribe('killed/+/x')
      const publisher = await Client.connect(system, 'eu', `through-${part}`, reconnecting)
      const flow = new Flow(publisher, `killed/${part}/x`, 500)
      const done = flow.run()
      await flow.reaches(100)
      await system.killAndWait(part)
      await done
      expect(flow.acknowledged).toHaveLength(500)
      await flow.arrivesAt(listener)
      await listener.end()
      await publisher.end()
    })
  },
)

async function subscribeCode(client: Client, filter: string): Promise<number> {
  try {
    return (await client.subscribe(filter))[0] ?? 0
  } catch (error) {
    return Number((error as ErrorWithSubackPacket).packet.granted[0])
  }
}
