// From a seed to a world, what its clients do, and what goes wrong; and to the verdict on what they saw.

import { createHash } from 'node:crypto'
import { MOVE_PAGE_BYTES_MAX } from '../../actors/limits.ts'
import type { RegionId } from '../../src/id/ids.ts'
import type { QoS } from '../../src/mqtt/packet.ts'
import { QUEUE_MEMORY_BYTES_MAX, QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { Random } from '../random/random.ts'
import { judge } from './checks.ts'
import { SimClient } from './client.ts'
import { BESIDES_RESTORE, FAULT_KINDS, type FaultKind, Faults, FULL_DISKS, RESTORE } from './faults.ts'
import { refused } from './history.ts'
import { keptHasAll } from './history-check.ts'
import { everythingSynced } from './synced-check.ts'
import { AWAY_MS_MAX, type Breach, World, type WorldSettings } from './world.ts'

const REGIONS = ['eu', 'us', 'ap'] as RegionId[]
const DRAIN_MS = 150_000

export interface Outcome {
  readonly seed: number
  readonly breaches: readonly Breach[]
  readonly notes: readonly string[]
  readonly events: number
  readonly published: number
  readonly delivered: number
  /** With QoS 1 or 2, and told so. */
  readonly refused: number
  /** How often a directory that had gone back was put right. */
  readonly putRight: number
  readonly kinds: readonly FaultKind[]
  readonly faults: number
  readonly hash: string
}

/** What is besides the usual in a run. */
interface Kind {
  /** The seeds from here on, up to the next kind's. */
  readonly from: number
  /** Clients have wide filters too. */
  readonly wide?: true
  /** Clients' connections are told, and somebody in each region watches that. */
  readonly presence?: true
  readonly history?: true
  /** Clients update shadows. */
  readonly shadows?: true
  /** Most messages are retained ones of clients' own roots, and regions are lost one after the other. */
  readonly retained?: true
  /** Queues and outboxes are small, and clients stay away for longer: they fill. */
  readonly full?: true
  /** The directory goes back in time. */
  readonly restored?: true
  /** Sessions end soon after their connections, and regions are lost one after the other. */
  readonly short?: true
  /** Half of the clients speak 3.1.1, where a refusal closes the connection, and disks are full for a while. */
  readonly old?: true
  /** Queues fill and drop their oldest; outboxes fill. */
  readonly drops?: true
}

export const WIDE_SEEDS_FROM = 1_000_000
export const PRESENCE_SEEDS_FROM = 2_000_000
export const SHADOW_SEEDS_FROM = 3_000_000
export const RETAINED_SEEDS_FROM = 4_000_000
export const FULL_SEEDS_FROM = 5_000_000
export const HISTORY_SEEDS_FROM = 6_000_000
export const RESTORED_SEEDS_FROM = 7_000_000
export const SHORT_SEEDS_FROM = 8_000_000
export const OLD_SEEDS_FROM = 9_000_000
export const DROP_SEEDS_FROM = 10_000_000

const USUAL: Kind = { from: 0 }
const KINDS: readonly Kind[] = [
  USUAL,
  { from: WIDE_SEEDS_FROM, wide: true },
  { from: PRESENCE_SEEDS_FROM, presence: true },
  { from: SHADOW_SEEDS_FROM, wide: true, shadows: true },
  { from: RETAINED_SEEDS_FROM, retained: true },
  { from: FULL_SEEDS_FROM, full: true },
  { from: HISTORY_SEEDS_FROM, history: true },
  { from: RESTORED_SEEDS_FROM, restored: true },
  { from: SHORT_SEEDS_FROM, short: true },
  { from: OLD_SEEDS_FROM, old: true },
  { from: DROP_SEEDS_FROM, drops: true },
]

/** States of a few messages move in several pages in two of three runs. */
const PAGE_BYTES = [MOVE_PAGE_BYTES_MAX, 400, 60] as const

/** Waiting deliveries are in storage but for one, or all in memory. */
const QUEUE_MEMORY_BYTES = [QUEUE_MEMORY_BYTES_MAX, 60] as const

/** Room for a few messages: a burst is refused in part. */
const FEW_BYTES = 1_000

function settingsOf({ presence, history, full, drops }: Kind, seed: number): Partial<WorldSettings> {
  const whenFull = drops === true ? 'drop-oldest' : 'refuse'
  const queue = {
    messagesMax: full || drops ? 3 : QUEUE_MESSAGES_MAX,
    whenFull: full || drops ? whenFull : 'drop-oldest',
    memoryBytesMax: QUEUE_MEMORY_BYTES[seed % QUEUE_MEMORY_BYTES.length] ?? QUEUE_MEMORY_BYTES_MAX,
  } as const
  const bounds = (full || drops) && { outboxMessagesMax: 9, memoryBytesMax: FEW_BYTES }
  const pageBytesMax = PAGE_BYTES[seed % PAGE_BYTES.length] ?? MOVE_PAGE_BYTES_MAX
  return { presence: presence === true, history: history === true, pageBytesMax, queue, ...bounds }
}

/** When clients move besides, so that the directory has something to forget, and somebody asks it afterwards. */
const RESTORED_MOVES_MS = [
  [1_500, 6_500],
  [16_500, 23_500],
] as const

/** For how long clients work and things go wrong. */
function workMsOf({ retained, restored, short }: Kind): number {
  return retained || restored || short ? 24_000 : 12_000
}

const SHORT_EXPIRY_SECONDS = 5

export interface Settings {
  /** Every call in the notes. */
  readonly verbose?: boolean
  /** What goes wrong, instead of what the seed says. */
  readonly kinds?: readonly FaultKind[]
}

export async function runSeed(seed: number, { verbose = false, kinds }: Settings = {}): Promise<Outcome> {
  const random = new Random(seed)
  const kind = KINDS.findLast(({ from }) => seed >= from) ?? USUAL
  const faults = new Faults(random, kinds === undefined ? faultsOf(kind, random) : new Set(kinds))
  const regions = REGIONS.slice(0, 2 + random.int(2))
  const workMs = workMsOf(kind)
  const world = new World(random, faults, regions, 1 + random.int(2), settingsOf(kind, seed), verbose)
  try {
    if (kind.short) world.sessionExpirySeconds = SHORT_EXPIRY_SECONDS
    const work = new Work(world, kind)
    work.plan()
    if (kind.presence) work.watch()
    faults.plan(world, workMs, kind.retained || kind.short ? { 'region losses': 3_000 } : {})
    await world.run(workMs)
    faults.heal(world)
    work.settle()
    await world.run(workMs + DRAIN_MS)
    judge(world)
    await keptHasAll(world)
  } catch (cause) {
    world.breach('error', `the run failed: ${String((cause as Error).stack)}`)
  } finally {
    world.end()
  }
  return {
    seed,
    breaches: world.breaches,
    notes: world.notes,
    events: world.scheduler.events,
    published: world.history.published.length,
    delivered: world.history.delivered.length,
    refused: world.history.published.filter(refused).length,
    putRight: world.putRight,
    kinds: [...faults.kinds],
    faults: [...faults.counts.values()].reduce((sum, n) => sum + n, 0),
    hash: createHash('sha256').update(world.notes.join('\n')).digest('hex'),
  }
}

function faultsOf({ restored, short, old }: Kind, random: Random): ReadonlySet<FaultKind> {
  if (short) return new Set(['region losses', 'client drops', ...someFaults(random)])
  if (old) return new Set([FULL_DISKS, ...someFaults(random)])
  if (!restored) return someFaults(random)
  const share = random.between(0, 0.6)
  return new Set([RESTORE, 'roam', ...BESIDES_RESTORE.filter(() => random.chance(share))])
}

/** Each run has some kinds of faults and not others, so that they do not hide one another; some runs have none. */
function someFaults(random: Random): ReadonlySet<FaultKind> {
  if (random.chance(0.1)) return new Set()
  if (random.chance(0.25)) return new Set([random.pick(FAULT_KINDS), random.pick(FAULT_KINDS)])
  const share = random.between(0.1, 0.6)
  return new Set(FAULT_KINDS.filter(() => random.chance(share)))
}

class Work {
  private readonly world: World
  private readonly kind: Kind
  private readonly topics: string[] = []

  constructor(world: World, kind: Kind) {
    this.world = world
    this.kind = kind
  }

  plan(): void {
    const { random, faults } = this.world
    const regions = [...this.world.regions.keys()]
    const count = 3 + random.int(4)
    for (let i = 0; i < count; i++) {
      this.world.clients.push(
        new SimClient(this.world, `c${i}`, random.pick(regions), {
          version: this.kind.old && random.chance(0.5) ? 4 : 5,
          kept: random.chance(0.75),
          ackDelayMs: random.chance(0.7) ? 0 : random.between(10, 1_500),
          receiveMaximum: random.chance(0.8) ? 100 : 1 + random.int(4),
          will: random.chance(0.15),
        }),
      )
    }
    if (this.kind.full || this.kind.drops) this.world.awayMsMax = 8_000
    this.world.wander = ({ region }) => {
      if (faults.has('roam') && random.chance(0.3)) return random.pick(regions)
      const { up, frozen } = this.world.region(region)
      return faults.has('region losses') && (!up || frozen) ? random.pick(regions) : region
    }
    if (!this.kind.retained)
      for (const room of [1, 2]) this.topics.push(`rooms/${room}/x`, `rooms/${room}/y/z`)
    for (const { id } of this.world.clients) this.topics.push(`devices/${id}/cmd`)
    if (this.kind.shadows) for (const id of this.devices()) this.topics.push(`devices/${id}/shadow/update`)
    for (const client of this.world.clients) this.planClient(client)
  }

  /** In one region by each client's own filter, in the others by a wide one. */
  watch(): void {
    const clients = this.world.clients.map(({ id }) => `presence/${id}`)
    for (const [i, region] of [...this.world.regions.keys()].entries()) {
      const watcher = new SimClient(this.world, `watch-${region}`, region, {
        version: 5,
        kept: true,
        ackDelayMs: 0,
        receiveMaximum: 100,
        will: false,
      })
      this.world.clients.push(watcher)
      watcher.subscribe(i === 0 ? clients : ['presence/+'], 1)
      watcher.connect()
    }
  }

  /** Nothing goes wrong any more: every client comes back, and what waits reaches it. */
  settle(): void {
    const { random, scheduler, clients } = this.world
    this.world.wander = ({ region }) => region
    this.world.awayMsMax = AWAY_MS_MAX
    for (const client of clients) {
      scheduler.after(random.between(0, 5_000), null, () => {
        if (!client.busy) client.connect()
      })
    }
    scheduler.after(100_000, null, () => this.probe())
  }

  /** Somebody new in each region asks for what is retained. */
  private probe(): void {
    everythingSynced(this.world)
    for (const region of this.world.regions.keys()) {
      const probe = new SimClient(this.world, `probe-${region}`, region, {
        version: 5,
        kept: false,
        ackDelayMs: 0,
        receiveMaximum: 100,
        will: false,
      })
      this.world.clients.push(probe)
      const absent = this.kind.shadows ? ['devices/absent/#'] : []
      probe.subscribe(['rooms/1/#', 'rooms/2/#', ...this.deviceFilters(), ...absent], 1)
      probe.connect()
      if (!this.kind.shadows) continue
      this.world.scheduler.after(5_000, null, () => {
        for (const id of this.devices()) probe.publish(`devices/${id}/shadow/get`, 1, false, 0)
      })
    }
  }

  /** Those that connect, and one that never does: nobody wakes its actor but its own alarm. */
  private devices(): string[] {
    return [...this.world.clients.map(({ id }) => id), 'absent']
  }

  private deviceFilters(): string[] {
    return this.topics
      .filter((topic) => topic.startsWith('devices/') && topic.endsWith('/cmd'))
      .map((topic) => topic.replace('cmd', '#'))
  }

  private planClient(client: SimClient): void {
    const { random, scheduler, faults } = this.world
    const at = (ms: number, act: () => void) => scheduler.after(ms, null, act)
    const regions = [...this.world.regions.keys()]
    const own = `devices/${client.id}/#`
    const filters =
      this.kind.wide && random.chance(0.3)
        ? [own, 'rooms/+/x', '$share/h/rooms/+/y/z']
        : [own, 'rooms/1/#', 'rooms/2/#', 'rooms/1/x', '$share/g/rooms/2/#']
    at(random.between(0, 1_500), () => {
      for (const filter of filters) {
        if (random.chance(filter === own ? 0.9 : filter.startsWith('$share') ? 0.35 : 0.5))
          client.subscribe([filter], this.qos())
      }
      client.connect()
    })
    const others = this.deviceFilters()
    if (random.chance(0.3)) at(random.between(2_000, 8_000), () => client.subscribe([random.pick(others)], 1))
    if (random.chance(0.2)) at(random.between(3_000, 10_000), () => client.unsubscribe(random.pick(filters)))
    if (random.chance(0.3))
      at(random.between(3_000, 10_000), () => client.subscribe([random.pick(filters)], this.qos()))
    const later = workMsOf(this.kind) - workMsOf(USUAL)
    const bursts = 2 + random.int(6)
    for (let i = 0; i < bursts; i++) {
      const topic = random.pick(this.topics)
      const qos = this.qos()
      const retain = random.chance(this.kind.retained ? 0.8 : 0.1) && !topic.endsWith('/shadow/update')
      const expirySeconds = random.chance(0.1) ? 1 + random.int(5) : 0
      // What is published to another root meanwhile may be acknowledged later than what comes behind it.
      const between = this.kind.old ? random.pick(this.topics) : topic
      let when = random.between(1_500, 11_500 + later)
      for (let n = 1 + random.int(6); n > 0; n--) {
        const to = n % 2 === 0 ? between : topic
        at(when, () => client.publish(to, qos, retain, expirySeconds))
        when += random.chance(0.6) ? random.between(0, 5) : random.between(5, 400)
      }
    }
    if (faults.has('roam')) {
      for (let i = random.int(4); i > 0; i--) {
        at(random.between(2_000, 11_000), () => this.move(client, random.pick(regions)))
      }
      if (random.chance(0.2)) {
        at(random.between(2_000, 11_000), () => {
          faults.count('roam')
          client.connect(random.pick(regions))
          client.connect(random.pick(regions))
        })
      }
    }
    if (this.kind.restored)
      for (const [from, until] of RESTORED_MOVES_MS)
        for (let i = random.int(3); i > 0; i--)
          at(random.between(from, until), () => this.move(client, random.pick(regions)))
    if (faults.has('client drops') && random.chance(0.15))
      at(random.between(4_000, 11_000), () => client.connect(client.region, true))
  }

  /** Half leave first; the others are found to be somewhere else, with the old connection still open. */
  private move(client: SimClient, to: RegionId): void {
    const { random, faults } = this.world
    faults.count('roam')
    const manner = random.next()
    if (manner < 0.3) {
      client.region = to
      client.disconnect()
    } else if (manner < 0.5) {
      client.region = to
      client.current?.hangUp(random.between(10, 3_000))
    } else {
      client.connect(to)
    }
  }

  private qos(): QoS {
    return this.world.random.pick([0, 1, 1, 1, 2, 2] as const)
  }
}
