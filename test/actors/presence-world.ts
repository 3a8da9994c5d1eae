// One client's actors in two regions, the core and its store between them, and a watcher elsewhere that sees its presence
// events.
import { CoreUnreachable } from '../../actors/core/core-client.ts'
import { Gate } from '../../actors/device/admission/gate.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import {
  ALL_IMPORTED,
  type ClaimResponse,
  type HandoverState,
  type ImportedRequest,
  type ImportedResponse,
} from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import { type PresenceEvent, presenceEventSchema } from '../../src/relay/presence.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import type { RootChange, SyncResult } from '../../src/relay/sync.ts'
import { FakeClock } from './fake-clock.ts'
import type { FakeConnection } from './fake-connection.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakePlatform } from './fake-platform.ts'
import { addressOf, connectFrame, EU, frame, LAMP, LAMP_ROOT, textOf, US, watch } from './samples.ts'

interface Life {
  platform: FakePlatform
  gate: Gate
  /** Events in the region's outbox, on their way to the watcher. */
  readonly outbox: PresenceEvent[]
  /** Nothing comes from there or gets there. */
  cut: boolean
}

type Stored = Pick<RootChange, 'epoch' | 'session'> & { readonly retained: Map<string, Uint8Array> }

export class PresenceWorld {
  readonly clock = new FakeClock()
  /** What the watcher has got, repeats too. */
  readonly got: PresenceEvent[] = []
  /** How many events there should be by now. */
  expected = 0
  /** How often a region has synced something of the client. */
  synced = 0
  /** How often a region has begun with what the store has. */
  failOvers = 0
  /** The watcher's region, or the WideActor, is out of reach. */
  slow = false
  failing = false
  private readonly lives: ReadonlyMap<RegionId, Life>
  private home: (HomeAnswer & { from: readonly RegionId[] }) | null = null
  private stored: Stored = { epoch: 0, session: null, retained: new Map() }
  private live: { readonly region: RegionId; readonly connection: FakeConnection } | null = null

  constructor(presence = true) {
    this.lives = new Map([EU, US].map((region) => [region, this.life(region, presence)]))
  }

  /** Where the client is, or was last. */
  get region(): RegionId {
    return this.live?.region ?? this.home?.region ?? EU
  }

  get connected(): boolean {
    // A home that did not know that it was none any more has closed it since.
    return this.live?.connection.open === true
  }

  /** Whether a client gets into this region: one that is cut off keeps its own clients. */
  serves(region: RegionId): boolean {
    return !this.at(region).cut || this.home?.region === region
  }

  /** Until it is healed. */
  cut(region: RegionId): void {
    this.at(region).cut = true
  }

  heal(region: RegionId): void {
    this.at(region).cut = false
  }

  platform(region: RegionId): FakePlatform {
    return this.at(region).platform
  }

  gate(region: RegionId): Gate {
    return this.at(region).gate
  }

  async connect(region: RegionId, expirySeconds = 0): Promise<void> {
    const { platform, gate } = this.at(region)
    const connection = platform.accept()
    gate.opened(connection, true)
    watch(gate.frame(connection, connectFrame(expirySeconds, { keepalive: 0 })))
    await this.clock.settled()
    this.expected += this.live === null ? 1 : 2
    this.live = { region, connection }
  }

  /** DISCONNECT, or the link breaks. */
  async end(farewell: boolean): Promise<void> {
    if (this.live === null) return
    const { region, connection } = this.live
    const { gate } = this.at(region)
    if (farewell) await gate.frame(connection, frame({ cmd: 'disconnect', reasonCode: 0 }))
    connection.gone = true
    gate.closed(connection)
    this.live = null
    this.expected++
    await this.clock.settled()
  }

  /** The region's process dies, with its connections. Something wakes the actor. */
  async kill(region: RegionId): Promise<void> {
    const life = this.at(region)
    for (const connection of life.platform.connections()) connection.gone = true
    if (this.live?.region === region) {
      this.live = null
      this.expected++
    }
    life.platform = life.platform.loseMemory()
    life.gate = new Gate(life.platform, LAMP)
    void life.gate.device
    await this.clock.settled()
  }

  /** Memory is lost, the connection is not: all is quiet before. */
  async hibernate(region: RegionId): Promise<void> {
    await this.clock.pass(10_000)
    const life = this.at(region)
    life.platform = life.platform.loseMemory()
    life.gate = new Gate(life.platform, LAMP)
  }

  async pass(ms: number): Promise<void> {
    await this.clock.pass(ms)
    for (const life of this.lives.values()) {
      const { gate, platform, outbox } = life
      if (!this.slow && !life.cut) this.got.push(...outbox.splice(0))
      if (platform.alarmAt === null || platform.alarmAt > this.clock.now) continue
      platform.alarmWent()
      watch(gate.device.alarm())
      await this.clock.settled()
    }
  }

  private at(region: RegionId): Life {
    const life = this.lives.get(region)
    if (life === undefined) throw new Error(`no region ${region}`)
    return life
  }

  private life(region: RegionId, presence: boolean): Life {
    const outbox: PresenceEvent[] = []
    const peers = fakePeers({
      wide: () => ({
        publish: async (_, batch) => {
          if (this.failing) throw new Error('the WideActor does not answer')
          const records = unpackBatch(batch)
          for (const bytes of records) {
            const { topic, payload } = decodeMessage(decodeRouted(bytes).record)
            if (topic !== `presence/${LAMP}`) continue
            const event = presenceEventSchema.parse(JSON.parse(textOf(payload)))
            if (this.slow || this.at(region).cut || outbox.length > 0) outbox.push(event)
            else this.got.push(event)
          }
          return { outcomes: new Uint8Array(records.length).fill(Reason.Success), skipMs: 0 }
        },
      }),
      uplink: () => ({
        drained: async () => {
          if (outbox.length > 0) throw new Error('the outbox is not empty')
        },
        sync: async (change) => this.sync(region, change),
      }),
    })
    const core = fakeCore(region, {
      claim: () => this.claim(region),
      imported: (request) => this.imported(request),
      resolve: async () => {
        this.reach(region)
        return { home: this.home ?? { region, epoch: 1 } }
      },
    })
    const platform = new FakePlatform(addressOf('device', region, LAMP), {
      clock: this.clock,
      peers,
      core,
      settings: { presence },
    })
    return { platform, gate: new Gate(platform, LAMP), outbox, cut: false }
  }

  private reach(region: RegionId): void {
    if (this.at(region).cut) throw new CoreUnreachable(`${region} is cut off`)
  }

  /** As k8s-core/directory.ts. */
  private async claim(region: RegionId): Promise<ClaimResponse> {
    this.reach(region)
    const { home: old } = this
    if (old?.region !== region) {
      const from =
        old === null ? [] : [...old.from.filter((one) => one !== region && one !== old.region), old.region]
      this.home = { region, epoch: (old?.epoch ?? 0) + 1, from }
    }
    const { epoch, from } = this.home ?? { epoch: 1, from: [] }
    const home = { region, epoch }
    const former = from.at(-1)
    if (former === undefined) return { home, state: null, synced: false }
    if (this.at(former).cut) {
      this.failOvers++
      const { session, retained } = this.stored
      this.stored = { ...this.stored, epoch }
      const kept = [...retained].map(([topic, record]) => ({ topic, record }))
      const state = { session: session ? { ...session, queue: [] } : null, retained: kept }
      return {
        home,
        state: { ...state, clock: this.clock.now, interests: [], presence: [], shadows: [] },
        synced: true,
      }
    }
    const given = this.at(former).gate.device.parts.handover.handover({
      fleet: DEFAULT_FLEET,
      root: LAMP_ROOT,
      epoch,
      to: region,
    })
    if (given === null) throw new CoreUnreachable(`${former} is newer`)
    if (given.state === null) throw new CoreUnreachable(`${former} never began`)
    return { home, state: structuredClone<HandoverState>(given.state), synced: from.length > 1 }
  }

  private async imported({ region, ...request }: ImportedRequest): Promise<ImportedResponse> {
    this.reach(region)
    const { home } = this
    if (home?.region !== region || home.epoch !== request.epoch) return ALL_IMPORTED
    for (const former of home.from) {
      if (this.at(former).cut) continue
      const released = await this.at(former).gate.device.parts.handover.release({ ...request, to: region })
      if (!released.done) return { ...released, from: former }
      this.home = { ...home, from: home.from.filter((one) => one !== former) }
    }
    if ((this.home?.from.length ?? 0) > 0) throw new CoreUnreachable('a former home is cut off')
    return ALL_IMPORTED
  }

  private sync(region: RegionId, change: RootChange): SyncResult {
    if (this.at(region).cut) return 'failed'
    if (change.epoch < (this.home?.epoch ?? 0)) return 'fenced'
    // It only asks.
    if (change.version === 0) return 'applied'
    this.synced++
    const anew = change.epoch > this.stored.epoch || change.retainedVoidUpTo !== null
    const retained = new Map(anew ? [] : this.stored.retained)
    for (const { topic, record } of change.retained) {
      if (record === null) retained.delete(topic)
      else retained.set(topic, record)
    }
    const session = change.session === undefined ? this.stored.session : change.session
    this.stored = { epoch: change.epoch, session, retained }
    return 'applied'
  }
}

/** As they came, without repeats. */
export function firsts(events: readonly PresenceEvent[]): PresenceEvent[] {
  const seen = new Set<number>()
  return events.filter(({ sequence }) => !seen.has(sequence) && seen.add(sequence))
}
