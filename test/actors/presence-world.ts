// One client's actors in two regions, the core between them, and a watcher elsewhere that sees its presence events.
import { Gate } from '../../actors/device/gate.ts'
import { DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import { type PresenceEvent, presenceEventSchema } from '../../src/relay/presence.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
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
}

export class PresenceWorld {
  readonly clock = new FakeClock()
  /** What the watcher has got, repeats too. */
  readonly got: PresenceEvent[] = []
  /** How many events there should be by now. */
  expected = 0
  /** The watcher's region, or the WideActor, is out of reach. */
  slow = false
  failing = false
  private readonly lives: ReadonlyMap<RegionId, Life>
  private home: { region: RegionId; epoch: number; from: RegionId | null } | null = null
  private live: { readonly region: RegionId; readonly connection: FakeConnection } | null = null

  constructor(presence = true) {
    this.lives = new Map([EU, US].map((region) => [region, this.life(region, presence)]))
  }

  get connected(): boolean {
    return this.live !== null
  }

  get region(): RegionId {
    return this.live?.region ?? this.home?.region ?? EU
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
    if (this.live?.region === region) {
      this.live.connection.gone = true
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
    for (const { gate, platform, outbox } of this.lives.values()) {
      if (!this.slow) this.got.push(...outbox.splice(0))
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
            if (this.slow || outbox.length > 0) outbox.push(event)
            else this.got.push(event)
          }
          return { outcomes: new Uint8Array(records.length).fill(Reason.Success), skipMs: 0 }
        },
      }),
      uplink: () => ({
        drained: async () => {
          if (outbox.length > 0) throw new Error('the outbox is not empty')
        },
      }),
    })
    const core = fakeCore(region, {
      claim: () => this.claim(region),
      imported: async ({ root, epoch, tookUpTo }) => {
        const from = this.home?.from ?? null
        if (from === null) return { late: '', upTo: 0 }
        return this.at(from).gate.device.moving.release({ fleet: DEFAULT_FLEET, root, epoch, tookUpTo })
      },
    })
    const platform = new FakePlatform(addressOf('device', region, LAMP), {
      clock: this.clock,
      peers,
      core,
      settings: { presence },
    })
    return { platform, gate: new Gate(platform, LAMP), outbox }
  }

  private async claim(region: RegionId) {
    const old = this.home
    if (old?.region !== region)
      this.home = { region, epoch: (old?.epoch ?? 0) + 1, from: old?.region ?? null }
    const { epoch, from } = this.home ?? { epoch: 1, from: null }
    const given: HandoverState | null =
      from === null
        ? null
        : this.at(from).gate.device.moving.handover({
            fleet: DEFAULT_FLEET,
            root: LAMP_ROOT,
            epoch,
            to: region,
          })
    return { home: { region, epoch }, state: structuredClone(given) }
  }
}

/** As they came, without repeats. */
export function firsts(events: readonly PresenceEvent[]): PresenceEvent[] {
  const seen = new Set<number>()
  return events.filter(({ sequence }) => !seen.has(sequence) && seen.add(sequence))
}
