// Clients that move between two regions all the time, while publishers run in both, and processes are killed or hang.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from './client.ts'
import { SYSTEM_START_MS, System, until } from './system.ts'

let system: System

const KEPT = { clean: false, reconnectPeriod: 200, properties: { sessionExpiryInterval: 3600 } }
const ROAMERS = 6
/** So many messages are published, however long that takes. */
const COUNT_MIN = 500

/** What befalls the system again and again. */
interface Trouble {
  readonly name: string
  readonly everyMs: number
  readonly runMs: number
  readonly catchUpMs: number
  /** What an old home had yet comes late: after what was published since. */
  readonly inOrder: boolean
  /** When a region that is silent is taken for lost. */
  readonly failOverAfterMs: number
  /** @param i how often it has happened before */
  readonly happen: (i: number) => Promise<void>
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'while processes are killed',
    everyMs: 6_000,
    runMs: 20_000,
    catchUpMs: 40_000,
    inOrder: true,
    // Longer than a process takes to be there again on a busy machine.
    failOverAfterMs: 60_000,
    happen: (i) => system.kill(['eu', 'core', 'us'][i % 3] as string),
  },
  {
    name: 'while regions fall silent',
    everyMs: 5_000,
    runMs: 40_000,
    // The regions are asked for what is late ever less often while they are away.
    catchUpMs: 120_000,
    inOrder: false,
    failOverAfterMs: 3_000,
    happen: async (i) => {
      const thaw = await system.freeze(['eu', 'us'][i % 2] as string)
      await sleep(7_000)
      thaw()
    },
  },
]

interface Roamer {
  readonly id: string
  region: 'eu' | 'us'
  /** Each connection that it had, the newest last. */
  readonly clients: Client[]
}

const room = (i: number) => `rooms/roaming-${i % 2}/x`

/** Tries until a region that is being started again lets it in. */
async function connect(region: string, id: string): Promise<Client> {
  for (;;) {
    const client = await Client.begin(system, region, id, KEPT)
    const admitted = await until(() => client.connects > 0 || client.errors.length > 0, 5_000).then(
      () => client.connects > 0,
      () => false,
    )
    if (admitted) return client
    client.mqtt.end(true)
    await sleep(200)
  }
}

describe.each(TROUBLES)('clients that move between regions $name', (trouble) => {
  const { everyMs, runMs, catchUpMs, happen, inOrder, failOverAfterMs } = trouble
  beforeAll(async () => {
    system = await System.start({ failOverAfterMs })
  }, SYSTEM_START_MS)
  afterAll(() => system.stop())

  it('lose nothing that was acknowledged, and get each publisher’s messages in order, but for an old home’s remainder', {
    timeout: 420_000,
  }, async () => {
    const roamers: Roamer[] = []
    for (let i = 0; i < ROAMERS; i++) {
      const region = i % 2 === 0 ? 'eu' : 'us'
      const client = await connect(region, `roamer-${i}`)
      await client.subscribe(`devices/roamer-${i}/cmd`)
      await client.subscribe(room(i))
      roamers.push({ id: `roamer-${i}`, region, clients: [client] })
    }
    const acknowledged = new Map(roamers.map(({ id }) => [id, [] as string[]]))
    let running = true
    let count = 0
    const publish = async (region: string) => {
      const publisher = await connect(region, `publisher-${region}`)
      while (running) {
        const n = count++
        const text = `${region} ${n}`
        const toRoom = n % 5 === 0
        await publisher.publish(toRoom ? room(n) : `devices/roamer-${n % ROAMERS}/cmd`, text)
        roamers.forEach(({ id }, i) => {
          if (toRoom ? i % 2 === n % 2 : i === n % ROAMERS) acknowledged.get(id)?.push(text)
        })
        await sleep(5)
      }
      await publisher.end()
    }
    const roam = async () => {
      for (let i = 0; running; i++) {
        await sleep(700)
        const roamer = roamers[(i * 5) % ROAMERS] as Roamer
        const old = roamer.clients.at(-1) as Client
        // Half of them leave; the others are found to be somewhere else, with the old connection still open.
        if (i % 2 === 0) await old.end()
        else old.mqtt.options.reconnectPeriod = 0
        roamer.region = roamer.region === 'eu' ? 'us' : 'eu'
        roamer.clients.push(await connect(roamer.region, roamer.id))
      }
    }
    const disturb = async () => {
      for (let i = 0; running; i++) {
        await sleep(everyMs)
        if (running) await happen(i)
      }
    }
    const work = Promise.all([publish('eu'), publish('us'), roam(), disturb()])
    // A busy machine needs longer. A failure of the work ends the test at once.
    const enough = sleep(runMs).then(() => until(() => count > COUNT_MIN, 120_000))
    try {
      await Promise.race([work, enough])
    } finally {
      running = false
    }
    await work

    const texts = ({ clients }: Roamer) => clients.flatMap((client) => client.texts)
    const missing = () =>
      roamers.flatMap((roamer) => {
        const got = new Set(texts(roamer))
        return (acknowledged.get(roamer.id) ?? [])
          .filter((text) => !got.has(text))
          .map((text) => `${roamer.id}: ${text}`)
      })
    await until(() => missing().length === 0, catchUpMs).catch(() => undefined)
    expect(missing()).toEqual([])
    if (inOrder)
      for (const roamer of roamers) {
        for (const region of ['eu', 'us']) {
          // As they came, on whichever connection: an old one may have come back for a moment. Repeats aside.
          const own = roamer.clients
            .flatMap(({ got }) => got.filter(({ topic }) => topic.startsWith('devices/')))
            .sort((a, b) => a.at - b.at)
          const numbers = [...new Set(own.map(({ text }) => text))]
            .filter((text) => text.startsWith(region))
            .map((text) => Number(text.split(' ')[1]))
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        }
      }
    for (const { clients } of roamers) for (const client of clients) client.mqtt.end(true)
  })
})
