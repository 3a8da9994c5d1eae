// Clients with wide filters that move between two regions while both publish: what is just then on its way comes after them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client, type Got } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System
beforeAll(async () => {
  system = await System.start()
}, SYSTEM_START_MS)
afterAll(() => system.stop())

const KEPT = { clean: false, properties: { sessionExpiryInterval: 3600 } }
const REGIONS = ['eu', 'us'] as const
const OTHER = { eu: 'us', us: 'eu' } as const
const MOVES = 8
const MESSAGES_PER_STAY = 100
const CATCH_UP_MS = 30_000
const TEST_MS = 120_000

interface Sent {
  readonly topic: string
  readonly text: string
}

function missing(sent: readonly Sent[], got: readonly Got[]): string[] {
  const known = new Set(got.map(({ topic, text }) => `${topic} ${text}`))
  return sent.map(({ topic, text }) => `${topic} ${text}`).filter((one) => !known.has(one))
}

/** Numbers of first deliveries, by topic and publisher, in the order in which they came on whichever connection. */
function firsts(got: readonly Got[]): Map<string, number[]> {
  const flows = new Map<string, number[]>()
  const seen = new Set<string>()
  for (const { topic, text } of got.toSorted((a, b) => a.at - b.at)) {
    if (seen.has(`${topic} ${text}`)) continue
    seen.add(`${topic} ${text}`)
    const [publisher, number] = text.split(' ')
    const key = `${topic} of ${publisher}`
    flows.set(key, [...(flows.get(key) ?? []), Number(number)])
  }
  return flows
}

/** Tries until it is let in: with its last move not yet finished it is refused. */
async function connect(region: string, id: string): Promise<Client> {
  const end = Date.now() + CATCH_UP_MS
  for (;;) {
    const client = await Client.begin(system, region, id, KEPT)
    await until(() => client.connects > 0 || client.errors.length > 0, CATCH_UP_MS)
    if (client.connects > 0) return client
    if (Date.now() > end) throw client.errors[0]
    client.mqtt.end(true)
  }
}

describe('clients with wide filters that move between eu and us', () => {
  // Two that meet wait for each other's deliveries, up to a fence's bound; what then comes late is out of order.
  it.each([
    ['one gets all that was acknowledged meanwhile, each publisher’s of a topic in order', ['eu'] as const],
    ['two that cross get all that was acknowledged meanwhile', REGIONS],
  ])('%s', { timeout: TEST_MS }, async (_, from) => {
    const roamers = from.map((region) => ({
      id: `wide-roamer-${region}-of-${from.length}`,
      region: region as 'eu' | 'us',
      clients: [] as Client[],
    }))
    for (const { id, region, clients } of roamers) {
      const client = await connect(region, id)
      await client.subscribe('+/+/x')
      clients.push(client)
    }
    const acknowledged: Sent[] = []
    let running = true
    const flow = async (home: string, lane: number) => {
      const id = `flow-${from.length}-${home}-${lane}`
      const publisher = await Client.connect(system, home, id)
      const topics = [`devices/${id}/x`, `roads/${lane}/x`, `roads/of-${home}-${lane}/x`]
      for (let n = 0; running; n++) {
        await Promise.all(
          topics.map(async (topic) => {
            const text = `${id} ${n}`
            await publisher.publish(topic, text)
            acknowledged.push({ topic, text })
          }),
        )
      }
      await publisher.end()
    }
    const flows = REGIONS.flatMap((home) => [flow(home, 0), flow(home, 1)])
    try {
      for (let move = 0; move < MOVES; move++) {
        const before = acknowledged.length
        await until(() => acknowledged.length >= before + MESSAGES_PER_STAY)
        await Promise.all(
          roamers.map(async (roamer) => {
            // Half the time it leaves; else it is found to be somewhere else, with the old connection still open.
            if (move % 2 === 0) await roamer.clients.at(-1)?.end()
            roamer.region = OTHER[roamer.region]
            roamer.clients.push(await connect(roamer.region, roamer.id))
          }),
        )
      }
      const before = acknowledged.length
      await until(() => acknowledged.length >= before + MESSAGES_PER_STAY)
    } finally {
      running = false
      await Promise.all(flows)
    }
    expect(acknowledged.length).toBeGreaterThan(500)
    for (const { clients } of roamers) {
      const got = () => clients.flatMap((client) => client.got)
      await until(() => missing(acknowledged, got()).length === 0, CATCH_UP_MS).catch(() => undefined)
      expect(missing(acknowledged, got())).toEqual([])
      for (const [flowOf, numbers] of from.length > 1 ? [] : firsts(got())) {
        expect(numbers, flowOf).toEqual(numbers.toSorted((a, b) => a - b))
      }
      await clients.at(-1)?.end()
    }
  })

  it('gets what lay in the outbox of the region that it comes to, for the region that it left', {
    timeout: TEST_MS,
  }, async () => {
    const before = await Client.connect(system, 'eu', 'wide-leaver', KEPT)
    await before.subscribe('outbox/+/x')
    // The filter is known in us already: then nothing but the fence holds the move up.
    const stays = await Client.connect(system, 'us', 'wide-stays')
    await stays.subscribe('outbox/+/x')
    const publisher = await Client.connect(system, 'us', 'to-leaver')
    await publisher.publish('outbox/a/x', 'first')
    await before.has(1)
    await before.end()
    await system.kill('core')
    await until(async () => !(await system.serves('core')))
    const texts = Array.from({ length: 30 }, (_, i) => String(i))
    for (const text of texts) await publisher.publish('outbox/a/x', text)
    await until(() => system.serves('core'), SYSTEM_START_MS)

    const after = await Client.begin(system, 'us', 'wide-leaver', { ...KEPT, reconnectPeriod: 200 })
    await after.has(texts.length, CATCH_UP_MS)
    expect(after.texts.slice(0, texts.length)).toEqual(texts)
    for (const client of [after, stays, publisher]) await client.end()
  })
})
