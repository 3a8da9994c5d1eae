// States of more than a call may carry move to another region: page by page, also when a process dies between two pages.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, type ConnectOptions } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

const MEGABYTE = 1_000_000
const KEPT: ConnectOptions = {
  clean: false,
  properties: { sessionExpiryInterval: 3600 },
  connectTimeout: 60_000,
}
const RETAINED = { qos: 1, retain: true } as const

let system: System
beforeAll(async () => {
  // Longer than a killed process takes to be there again on a busy machine.
  system = await System.start({ failOverAfterMs: 60_000 })
}, SYSTEM_START_MS)
afterAll(() => system.stop())

/** A text that says which one it is, of so many bytes. */
function textOf(name: string, bytes: number): string {
  return `${name} `.padEnd(bytes, 'x')
}

function nameOf(text: string): string {
  return text.slice(0, text.indexOf(' '))
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(5, '0')}`)
}

/** Publishes side by side, but no more at once than the server must hold for one client. */
async function publishAll(
  client: Client,
  topics: readonly string[],
  bytes: number,
  options: { qos: 1; retain?: boolean },
): Promise<void> {
  const abreast = Math.max(1, Math.min(64, Math.floor(MEGABYTE / bytes)))
  for (let i = 0; i < topics.length; i += abreast)
    await Promise.all(
      topics
        .slice(i, i + abreast)
        .map((topic) => client.publish(topic, textOf(topic.split('/').at(-1) ?? '', bytes), options)),
    )
}

/** Tries until a region lets it in. */
async function connect(region: string, id: string, options: ConnectOptions = KEPT): Promise<Client> {
  for (;;) {
    const client = await Client.begin(system, region, id, options)
    const admitted = await until(() => client.connects > 0 || client.errors.length > 0, 60_000).then(
      () => client.connects > 0,
      () => false,
    )
    if (admitted) return client
    client.mqtt.end(true)
    await sleep(300)
  }
}

/** Each retained message by a subscription of its own, so that no answer is large. */
async function retainedThere(client: Client, topics: readonly string[], bytes: number): Promise<void> {
  const before = client.got.length
  for (let i = 0; i < topics.length; i += 16)
    await Promise.all(topics.slice(i, i + 16).map((topic) => client.subscribe(topic)))
  await client.has(before + topics.length, 60_000)
  const got = client.got.slice(before)
  expect(got.map(({ text }) => nameOf(text)).sort()).toEqual(
    topics.map((topic) => topic.split('/').at(-1)).sort(),
  )
  expect(got.every(({ text, packet }) => text.length === bytes && packet.retain)).toBe(true)
}

describe('a client whose state is larger than a call', () => {
  it.each([
    ['26 retained messages of 1 MB', 'a', 26, MEGABYTE],
    ['25 retained messages of 1,024,000 bytes', 'b', 25, 1_024_000],
    ['9,000 retained messages of 2,750 bytes', 'c', 9_000, 2_750],
  ])('moves to another region with %s, and back', { timeout: 300_000 }, async (_, id, count, bytes) => {
    const device = await connect('eu', id)
    await device.end()
    const publisher = await Client.connect(system, 'eu', `publisher-${id}`)
    const topics = names('retained', count).map((name) => `devices/${id}/${name}`)
    await publishAll(publisher, topics, bytes, RETAINED)
    await publisher.end()
    const some = topics.filter((_, i) => i % Math.ceil(count / 100) === 0)
    const moved = await Client.connect(system, 'us', id, KEPT)
    expect(moved.sessionPresent).toBe(true)
    await retainedThere(moved, some, bytes)
    const others = await Client.connect(system, 'eu', `reader-${id}`)
    await retainedThere(others, some, bytes)
    await moved.end()
    const back = await Client.connect(system, 'eu', id, KEPT)
    expect(back.sessionPresent).toBe(true)
    await back.end()
    await others.end()
  })

  it('moves with a full queue and retained messages while processes are killed between pages: nothing is lost or out of order', {
    timeout: 400_000,
  }, async () => {
    const id = 'killed'
    const device = await connect('eu', id)
    expect(await device.subscribe('work/killed/#')).toEqual([1])
    await device.end()
    const publisher = await Client.connect(system, 'eu', 'publisher-killed')
    const retained = names('retained', 20).map((name) => `devices/${id}/${name}`)
    await publishAll(publisher, retained, MEGABYTE, RETAINED)
    const queued = names('queued', 64).map((name) => `work/killed/${name}`)
    await publishAll(publisher, queued, 250_000, { qos: 1 })
    await publisher.end()
    let region = 'us'
    for (const part of ['us', 'eu', 'core', 'us']) {
      const moving = await Client.begin(system, region, id, KEPT)
      await sleep(400)
      await system.killAndWait(part)
      moving.mqtt.end(true)
    }
    const moved = await connect(region, id)
    expect(moved.sessionPresent).toBe(true)
    await moved.has(queued.length, 120_000)
    await retainedThere(moved, retained, MEGABYTE)
    const order = moved.got.filter(({ topic }) => topic.startsWith('work/')).map(({ text }) => nameOf(text))
    expect([...new Set(order)]).toEqual(queued.map((topic) => topic.split('/').at(-1)))
    await moved.end()
    region = 'eu'
    const back = await connect(region, id)
    expect(back.sessionPresent).toBe(true)
    await back.end()
  })

  it('is served by its home while its state is copied', { timeout: 300_000 }, async () => {
    const id = 'served'
    const device = await connect('eu', id)
    await device.subscribe(`devices/${id}/cmd`)
    const publisher = await Client.connect(system, 'eu', 'publisher-served')
    const retained = names('retained', 30).map((name) => `devices/${id}/${name}`)
    await publishAll(publisher, retained, MEGABYTE, RETAINED)
    let running = true
    const sent: string[] = []
    const publishing = (async () => {
      for (let i = 0; running; i++) {
        const text = `live-${i} `
        await publisher.publish(`devices/${id}/cmd`, text)
        sent.push(text)
        await sleep(5)
      }
    })()
    const moved = await Client.connect(system, 'us', id, KEPT)
    const copied = sent.length
    running = false
    await publishing
    expect(copied).toBeGreaterThan(10)
    await until(() => device.got.length + moved.got.length >= sent.length, 30_000)
    const texts = new Set([...device.texts, ...moved.texts])
    expect(sent.filter((text) => !texts.has(text))).toEqual([])
    await publisher.end()
    await moved.end()
  })
})
