// More retained messages than a call, a queue or a socket takes: all of them come, as the client takes them.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SOCKET_UNREAD_BYTES_MAX } from '../../actors/limits.ts'
import { Client } from './client.ts'
import { Raw } from './raw.ts'
import { SYSTEM_START_MS, System } from './system.ts'

const MEGABYTE = 1_000_000
const RETAINED = { qos: 1, retain: true } as const
const TEST_MS = 180_000

/** 34 MB of one root, with its home in `eu`, for a reader in this region. */
function topicsFor(region: string): string[] {
  return Array.from({ length: 34 }, (_, i) => `rooms/${region}/${String(i).padStart(2, '0')}`)
}

/** 22 MB of as many roots. */
const LATE = Array.from({ length: 22 }, (_, i) => `late/${i}/x`)

let system: System
let publisher: Client
beforeAll(async () => {
  system = await System.start()
  publisher = await Client.connect(system, 'eu', 'publisher')
  await retain([...topicsFor('eu'), ...topicsFor('us'), ...LATE], MEGABYTE, 2)
}, SYSTEM_START_MS + TEST_MS)
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

/** Acknowledges once a second what came meanwhile, until so many topics have come. */
async function acknowledging(raw: Raw, count: number): Promise<Set<string>> {
  const got = new Set<string>()
  for (let seen = 0, rounds = 0; got.size < count && rounds < 60; rounds++) {
    await sleep(1_000)
    const packets = raw.messages
    for (const { topic, messageId } of packets.slice(seen)) {
      got.add(topic)
      raw.send({ cmd: 'puback', messageId })
    }
    seen = packets.length
  }
  return got
}

function link(raw: Raw): { pause(): void; resume(): void } {
  return (raw.socket as unknown as { readonly _socket: { pause(): void; resume(): void } })._socket
}

function allComeTo(region: string): void {
  it('of 34 MB below one root all come to a subscriber (case 23)', { timeout: TEST_MS }, async () => {
    const topics = topicsFor(region)
    const client = await Client.connect(system, region, `reader-${region}`)
    expect(await client.subscribe(`rooms/${region}/#`)).toEqual([1])
    await client.has(topics.length, 60_000)
    expect(topicsOf(client)).toEqual(topics)
    expect(client.got.every(({ packet, text }) => packet.retain && text.length === MEGABYTE)).toBe(true)
    await client.end()
  })
}

function comeOnReturnTo(region: string): void {
  it('that a client has not been sent when it leaves come when it is back', {
    timeout: TEST_MS,
  }, async () => {
    const topics = topicsFor('eu')
    const id = `leaver-${region}`
    const leaver = await Raw.connect(system, 'eu', id, { expiry: 3600 })
    await leaver.subscribe('rooms/eu/#', { qos: 1 })
    await leaver.has(8, 30_000)
    await sleep(1_000)
    expect(leaver.messages.length).toBeLessThan(topics.length)
    leaver.drop()
    const back = await Raw.connect(system, region, id, { clean: false, expiry: 3600 })
    expect(await acknowledging(back, topics.length)).toEqual(new Set(topics))
    back.drop()
  })
}

describe('retained messages in pages', () => {
  allComeTo('eu')
  comeOnReturnTo('eu')

  it('of 22 roots with 1 MB each wait for a client that acknowledges slowly (case 25)', {
    timeout: TEST_MS,
  }, async () => {
    const slow = await Raw.connect(system, 'eu', 'slow', { expiry: 3600 })
    await slow.subscribe(LATE.map((topic) => ({ topic, qos: 1 as const })))
    expect(await acknowledging(slow, LATE.length)).toEqual(new Set(LATE))
    slow.drop()
  })

  it('at QoS 0 wait for a socket that does not read (case 6)', { timeout: TEST_MS }, async () => {
    const filters = ['rooms/eu/#', 'rooms/us/#', 'late/+/x']
    const all = [...topicsFor('eu'), ...topicsFor('us'), ...LATE]
    const stalled = await Raw.connect(system, 'eu', 'stalled')
    link(stalled).pause()
    stalled.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: filters.map((topic) => ({ topic, qos: 0 as const })),
    })
    await sleep(10_000)
    link(stalled).resume()
    await stalled.has(60, 30_000)
    await sleep(3_000)
    // The client has sent nothing that says what it has read.
    expect(stalled.messages.length * MEGABYTE).toBeLessThan(SOCKET_UNREAD_BYTES_MAX + 2 * MEGABYTE)
    await stalled.ping()
    await stalled.has(all.length, 30_000)
    expect(stalled.messages.map(({ topic }) => topic).sort()).toEqual(all.sort())
    expect(stalled.messages.every(({ retain }) => retain)).toBe(true)
    stalled.drop()
  })

  it('of 150 roots, more than 10,000, all come to a subscriber of a wide filter (case 26)', {
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

describe('retained messages in another region than their home', () => {
  allComeTo('us')
  comeOnReturnTo('us')
})
