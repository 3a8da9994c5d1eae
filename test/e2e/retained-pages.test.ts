// More retained messages than a call, a queue or a socket takes: all of them come, as the client takes them.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { type Published, Raw } from './raw.ts'
import { SYSTEM_START_MS, System } from './system.ts'

const MEGABYTE = 1_000_000
const RETAINED = { qos: 1, retain: true } as const
const TEST_MS = 180_000

let system: System
let publisher: Client
beforeAll(async () => {
  system = await System.start()
  publisher = await Client.connect(system, 'eu', 'publisher')
}, SYSTEM_START_MS)
afterAll(async () => {
  await publisher?.end()
  await system?.stop()
})

async function retain(topics: readonly string[], bytes: number, abreast: number): Promise<void> {
  for (let i = 0; i < topics.length; i += abreast)
    await Promise.all(
      topics.slice(i, i + abreast).map((topic) => publisher.publish(topic, topic.padEnd(bytes), RETAINED)),
    )
}

function topicsOf(client: Client): string[] {
  return client.got.map(({ topic }) => topic)
}

describe('retained messages', () => {
  it.each(['eu', 'us'])(
    'of 34 MB below one root all come to a subscriber in %s (case 23)',
    { timeout: TEST_MS },
    async (region) => {
      const topics = Array.from({ length: 34 }, (_, i) => `rooms/${region}/${String(i).padStart(2, '0')}`)
      await retain(topics, MEGABYTE, 2)
      const client = await Client.connect(system, region, `reader-${region}`)
      expect(await client.subscribe(`rooms/${region}/#`)).toEqual([1])
      await client.has(topics.length, 60_000)
      expect(topicsOf(client)).toEqual(topics)
      expect(client.got.every(({ packet, text }) => packet.retain && text.length === MEGABYTE)).toBe(true)
      await client.end()
    },
  )

  it('of 22 roots with 1 MB each wait for a client that acknowledges slowly (case 25)', {
    timeout: TEST_MS,
  }, async () => {
    const topics = Array.from({ length: 22 }, (_, i) => `late/${i}/x`)
    await retain(topics, MEGABYTE, 2)
    const slow = await Raw.connect(system, 'eu', 'slow', { expiry: 3600 })
    await slow.subscribe(topics.map((topic) => ({ topic, qos: 1 as const })))
    const got = new Set<string>()
    for (let seen = 0, rounds = 0; got.size < topics.length && rounds < 60; rounds++) {
      await sleep(1_000)
      const packets = slow.of('publish') as unknown as Published[]
      for (const { topic, messageId } of packets.slice(seen)) {
        got.add(topic)
        slow.send({ cmd: 'puback', messageId })
      }
      seen = packets.length
    }
    expect([...got].sort()).toEqual([...topics].sort())
    slow.drop()
  })

  it('of 150 roots, more than 10,000, all come to a subscriber of # (case 26)', {
    timeout: TEST_MS,
  }, async () => {
    const topics = Array.from({ length: 10_500 }, (_, i) => `many${i % 150}/a/${i}`)
    await retain(topics, 40, 64)
    const client = await Client.connect(system, 'us', 'everything')
    expect(await client.subscribe('+/a/+')).toEqual([1])
    await client.has(topics.length, 120_000)
    expect(new Set(topicsOf(client)).size).toBe(topics.length)
    await client.end()
  })
})
