// The measurement of device to device messages, as the generator performs it: on one set of connections first as many
// messages as the window allows, then a modest fixed rate.
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMicros, ownCpuMicros } from './cpu.ts'
import { Pair, type PairPlan } from './pair.ts'
import { type Quantiles, Samples } from './samples.ts'

const OPENING_AT_ONCE = 10
const STALL_CHECK_MS = 250
const STALL_MS = 1_000
/** How long to wait for what is missing, after the last message has come. */
const QUIET_MS = { 0: 2_000, 1: 15_000 } as const
const DRAIN_CHECK_MS = 20
const PACE_MS = 1

export type PairsJob = {
  readonly kind: 'pairs'
  readonly pairs: readonly PairPlan[]
  readonly serverPids: readonly number[]
  readonly qos: 0 | 1
  /** Messages under way for each pair. */
  readonly window: number
  readonly payloadBytes: number
  readonly warmUpSeconds: number
  readonly seconds: number
  /** Messages per second, of all pairs together. */
  readonly rate: number
}

export type Phase = {
  readonly messagesPerSecond: number
  readonly oneWayMs: Quantiles | null
  /** From PUBLISH to PUBACK. */
  readonly acknowledgementMs: Quantiles | null
  readonly serverMicrosPerMessage: number | null
  /** Of one processor: near 1 the generator, not the server, was the limit. */
  readonly generatorShare: number
  /** Messages of the pair that got the fewest, as a share of the mean. */
  readonly slowestPairShare: number
}

export type PairsResult = {
  readonly throughput: Phase
  readonly paced: Phase
  readonly sent: number
  readonly lost: number
  readonly unacknowledged: number
  readonly duplicates: number
  readonly reordered: number
  readonly lostConnections: readonly string[]
}

export async function runPairs(job: PairsJob): Promise<PairsResult> {
  const pairs = await openPairs(job)
  try {
    const throughput = await measureThroughput(job, pairs)
    await drain(job.qos, pairs)
    const paced = await measurePaced(job, pairs)
    await drain(job.qos, pairs)
    const total = (of: (pair: Pair) => number): number => pairs.reduce((sum, pair) => sum + of(pair), 0)
    return {
      throughput,
      paced,
      sent: total(({ account }) => account.sent),
      lost: total(({ account }) => account.lost),
      unacknowledged: job.qos === 0 ? 0 : total(({ account }) => account.sent - account.acknowledged),
      duplicates: total(({ account }) => account.duplicates),
      reordered: total(({ account }) => account.reordered),
      lostConnections: pairs.flatMap((pair) => pair.lostConnection ?? []),
    }
  } finally {
    for (const pair of pairs) pair.end()
  }
}

async function openPairs(job: PairsJob): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let at = 0; at < job.pairs.length; at += OPENING_AT_ONCE) {
    const some = job.pairs.slice(at, at + OPENING_AT_ONCE)
    pairs.push(...(await Promise.all(some.map((plan) => Pair.open(plan, job.qos, job.payloadBytes)))))
  }
  return pairs
}

async function measureThroughput(job: PairsJob, pairs: readonly Pair[]): Promise<Phase> {
  let open = true
  const fill = (pair: Pair): void => {
    while (open && pair.underWay < job.window) pair.publish()
  }
  for (const pair of pairs) {
    pair.onProgress = fill
    fill(pair)
  }
  // QoS 0 may lose messages, which must not hold a window for ever.
  const progress = pairs.map((pair) => ({ pair, received: 0, at: performance.now() }))
  const stalls = setInterval(() => {
    for (const seen of progress) {
      const { received } = seen.pair.account
      if (received !== seen.received) Object.assign(seen, { received, at: performance.now() })
      else if (job.qos === 0 && performance.now() - seen.at > STALL_MS) {
        seen.pair.writeOff()
        fill(seen.pair)
      }
    }
  }, STALL_CHECK_MS)
  await sleep(job.warmUpSeconds * 1000)
  const phase = await measure(job, pairs)
  clearInterval(stalls)
  open = false
  return phase
}

async function measurePaced(job: PairsJob, pairs: readonly Pair[]): Promise<Phase> {
  const begin = performance.now()
  let sent = 0
  const pacer = setInterval(() => {
    const due = Math.floor(((performance.now() - begin) / 1000) * job.rate)
    while (sent < due) pairs[sent++ % pairs.length]?.publish()
  }, PACE_MS)
  // A second, so that what the end of the full load has left behind is not in the figures.
  await sleep(1000)
  const phase = await measure(job, pairs)
  clearInterval(pacer)
  return phase
}

async function measure(job: PairsJob, pairs: readonly Pair[]): Promise<Phase> {
  const received = (): number[] => pairs.map(({ account }) => account.received)
  const snapshot = () => ({
    at: performance.now(),
    received: received(),
    server: cpuMicros(job.serverPids),
    own: ownCpuMicros(),
  })
  const before = snapshot()
  const watch = { oneWay: new Samples(), acknowledgement: new Samples(), since: before.at }
  for (const pair of pairs) pair.watch = watch
  await sleep(job.seconds * 1000)
  for (const pair of pairs) pair.watch = null
  const after = snapshot()

  const perPair = after.received.map((count, index) => count - (before.received[index] ?? 0))
  const messages = perPair.reduce((sum, count) => sum + count, 0)
  const milliseconds = after.at - before.at
  return {
    messagesPerSecond: (messages / milliseconds) * 1000,
    oneWayMs: watch.oneWay.quantiles(),
    acknowledgementMs: watch.acknowledgement.quantiles(),
    serverMicrosPerMessage:
      before.server === null || after.server === null || messages === 0
        ? null
        : (after.server - before.server) / messages,
    generatorShare: (after.own - before.own) / 1000 / milliseconds,
    slowestPairShare: messages === 0 ? 0 : (Math.min(...perPair) * pairs.length) / messages,
  }
}

/** Until every message has come and is acknowledged, or nothing more comes. */
async function drain(qos: 0 | 1, pairs: readonly Pair[]): Promise<void> {
  let last = performance.now()
  for (const pair of pairs) {
    pair.onProgress = () => {
      last = performance.now()
    }
  }
  while (performance.now() - last < QUIET_MS[qos] && !pairs.every(({ complete }) => complete)) {
    await sleep(DRAIN_CHECK_MS)
  }
  for (const pair of pairs) pair.writeOff()
}
