// The simulator's platform joins the conformance suite of hosts: the probe lives where a device would.
import { expect, vi } from 'vitest'
import { deviceAddress } from '../../src/id/actor-name.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { Random } from '../random/random.ts'
import type { SimActor } from '../sim/actor.ts'
import { copy } from '../sim/copy.ts'
import { Faults } from '../sim/faults.ts'
import { namespaces, peersOf } from '../sim/peers.ts'
import type { Place, Task } from '../sim/scheduler.ts'
import type { Sender } from '../sim/sender.ts'
import { SimSocket } from '../sim/socket.ts'
import { World } from '../sim/world.ts'
import type { ProbeSocket, RunningHost } from './host.ts'
import type { ProbePeer } from './probe.ts'
import { describeHost } from './suite.ts'

const EU = 'eu' as RegionId
const STEP_MS = 5
/** Longer than the simulator's actors stay in memory without an event. */
const HIBERNATES_MS = 12_000
const WRITES_LEFT_MAX = 60

/** A question or an answer takes no longer than this. */
const ASK_MS_MAX = 60_000

vi.mock('../../actors/device/device-actor.ts', async () => ({
  DeviceActor: (await import('./probe.ts')).Probe,
}))
vi.mock('../../actors/storage/schemas.ts', async () => ({ SCHEMAS: (await import('./probe.ts')).SCHEMAS }))

/** Whoever asks from outside. */
class Outside implements Sender {
  readonly world: World
  readonly over = false
  readonly pending = new Set<object>()
  readonly subrequests = null
  readonly around: Place | null = null
  frozen = false
  readonly held: Task[] = []

  constructor(world: World) {
    this.world = world
  }

  send(go: () => void): void {
    go()
  }

  enter(act: () => void): void {
    act()
  }
}

class SimHost implements RunningHost {
  private readonly random = new Random(1)
  private readonly world = new World(this.random, new Faults(this.random, new Set()), [EU], 1)
  private readonly outside = new Outside(this.world)
  private passing: Promise<void> = Promise.resolve()

  constructor() {
    // It looks into devices, of which there are none here.
    vi.spyOn(this.world.watch, 'look').mockReturnValue(undefined)
    vi.spyOn(this.world.watch, 'regions').mockReturnValue(undefined)
  }

  async ask(actor: string, method: string, ...parameters: unknown[]): Promise<unknown> {
    const { address } = this.actor(actor)
    // Peers of its own, and so stubs: one that broke with its actor is of no use to the next question.
    const peers = peersOf(namespaces(this.world.region(EU), this.outside), address)
    const peer = peers.device(actor as ClientId) as unknown as ProbePeer
    let settled = false
    const over = () => {
      settled = true
    }
    const answer = peer.explainTopic({ method, parameters })
    answer.then(over, over)
    const until = this.world.elapsed + ASK_MS_MAX
    while (!settled && this.world.elapsed < until) await this.pass(STEP_MS)
    if (!settled) throw new Error(`no answer of ${actor} to ${method}`)
    return copy(await answer)
  }

  async connect(name: string): Promise<ProbeSocket> {
    const frames: string[] = []
    let closed: ProbeSocket['closed'] = null
    const socket = new SimSocket(this.actor(name), {
      frame: (bytes) => frames.push(new TextDecoder().decode(bytes)),
      closed: () => {
        closed = { code: 1006, reason: '' }
      },
    })
    socket.connect()
    await this.pass(500)
    return {
      send: (text) => socket.write(new TextEncoder().encode(text)),
      frames,
      get closed() {
        return closed
      },
      close: () => socket.hangUp(0),
    }
  }

  /** One at a time: the world's events must not mix. */
  pass(ms: number): Promise<void> {
    this.passing = this.passing.then(async () => {
      await this.world.run(this.world.elapsed + ms)
      for (const actor of this.world.region(EU).actors.values()) actor.hibernateIfIdle()
    })
    return this.passing
  }

  async kill(): Promise<void> {
    const region = this.world.region(EU)
    region.die()
    region.start()
    await this.pass(STEP_MS)
  }

  async killSoon(name: string): Promise<void> {
    const actor = this.actor(name)
    const { deaths } = actor
    actor.writesLeft = 1 + Math.floor(this.random.between(0, WRITES_LEFT_MAX))
    const until = this.world.elapsed + ASK_MS_MAX
    while (actor.deaths === deaths && this.world.elapsed < until) await this.pass(STEP_MS)
    expect(actor.deaths).toBeGreaterThan(deaths)
    await this.kill()
  }

  hibernate(): Promise<void> {
    return this.pass(HIBERNATES_MS)
  }

  async fill(full: boolean): Promise<void> {
    this.world.region(EU).diskFull = full
  }

  reports(): string[] {
    return this.world.notes.filter((note) => note.includes(' reports: '))
  }

  async close(): Promise<void> {
    this.world.end()
  }

  private actor(name: string): SimActor {
    return this.world.region(EU).actor(deviceAddress(EU, DEFAULT_FLEET, name as ClientId))
  }
}

describeHost({
  name: 'the simulator',
  lacks: ['close codes'],
  open: async () => new SimHost(),
})
