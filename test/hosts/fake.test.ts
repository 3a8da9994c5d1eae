// The fake platform of the actors' tests joins the conformance suite of hosts, with what it promises.
import { vi } from 'vitest'
import { deviceAddress } from '../../src/id/actor-name.ts'
import { type ClientId, DEFAULT_FLEET, type RegionId } from '../../src/id/ids.ts'
import { FakeClock } from '../actors/fake-clock.ts'
import type { FakeConnection } from '../actors/fake-connection.ts'
import { fakePeers } from '../actors/fake-peers.ts'
import { FakePlatform } from '../actors/fake-platform.ts'
import type { ProbeSocket, RunningHost } from './host.ts'
import { Probe } from './probe.ts'
import { describeHost } from './suite.ts'

vi.mock('../../actors/storage/schemas.ts', async () => ({ SCHEMAS: (await import('./probe.ts')).SCHEMAS }))

const STEP_MS = 5
/** A question takes no longer than this. */
const ASK_MS_MAX = 60_000
const HIBERNATES_MS = 12_000

interface Actor {
  platform: FakePlatform
  probe: Probe
}

class FakeHost implements RunningHost {
  private readonly clock = new FakeClock()
  private readonly actors = new Map<string, Actor>()
  private readonly peers = fakePeers({
    // The probe's own words pass in place of what a device is usually asked.
    device: (client) => ({
      explainTopic: (asked) => this.actor(client).probe.explainTopic(asked as never) as never,
    }),
  })

  async ask(actor: string, method: string, ...parameters: unknown[]): Promise<unknown> {
    const answer = this.actor(actor).probe.explainTopic({ method, parameters })
    let settled = false
    const over = () => {
      settled = true
    }
    answer.then(over, over)
    await this.clock.settled()
    const until = this.clock.now + ASK_MS_MAX
    while (!settled && this.clock.now < until) await this.pass(STEP_MS)
    if (!settled) throw new Error(`no answer of ${actor} to ${method}`)
    return structuredClone(await answer)
  }

  async connect(actor: string): Promise<ProbeSocket> {
    const connection = this.actor(actor).platform.accept()
    this.actor(actor).probe.opened()
    return {
      send: (text) => {
        this.actor(actor)
          .probe.frame(connection, new TextEncoder().encode(text))
          .catch(() => undefined)
      },
      get frames() {
        return connection.frames.map((frame) => new TextDecoder().decode(frame))
      },
      get closed() {
        return connection.gone ? { code: 1006, reason: '' } : connection.closing
      },
      close: () => this.end(actor, connection),
    }
  }

  async pass(ms: number): Promise<void> {
    const until = this.clock.now + ms
    for (;;) {
      const due = [...this.actors.values()]
        .filter(({ platform }) => (platform.alarmAt ?? Number.POSITIVE_INFINITY) <= until)
        .sort((a, b) => (a.platform.alarmAt ?? 0) - (b.platform.alarmAt ?? 0))[0]
      if (due === undefined) break
      await this.clock.pass(Math.max(0, (due.platform.alarmAt ?? 0) - this.clock.now))
      due.platform.alarmWent()
      await due.probe.alarm()
    }
    await this.clock.pass(until - this.clock.now)
  }

  async kill(): Promise<void> {
    for (const actor of this.actors.values()) {
      for (const connection of actor.platform.connections()) connection.gone = true
      this.nextLife(actor)
    }
  }

  killSoon(): Promise<void> {
    return this.kill()
  }

  async hibernate(): Promise<void> {
    await this.pass(HIBERNATES_MS)
    for (const actor of this.actors.values()) this.nextLife(actor)
  }

  async fill(): Promise<void> {}

  reports(): string[] {
    return [...this.actors.values()].flatMap(({ platform }) =>
      platform.reports.map(({ what, cause }) => `${what}: ${String(cause)}`),
    )
  }

  async close(): Promise<void> {}

  private end(actor: string, connection: FakeConnection): void {
    connection.gone = true
    this.actor(actor).probe.closed(connection)
  }

  private nextLife(actor: Actor): void {
    actor.platform = actor.platform.loseMemory()
    actor.probe = new Probe(actor.platform)
  }

  private actor(name: string): Actor {
    let actor = this.actors.get(name)
    if (actor === undefined) {
      const address = deviceAddress('eu' as RegionId, DEFAULT_FLEET, name as ClientId)
      const platform = new FakePlatform(address, { clock: this.clock, peers: this.peers })
      actor = { platform, probe: new Probe(platform) }
      this.actors.set(name, actor)
    }
    return actor
  }
}

describeHost({
  name: 'the fake platform of the actors’ tests',
  // A life ends between two events, never inside of one; alarms and hibernation are in the test's hand.
  lacks: ['output gate', 'alarm again', 'idle actors leave memory', 'calls fail with their actor'],
  open: async () => new FakeHost(),
})
