// A chaos run: the system under load, faults by the plan, all healed, drained until quiet, and judged.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SyncConsistency } from '../../k8s-core/store/cassandra-levels.ts'
import { Random } from '../random/random.ts'
import { type CassandraPart, differences, nodeToLose, rowsOn, type Topology } from './database.ts'
import { explain } from './explain.ts'
import { longestUntoldMs, readMoves, untold } from './fail-overs.ts'
import {
  apart,
  describeFault,
  type FaultKind,
  type Happened,
  inflict,
  planFaults,
  withNodeDown,
} from './faults.ts'
import { Ledger, type Verdict } from './ledger.ts'
import { Load } from './load.ts'
import { type Recovered, Recovery } from './recovery.ts'
import { type Second, Seconds } from './seconds.ts'
import type { DoubleConnection } from './served.ts'
import { EMBEDDED_STORE, KEYSPACE, World } from './world.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly ms: number
  readonly faultsPerMinute: number
  readonly regions: readonly string[]
  readonly cores: number
  readonly cassandra: Topology
  readonly consistency?: SyncConsistency
  /** Messages a second, of all publishers. */
  readonly rate: number
  /** Clients that move between the regions all the time. */
  readonly roamers: number
  /** Only faults of these kinds. */
  readonly kinds?: readonly FaultKind[]
  readonly logs: string
  readonly say: (line: string) => void
}

export interface Result {
  readonly seed: number
  readonly startedAt: number
  readonly ms: number
  readonly regions: readonly string[]
  readonly cores: number
  readonly store: string
  readonly seconds: readonly Second[]
  /** Everything that a fault may take, in the order of the drawing. */
  readonly targets: readonly string[]
  readonly faults: readonly Happened[]
  readonly skippedFaults: number
  readonly verdict: Verdict
  /** CONNECT, SUBSCRIBE, DISCONNECT and PUBLISH by reason code. */
  readonly refusals: Readonly<Record<string, number>>
  readonly sessionsLost: readonly { readonly client: string; readonly at: number }[]
  readonly doubles: readonly DoubleConnection[]
  /** Homes that went on without their former one, and how long it took at most to tell that, from when nothing prevented it. */
  readonly failOvers: number
  readonly longestUntoldMs: number | null
  readonly races: number
  /** Racers of which not exactly one connection was served in the end: how many were. */
  readonly unsettled: readonly { readonly client: string; readonly open: number }[]
  readonly recovered: Recovered
  /** From the end of the load, everything healed, until nothing was missing any more. */
  readonly drainMs: number
  /** With several nodes of Cassandra: how many rows they have, and how many are not the same everywhere. */
  readonly converged: Converged | null
  readonly explanations: readonly string[]
  readonly failures: readonly string[]
}

export interface Converged {
  readonly rows: number
  readonly different: number
  readonly afterMs: number
}

const CONVERGE_MS_MAX = 120_000
/** A new home asks its former one at least once a minute. */
const UNTOLD_MS_MAX = 75_000
const DRAIN_MS_MAX = 90_000
/** Nothing has come for this long, and nothing is missing. */
const QUIET_MS = 3_000

export async function runChaos(options: ChaosOptions, interrupted = () => false): Promise<Result> {
  const { say, regions } = options
  const world = await World.start({ ...options })
  const random = new Random(options.seed)
  const ledger = new Ledger()
  const happened: Happened[] = []
  const startedAt = Date.now()
  const seconds = new Seconds(startedAt)
  const recovery = new Recovery()
  const load = new Load(world, ledger, seconds, new Random(options.seed + 1), (publisher, sentAt, at) =>
    recovery.acknowledged(publisher, sentAt, at),
  )
  try {
    const several = world.cassandra.length > 1
    const databases = world.cassandra.length > 0 ? world.cassandra.map(({ name }) => name) : [EMBEDDED_STORE]
    const cores = world.parts.map(({ name }) => name).filter((name) => name.startsWith('core-'))
    const ordinary = planFaults(random, {
      ms: options.ms,
      perMinute: options.faultsPerMinute,
      regions,
      cores,
      databases: several ? [] : world.cassandra.map(({ name }) => name),
      links: world.links.map(({ name }) => name),
      disks: [...world.disks.keys()],
      ...(options.kinds !== undefined && { kinds: options.kinds }),
    })
    if (world.disks.size === 0) say('no disk can be made full here: to mount one takes the right to')
    const plan = several
      ? withNodeDown(ordinary, nodeToLose(world.cassandra, options.cassandra)?.name ?? '', options.ms)
      : ordinary
    for (const fault of plan) say(describeFault(fault))
    await load.start(options)
    say(`everything is subscribed after ${Date.now() - startedAt} ms; the load begins`)
    load.run()
    const end = Date.now() + options.ms
    const faults = inflict(world, plan, happened, interrupted)
    while (Date.now() < end && !interrupted()) await sleep(100)
    await faults
    await load.quiet()
    say('all is healed and the load has ended; draining')
    const drainMs = await drain(ledger, interrupted)
    const unsettled: { client: string; open: number }[] = []
    await Promise.all(
      load.racers.map(async (racer) => {
        const open = await racer.settled()
        if (open !== 1) unsettled.push({ client: racer.id, open })
      }),
    )
    const converged = several ? await converge(world.cassandra) : null
    const moves = await readMoves(options.logs, cores)
    const { failOvers } = moves
    const untoldMs = longestUntoldMs(failOvers, happened)
    const verdict = ledger.judge(moves)
    const doubles = load.racers.flatMap((racer) => {
      const own = failOvers.filter(({ root }) => root === `devices/${racer.id}`)
      const alone = own.flatMap((failOver) => untold(failOver, regions))
      return racer.doubles([...apart(happened, regions, databases), ...alone])
    })
    return {
      seed: options.seed,
      startedAt,
      ms: Date.now() - startedAt,
      regions,
      cores: options.cores,
      store: storeOf(options.cassandra),
      seconds: seconds.all(),
      targets: [
        ...new Set([...world.parts.map(({ name }) => name), ...world.disks.keys()]),
        ...world.links.map(({ name }) => name),
      ],
      faults: happened,
      skippedFaults: plan.length - happened.length,
      verdict,
      refusals: { ...load.refusals, ...verdict.refusals },
      sessionsLost: load.sessionsLost,
      doubles,
      failOvers: failOvers.length,
      longestUntoldMs: untoldMs,
      races: load.racers.reduce((sum, { connections }) => sum + connections, 0),
      unsettled,
      recovered: recovery.judge(happened, load.publishers),
      drainMs,
      converged,
      explanations: explain(ledger, verdict, { faults: happened, notes: load.notes, startedAt }),
      failures: failuresOf(verdict, load, doubles, unsettled, converged, untoldMs),
    }
  } finally {
    load.end()
    await world.stop()
  }
}

function storeOf(topology: Topology): string {
  if (topology.length === 0) return 'SQLite'
  const nodes = topology.reduce((sum, count) => sum + count, 0)
  return nodes === 1 ? 'Cassandra, one node' : `Cassandra, data centers of ${topology.join(', ')} node(s)`
}

async function converge(nodes: readonly CassandraPart[]): Promise<Converged> {
  const from = Date.now()
  for (;;) {
    const copies = await Promise.all(nodes.map((node) => rowsOn(node, KEYSPACE)))
    const different = differences(copies).length
    const afterMs = Date.now() - from
    if (different === 0 || afterMs > CONVERGE_MS_MAX)
      return { rows: Math.max(...copies.map(({ size }) => size)), different, afterMs }
    await sleep(1_000)
  }
}

async function drain(ledger: Ledger, interrupted: () => boolean): Promise<number> {
  const from = Date.now()
  let doneAt = from
  while (Date.now() - from < DRAIN_MS_MAX && !interrupted()) {
    const open = ledger.unanswered() + ledger.missing().length
    if (open > 0) doneAt = Date.now()
    else if (Date.now() - doneAt > QUIET_MS) break
    await sleep(500)
  }
  return doneAt - from
}

function failuresOf(
  verdict: Verdict,
  load: Load,
  doubles: readonly DoubleConnection[],
  unsettled: readonly { readonly client: string; readonly open: number }[],
  converged: Converged | null,
  untoldMs: number | null,
): string[] {
  const failures: string[] = []
  const none = (count: number, what: string) => {
    if (count > 0) failures.push(`${count} ${what}`)
  }
  none(verdict.lost.length, 'acknowledged messages lost')
  none(verdict.inversions.length, 'order violations')
  none(doubles.length, 'double connections')
  none(unsettled.length, 'clients without exactly one connection after quiet')
  none(load.sessionsLost.length, 'sessions lost')
  none(verdict.strange, 'arrivals of what nobody sent')
  none(verdict.unanswered, 'messages never answered')
  none(converged?.different ?? 0, 'rows that differ between the nodes of Cassandra')
  if ((untoldMs ?? 0) > UNTOLD_MS_MAX) failures.push(`a former home was not told for ${untoldMs} ms`)
  if (verdict.acknowledged === 0) failures.push('nothing was acknowledged')
  return failures
}
