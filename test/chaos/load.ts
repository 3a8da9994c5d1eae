// The clients of a chaos run: who publishes and subscribes where, who roams, who races, and what each does all the time.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random/random.ts'
import { ChaosClient, type ClientEvents, type ClientOptions } from './client.ts'
import type { Ledger, ReceiverKind, Stream } from './ledger.ts'
import { Racer } from './racer.ts'
import type { Seconds } from './seconds.ts'
import type { World } from './world.ts'

const TICK_MS = 100
const WINDOW = 60
const PUBLISHERS_OF_REGION = 4
const DEVICES_OF_REGION = 4
const ROOMS = 4
const RACERS = 2
const ROAM_EVERY_MS = 4_000

interface Way {
  readonly stream: Stream
  readonly topic: string
}

interface Publisher {
  readonly client: ChaosClient
  readonly ways: Way[]
  turn: number
  /** Messages due, a fraction carried over. */
  due: number
  readonly rate: number
}

export interface LoadOptions {
  /** Messages a second, of all publishers. */
  readonly rate: number
  readonly roamers: number
}

/** An acknowledgement of this publisher: when its message was published, and when it came. */
export type AcknowledgementListener = (publisher: string, sentAt: number, at: number) => void

export class Load {
  readonly racers: Racer[] = []
  readonly refusals: Record<string, number> = {}
  readonly notes: { readonly client: string; readonly at: number; readonly what: string }[] = []
  readonly sessionsLost: { readonly client: string; readonly at: number }[] = []
  readonly #world: World
  readonly #ledger: Ledger
  readonly #seconds: Seconds
  readonly #random: Random
  readonly #clients: ChaosClient[] = []
  readonly #publishers: Publisher[] = []
  readonly #roamers: ChaosClient[] = []
  readonly #onAcknowledged: AcknowledgementListener
  #running = true
  #work: Promise<unknown>[] = []

  constructor(
    world: World,
    ledger: Ledger,
    seconds: Seconds,
    random: Random,
    onAcknowledged: AcknowledgementListener,
  ) {
    this.#world = world
    this.#ledger = ledger
    this.#seconds = seconds
    this.#random = random
    this.#onAcknowledged = onAcknowledged
  }

  get publishers(): string[] {
    return this.#publishers.map(({ client }) => client.id)
  }

  /** All subscriptions stand when it resolves. */
  async start({ rate, roamers }: LoadOptions): Promise<void> {
    const { regions } = this.#world
    const subscriptions: Promise<void>[] = []
    const subscribe = (client: ChaosClient, root: string, filter: string, qos: 1 | 2, as = client.id) => {
      const kind: ReceiverKind = filter.startsWith('$share') ? 'shared' : this.#kindOf(client)
      const receiver = this.#ledger.receiver(as, kind)
      subscriptions.push(
        client.subscribe(filter, qos).then((at) => {
          receiver.since.set(root, Math.max(at, receiver.since.get(root) ?? 0))
        }),
      )
    }
    for (const region of regions) {
      for (let i = 0; i < DEVICES_OF_REGION; i++) {
        const slow = i === DEVICES_OF_REGION - 1 ? { ackAfterMs: 300 } : {}
        const device = await this.#client(`dev-${region}-${i}`, {
          region,
          version: i % 2 === 0 ? 5 : 4,
          ...slow,
        })
        subscribe(device, `devices/${device.id}`, `devices/${device.id}/#`, 1)
        if (i < ROOMS) subscribe(device, `rooms/c${i}`, `rooms/c${i}/#`, 1)
      }
      const member = await this.#client(`member-${region}`, { region, version: 5 })
      subscribe(member, 'rooms/shared', '$share/g/rooms/shared/x', 1, 'group')
      const twice = await this.#client(`once-${region}`, { region, version: 5 })
      subscribe(twice, `devices/${twice.id}`, `devices/${twice.id}/#`, 2)
    }
    const wide = await this.#client('wide', { region: regions.at(-1) ?? '', version: 5 })
    subscriptions.push(
      wide.subscribe('rooms/+/x', 1).then((at) => {
        for (let i = 0; i < ROOMS; i++) this.#ledger.receiver('wide', 'settled').since.set(`rooms/c${i}`, at)
      }),
    )
    for (let i = 0; i < roamers; i++) {
      const roamer = await this.#client(`roamer-${i}`, {
        region: regions[i % regions.length] ?? '',
        version: 5,
      })
      this.#roamers.push(roamer)
      subscribe(roamer, `devices/${roamer.id}`, `devices/${roamer.id}/#`, 1)
      subscribe(roamer, 'rooms/c0', 'rooms/c0/#', 1)
    }
    await this.#makePublishers(rate, roamers)
    for (let i = 0; i < RACERS; i++) this.racers.push(new Racer(this.#world, `racer-${i}`, this.#random))
    await Promise.all(subscriptions)
  }

  run(): void {
    this.#work = [
      ...this.#publishers.map((publisher) => this.#publish(publisher)),
      this.#roam(),
      ...this.racers.map((racer) => racer.run(() => this.#running)),
    ]
  }

  /** No further message, move or race. */
  async quiet(): Promise<void> {
    this.#running = false
    await Promise.all(this.#work)
  }

  end(): void {
    this.#running = false
    for (const client of this.#clients) client.stop()
    for (const racer of this.racers) racer.end()
  }

  async #makePublishers(rate: number, roamers: number): Promise<void> {
    const { regions } = this.#world
    const each = rate / (regions.length * PUBLISHERS_OF_REGION)
    for (const [r, region] of regions.entries()) {
      const other = regions[(r + 1) % regions.length] ?? region
      for (let i = 0; i < PUBLISHERS_OF_REGION; i++) {
        const roots = [
          `rooms/c${i % ROOMS}`,
          `devices/dev-${other}-${i % DEVICES_OF_REGION}`,
          ...(roamers > 0 ? [`devices/roamer-${i % roamers}`] : []),
          `devices/dev-${other}-${(i + 1) % DEVICES_OF_REGION}`,
        ]
        await this.#publisher(`pub-${region}-${i}`, region, i % 2 === 0 ? 4 : 5, roots, 1, each)
      }
      await this.#publisher(`pub-shared-${region}`, region, 5, ['rooms/shared'], 1, 10)
      await this.#publisher(`pub-once-${region}`, region, 5, [`devices/once-${other}`], 2, 10)
    }
  }

  async #publisher(
    id: string,
    region: string,
    version: 4 | 5,
    roots: readonly string[],
    qos: 1 | 2,
    rate: number,
  ): Promise<void> {
    const client = await this.#client(id, { region, version })
    const ways = roots.map((root) => ({
      stream: this.#ledger.stream(id, region, root, qos),
      topic: `${root}/x`,
    }))
    this.#publishers.push({ client, ways, turn: 0, due: 0, rate })
  }

  async #publish(publisher: Publisher): Promise<void> {
    const { client, ways, rate } = publisher
    await sleep(this.#random.between(0, TICK_MS))
    while (this.#running) {
      // What could not be sent in its time is not made up for.
      publisher.due = Math.min(publisher.due + (rate * TICK_MS) / 1000, rate)
      while (publisher.due >= 1 && client.open < WINDOW) {
        publisher.due--
        const way = ways[publisher.turn++ % ways.length] as Way
        this.#send(client, way)
      }
      await sleep(TICK_MS)
    }
  }

  #send(client: ChaosClient, { stream, topic }: Way): void {
    const sentAt = Date.now()
    const { sequence, payload } = this.#ledger.sent(stream, sentAt)
    client.publish(topic, payload, stream.qos, (code) => {
      const at = Date.now()
      this.#ledger.answered(stream, sequence, code, at)
      this.#seconds.answered(at, at - sentAt, code < 0x80)
      if (code < 0x80) this.#onAcknowledged(client.id, sentAt, at)
    })
  }

  async #roam(): Promise<void> {
    for (let turn = 0; this.#running && this.#roamers.length > 0; turn++) {
      await sleep(this.#random.between(0.5, 1.5) * ROAM_EVERY_MS)
      const roamer = this.#roamers[turn % this.#roamers.length]
      if (roamer === undefined || !this.#running) return
      const elsewhere = this.#world.regions.filter((region) => region !== roamer.region)
      roamer.move(this.#random.pick(elsewhere), this.#random.next() < 0.5)
    }
  }

  #kindOf(client: ChaosClient): ReceiverKind {
    return client.id.startsWith('roamer') ? 'roaming' : 'settled'
  }

  async #client(id: string, options: ClientOptions): Promise<ChaosClient> {
    const receiverId = id.startsWith('member') ? 'group' : id
    const events: ClientEvents = {
      arrived: (_client, payload, _qos, on) => {
        const at = Date.now()
        this.#seconds.arrived(at)
        this.#ledger.arrived(this.#ledger.receiver(receiverId, 'settled'), payload, at, on)
      },
      refused: (what, code) => {
        const name = `${what} 0x${code.toString(16)}`
        this.refusals[name] = (this.refusals[name] ?? 0) + 1
      },
      noted: (client, what) => {
        this.notes.push({ client: client.id, at: Date.now(), what })
      },
      sessionLost: (client) => this.sessionsLost.push({ client: client.id, at: Date.now() }),
    }
    const client = new ChaosClient(this.#world, id, options, events)
    this.#clients.push(client)
    await client.start()
    return client
  }
}
