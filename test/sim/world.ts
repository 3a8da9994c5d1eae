// The simulated world: regions, pods of the core, clients and what happens between them, all from one seed.

import { ACTOR_MEMORY_BYTES_MAX, MOVE_PAGE_BYTES_MAX, OUTBOX_MESSAGES_MAX } from '../../actors/limits.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import type { QueueBound } from '../../src/session/queue-room.ts'
import type { Random } from '../random/random.ts'
import type { Life } from './actor.ts'
import type { SimClient } from './client.ts'
import type { Faults } from './faults.ts'
import { History } from './history.ts'
import { memoryWithinShare } from './memory-check.ts'
import { Pod } from './pod.ts'
import { SimRegion } from './region.ts'
import { BEGINNING, Scheduler } from './scheduler.ts'
import { type MemoryStore, memoryStore } from './store.ts'
import { Watch } from './watch.ts'

/** What may be violated: a promise, or that nothing fails in a way that nothing explains. */
export type Broken =
  | 'durable'
  | 'synced'
  | 'one home'
  | 'one order'
  | 'one connection'
  | 'subscribed'
  | 'cut off'
  | 'exactly once'
  | 'repeated'
  | 'shared'
  | 'retained'
  | 'kept'
  | 'presence'
  | 'expiry'
  | 'will'
  | 'memory'
  | 'contract'
  | 'error'

export interface Breach {
  readonly broken: Broken
  readonly what: string
}

export interface WorldSettings {
  /** Clients' presence is told. */
  readonly presence: boolean
  /** All messages are kept. */
  readonly history: boolean
  /** That may wait for one session, */
  readonly queue: QueueBound
  /** and in one uplink's outbox. */
  readonly outboxMessagesMax: number
  /** Bytes that one actor holds. */
  readonly memoryBytesMax: number
  /** Bytes of one page of a state that moves. */
  readonly pageBytesMax: number
}

const USUAL_SETTINGS: WorldSettings = {
  presence: false,
  history: false,
  queue: { messagesMax: QUEUE_MESSAGES_MAX, whenFull: 'drop-oldest' },
  outboxMessagesMax: OUTBOX_MESSAGES_MAX,
  pageBytesMax: MOVE_PAGE_BYTES_MAX,
  memoryBytesMax: ACTOR_MEMORY_BYTES_MAX,
}

export const AWAY_MS_MAX = 1_500

const SESSION_EXPIRY_SECONDS = 86_400

/** The clocks of regions, of the core's pods and of its store are off by at most this, each by its own. */
const CLOCK_OFF_MS_MAX = 300_000

export class World {
  readonly scheduler = new Scheduler()
  readonly history = new History()
  readonly store: MemoryStore
  /** It answers nobody. */
  storeDown = false
  /** How often somebody knew of a newer home than a directory that had gone back. */
  putRight = 0
  /** Pages of states that moved. */
  pages = 0
  readonly regions = new Map<RegionId, SimRegion>()
  readonly pods: Pod[] = []
  readonly clients: SimClient[] = []
  readonly breaches: Breach[] = []
  /** When regions were cut off from the core. */
  readonly cuts: { readonly region: RegionId; readonly from: number; readonly until: number }[] = []
  readonly notes: string[] = []
  /** Notes every call, for reading a trace. */
  readonly verbose: boolean
  readonly random: Random
  readonly faults: Faults
  readonly settings: WorldSettings
  /** Whose event is running. */
  active: Life | null = null
  /** For how long sessions outlive their connections that do. */
  sessionExpirySeconds = SESSION_EXPIRY_SECONDS
  /** For how long a client stays away whose connection has ended. */
  awayMsMax = AWAY_MS_MAX
  /** Where a client goes when it connects again. */
  wander: (client: SimClient) => RegionId = ({ region }) => region
  readonly watch = new Watch(this)
  /** Of its own, so that clocks change nothing else in a run. */
  private readonly clocks: Random
  private names = 0

  constructor(
    random: Random,
    faults: Faults,
    regions: readonly RegionId[],
    pods: number,
    settings: Partial<WorldSettings> = {},
    verbose = false,
  ) {
    this.verbose = verbose
    this.settings = { ...USUAL_SETTINGS, ...settings }
    this.random = random
    this.faults = faults
    this.clocks = random.apart()
    const storeAheadMs = this.clockAheadMs()
    this.store = memoryStore(() => this.now + storeAheadMs)
    for (const id of regions) this.regions.set(id, new SimRegion(this, id))
    for (let i = 0; i < pods; i++) this.pods.push(new Pod(this, `pod ${i}`))
  }

  /** How far somebody's clock is ahead of the world's. */
  clockAheadMs(): number {
    return Math.round(this.clocks.between(-CLOCK_OFF_MS_MAX, CLOCK_OFF_MS_MAX))
  }

  /** Queues may be full. */
  get mayFill(): boolean {
    return this.settings.queue.messagesMax < QUEUE_MESSAGES_MAX
  }

  /** Sessions may end because their clients are away. */
  get mayExpire(): boolean {
    return this.sessionExpirySeconds < SESSION_EXPIRY_SECONDS
  }

  get now(): number {
    return this.scheduler.now
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.scheduler.exact - BEGINNING
  }

  async run(elapsed: number): Promise<void> {
    await this.scheduler.run(BEGINNING + elapsed, () => this.eventEnded())
  }

  end(): void {
    for (const region of this.regions.values())
      for (const actor of region.actors.values()) actor.storage.close()
    void this.store.close()
  }

  region(id: RegionId): SimRegion {
    const region = this.regions.get(id)
    if (region === undefined) throw new Error(`no region ${id}`)
    return region
  }

  note(text: string): void {
    this.notes.push(`${this.elapsed.toFixed(3)} ${text}`)
  }

  breach(broken: Broken, what: string): void {
    this.note(`BREACH of ${broken}: ${what}`)
    this.breaches.push({ broken, what })
  }

  freshName(): string {
    return `n${++this.names}`
  }

  edgeDelay(): number {
    return this.random.chance(0.03) ? this.random.between(2, 30) : this.random.between(0.05, 1.5)
  }

  clientDelay(): number {
    return this.random.chance(0.03) ? this.random.between(20, 200) : this.random.between(1, 15)
  }

  coreDelay(): number {
    return this.random.chance(0.05) ? this.random.between(40, 400) : this.random.between(2, 30)
  }

  storeDelay(): number {
    return this.random.chance(0.05) ? this.random.between(5, 100) : this.random.between(0.2, 3)
  }

  private eventEnded(): void {
    const { active } = this
    this.active = null
    this.watch.regions()
    if (active === null) return
    active.leave()
    if (active.over) return
    memoryWithinShare(active)
    this.watch.look(active)
  }
}
