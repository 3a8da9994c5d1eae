// Random lives of a session against a simple model: what was settled is not lost, order is kept, the window holds.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ACK_WAIT_MS } from '../../src/session/limits.ts'
import { delivery, FakeActor } from './actor.ts'

type Step =
  | { readonly do: 'deliver'; readonly count: number; readonly lifeMs: number }
  | { readonly do: 'acknowledge'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'close' | 'hibernate' | 'crash' }
  | { readonly do: 'resume'; readonly window: number }

/** Some seconds of work take far longer on a busy machine. */
const BUSY_MS = 180_000

const onConnection: fc.Arbitrary<Step>[] = [
  fc.record({
    do: fc.constant('deliver'),
    count: fc.integer({ min: 1, max: 4 }),
    lifeMs: fc.constantFrom(0, 0, 0, 400),
  }),
  fc.record({ do: fc.constant('acknowledge'), which: fc.nat(7) }),
  fc.record({ do: fc.constant('acknowledge'), which: fc.constant(0) }),
  fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(50, ACK_WAIT_MS) }),
  fc.record({ do: fc.constant('hibernate') }),
]
const betweenConnections: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constantFrom('close', 'crash') }),
  fc.record({ do: fc.constant('resume'), window: fc.integer({ min: 1, max: 5 }) }),
]

/** The actor together with its client, who knows only what it was sent. */
class Life {
  readonly actor: FakeActor
  private readonly persistent: boolean
  private window: number
  private connected = true
  private seen = 0
  private delivered = 0
  private expired = new Map<number, number>()
  /** Packet id to topic, on this connection. */
  private open = new Map<number, string>()
  private readonly firstSends: number[] = []
  private readonly packetIds = new Map<string, number>()
  private readonly acknowledged = new Set<string>()
  /** Unsettled at a crash: nobody was promised anything. */
  private readonly abandoned = new Set<string>()

  constructor(persistent: boolean, window: number) {
    this.persistent = persistent
    this.window = window
    this.actor = new FakeActor(persistent)
    this.actor.resume(window)
  }

  step(step: Step): void {
    const { actor } = this
    switch (step.do) {
      case 'deliver':
        for (let i = 0; i < step.count; i++) {
          const n = ++this.delivered
          const expiresAt = step.lifeMs === 0 ? 0 : actor.now + step.lifeMs
          if (expiresAt > 0) this.expired.set(n, expiresAt)
          actor.deliver(delivery(`${n}`, { expiresAt }))
        }
        break
      case 'acknowledge':
        this.acknowledge(step.which)
        break
      case 'pass':
        actor.pass(step.ms)
        break
      case 'close':
        if (this.connected) actor.close()
        this.leave()
        break
      case 'crash':
        for (const topic of this.unsettled()) this.abandoned.add(topic)
        actor.crash()
        this.leave()
        break
      case 'hibernate':
        // A wake that is to come keeps the actor in memory.
        if (this.connected && this.unsettled().length === 0 && actor.wakeAt === 0)
          actor.hibernate(this.window)
        break
      case 'resume':
        if (this.connected) break
        this.window = step.window
        this.connected = true
        actor.resume(step.window)
        break
      default:
        step satisfies never
    }
    this.read()
    this.check()
  }

  /** The client comes and acknowledges until nothing more is sent. */
  finish(): void {
    this.step({ do: 'resume', window: 3 })
    while (this.open.size > 0) this.step({ do: 'acknowledge', which: 0 })
    expect(this.unsettled()).toEqual([])
    expect(this.actor.rows.size).toBe(0)
    for (let n = 1; n <= this.delivered; n++) {
      const mayBeGone = this.abandoned.has(`${n}`) || (this.expired.get(n) ?? Infinity) <= this.actor.now
      if (!mayBeGone) expect(this.acknowledged).toContain(`${n}`)
    }
  }

  private acknowledge(which: number): void {
    const ids = [...this.open.keys()]
    const id = ids[which % ids.length]
    if (id === undefined) return
    this.acknowledged.add(this.open.get(id) ?? '')
    this.open.delete(id)
    this.actor.acknowledge(id)
  }

  private leave(): void {
    this.connected = false
    this.open = new Map()
  }

  private unsettled(): string[] {
    const topics: string[] = []
    for (let n = 1; n <= this.delivered; n++) {
      if (!this.actor.outcomes.has(`${n}`) && !this.abandoned.has(`${n}`)) topics.push(`${n}`)
    }
    return topics
  }

  private read(): void {
    for (const { topic, packetId, dup } of this.actor.sent.slice(this.seen)) {
      expect(this.open.has(packetId)).toBe(false)
      this.open.set(packetId, topic)
      const before = this.packetIds.get(topic)
      expect(dup).toBe(before !== undefined)
      if (before === undefined) this.firstSends.push(Number(topic))
      else expect(packetId).toBe(before)
      this.packetIds.set(topic, packetId)
    }
    this.seen = this.actor.sent.length
  }

  private check(): void {
    expect(this.open.size).toBeLessThanOrEqual(this.window)
    expect(this.firstSends).toEqual([...this.firstSends].sort((a, b) => a - b))
    for (const outcomes of this.actor.outcomes.values()) {
      expect(outcomes).toHaveLength(1)
      expect(outcomes[0]).toBeOneOf(['accepted', 'stored'])
    }
    expect(this.actor.outgoing.snapshot().storedMessages).toBe(this.actor.rows.size)
    if (!this.persistent) return
    const stored = new Set([...this.actor.rows.values()].map(({ message }) => message.topic))
    for (const topic of this.actor.outcomes.keys()) {
      const expiresAt = this.expired.get(Number(topic)) ?? Infinity
      if (expiresAt > this.actor.now) expect(this.acknowledged.has(topic) || stored.has(topic)).toBe(true)
    }
  }
}

function holds(persistent: boolean, steps: fc.Arbitrary<Step>): void {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(steps, { minLength: 1, maxLength: 50, size: 'max' }),
      (window, life) => {
        const one = new Life(persistent, window)
        for (const step of life) one.step(step)
        one.finish()
      },
    ),
    { seed: 1883, numRuns: 600 },
  )
}

test(
  'whatever happens to a persistent session, what was settled reaches its client once it stays',
  () => {
    holds(true, fc.oneof(...onConnection, ...onConnection, ...betweenConnections))
  },
  BUSY_MS,
)

test(
  'a session that ends with its connection loses nothing while that stands',
  () => {
    holds(false, fc.oneof(...onConnection))
  },
  BUSY_MS,
)
