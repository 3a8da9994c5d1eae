// The plan of faults, made from the seed, and its execution.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random/random.ts'
import type { LinkState } from './link.ts'
import type { Apart } from './served.ts'
import type { World } from './world.ts'

export const FAULT_KINDS = ['kill', 'hold', 'cut', 'blackhole', 'delay', 'cut off', 'disk full'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** A process, a link, for `cut off` a region: all its links, for `disk full` whose storage is on the disk. */
  readonly target: string
  /** From the start of the load, ms. */
  readonly at: number
  readonly ms: number
  /** Of a delay. */
  readonly delayMs: number
}

/** A fault as it was: when it began and when it was over, a killed process being ready again, ms since the epoch. */
export interface Happened extends Fault {
  readonly beganAt: number
  healedAt: number
}

export interface PlanOptions {
  readonly ms: number
  readonly perMinute: number
  readonly regions: readonly string[]
  readonly cores: readonly string[]
  readonly databases: readonly string[]
  readonly links: readonly string[]
  /** Whose disks can be made full. */
  readonly disks: readonly string[]
  /** Only these, where given. */
  readonly kinds?: readonly FaultKind[]
}

/** Before the first fault, and after the last one, the load runs undisturbed. */
const CALM_MS = 3_000
const DATABASE_EVERY_MS = 150_000
const AT_ONCE_MAX = 2
/** A core waits for its Cassandra. */
const RESTART_MS_MAX = 600_000
/** Some processes end when their disk is full, and not at once. */
const LOOK_AFTER_MS = 500

export function planFaults(random: Random, options: PlanOptions): Fault[] {
  const { regions, cores, links, databases, disks } = options
  const plan: Fault[] = []
  if (options.perMinute === 0) return plan
  const every = 60_000 / options.perMinute
  let databaseAt = random.between(20_000, 60_000)
  for (let at = CALM_MS; at < options.ms - CALM_MS; at += every * random.between(0.6, 1.2)) {
    let fault: Omit<Fault, 'at'>
    if (databases.length > 0 && at > databaseAt) {
      databaseAt = at + DATABASE_EVERY_MS * random.between(0.7, 1.3)
      fault = process(random, random.pick(databases))
    } else {
      const dice = random.next()
      if (dice < 0.22) fault = process(random, random.pick(regions))
      else if (dice < 0.44) fault = process(random, random.pick(cores))
      else if (dice < 0.54 && disks.length > 0) fault = full(random, random.pick(disks))
      else if (dice < 0.9) fault = network(random, random.pick(links))
      else
        fault = { kind: 'cut off', target: random.pick(regions), ms: random.between(500, 15_000), delayMs: 0 }
    }
    if (options.kinds?.includes(fault.kind) === false) continue
    // Not more at once than that, nor all of a kind: something is always alive.
    const active = plan.filter((one) => one.at + one.ms > at)
    const sort = [regions, cores, links, databases].find((names) => names.includes(fault.target)) ?? []
    const sameProcesses = active.filter(({ target }) => sort !== links && sort.includes(target)).length
    if (active.length >= AT_ONCE_MAX || active.some(({ target }) => target === fault.target)) continue
    if (sort !== links && sameProcesses >= Math.max(1, sort.length - 1)) continue
    plan.push({ ...fault, at: Math.round(at), ms: Math.round(fault.ms) })
  }
  return plan
}

function process(random: Random, target: string): Omit<Fault, 'at'> {
  if (random.next() < 0.5) return { kind: 'kill', target, ms: random.between(0, 3_000), delayMs: 0 }
  return { kind: 'hold', target, ms: random.between(1_000, 8_000), delayMs: 0 }
}

function full(random: Random, target: string): Omit<Fault, 'at'> {
  return { kind: 'disk full', target, ms: random.between(1_000, 10_000), delayMs: 0 }
}

function network(random: Random, target: string): Omit<Fault, 'at'> {
  const kind = random.pick(['cut', 'blackhole', 'delay'] as const)
  // Short ones more often than long ones, from 0.5 to 15 s.
  const ms = 500 * 30 ** random.next()
  return { kind, target, ms, delayMs: kind === 'delay' ? Math.round(random.between(20, 1_500)) : 0 }
}

/** A node of several dies early and stays away for long; the others must do. */
export function withNodeDown(plan: readonly Fault[], node: string, ms: number): Fault[] {
  const down: Fault = {
    kind: 'kill',
    target: node,
    at: Math.round(ms * 0.2),
    ms: Math.round(ms * 0.4),
    delayMs: 0,
  }
  return [...plan, down].sort((a, b) => a.at - b.at)
}

export function describeFault({ at, kind, target, ms, delayMs }: Fault): string {
  const extra = kind === 'delay' ? ` by ${delayMs} ms` : ''
  return `${(at / 1000).toFixed(1).padStart(6)} s  ${kind.padEnd(9)} ${target}${extra}, ${(ms / 1000).toFixed(1)} s`
}

/** When a region was cut off from all others. While the only database is away no core can say where a home is, to anybody. */
export function apart(
  happened: readonly Happened[],
  regions: readonly string[],
  databases: readonly string[],
): Apart[] {
  return happened.flatMap(({ kind, target, beganAt, healedAt }) => {
    const names =
      kind === 'cut off' ? [target] : databases.length === 1 && databases[0] === target ? regions : []
    return names.map((region) => ({ region, from: beganAt, until: healedAt }))
  })
}

/** Runs the plan from now on; resolves when every fault is healed. */
export async function inflict(
  world: World,
  plan: readonly Fault[],
  happened: Happened[],
  stopped: () => boolean,
): Promise<void> {
  const startedAt = Date.now()
  const under = new Set<string>()
  const running: Promise<void>[] = []
  for (const fault of plan) {
    while (!stopped() && Date.now() < startedAt + fault.at) await sleep(20)
    if (stopped()) break
    // A slow restart, Cassandra's above all, may reach into the next fault of the same process.
    if (under.has(fault.target)) continue
    under.add(fault.target)
    running.push(
      inflictOne(world, fault, happened).finally(() => {
        under.delete(fault.target)
      }),
    )
  }
  await Promise.all(running)
}

async function inflictOne(world: World, fault: Fault, happened: Happened[]): Promise<void> {
  const one: Happened = { ...fault, beganAt: Date.now(), healedAt: Number.POSITIVE_INFINITY }
  happened.push(one)
  const links =
    fault.kind === 'cut off'
      ? world.linksOf(fault.target)
      : world.links.filter(({ name }) => name === fault.target)
  switch (fault.kind) {
    case 'kill': {
      const part = world.part(fault.target)
      await part.kill()
      await sleep(fault.ms)
      await part.start(RESTART_MS_MAX)
      break
    }
    case 'hold': {
      const part = world.part(fault.target)
      part.hold()
      await sleep(fault.ms)
      part.letGo()
      break
    }
    case 'disk full': {
      const disk = world.disks.get(fault.target)
      await disk?.fill()
      await sleep(fault.ms)
      await disk?.makeRoom()
      await sleep(LOOK_AFTER_MS)
      const part = world.parts.find(({ name }) => name === fault.target)
      if (part?.running === false) await part.start(RESTART_MS_MAX)
      break
    }
    default: {
      const state: LinkState =
        fault.kind === 'delay'
          ? { kind: 'delay', ms: fault.delayMs }
          : { kind: fault.kind === 'blackhole' ? 'blackhole' : 'cut' }
      for (const link of links) link.become(state)
      await sleep(fault.ms)
      for (const link of links) link.become({ kind: 'up' })
    }
  }
  one.healedAt = Date.now()
}
