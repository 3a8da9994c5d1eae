// A region whose core link is cut for minutes under load: inside it nothing changes, the outbox fills and then refuses,
// and after the heal everything drains in order.
import { setTimeout as sleep } from 'node:timers/promises'
import { isFailure } from '../../src/mqtt/reason.ts'
import { ChaosClient, type ClientEvents } from './client.ts'
import type { Topology } from './database.ts'
import { Ledger, type Stream } from './ledger.ts'
import { percentile, Seconds } from './seconds.ts'
import { World } from './world.ts'

const TICK_MS = 50
const WINDOW = 200
const PAIRS = 4
const RATE_INSIDE = 200
const RATE_OUT = 100
/** How much of the cut the outbox takes before it is full. */
const FILLED_AFTER = 0.6
const BEFORE_MS_MAX = 60_000
const DRAIN_MS_MAX = 120_000
const DRAIN_MS_ALLOWED = 30_000
const SLOWER_MAX = 1.5
const QUOTA_EXCEEDED = 0x97

export interface CutOptions {
  readonly minutes: number
  readonly cassandra: Topology
  readonly logs: string
  readonly say: (line: string) => void
}

export interface CutResult {
  readonly cutMs: number
  readonly outboxMessagesMax: number
  readonly insideBefore: { readonly p50Ms: number; readonly p99Ms: number; readonly messages: number }
  readonly insideDuring: { readonly p50Ms: number; readonly p99Ms: number; readonly messages: number }
  readonly slower: number
  /** The same in the other region, which nothing was cut from but this one: how the machine itself changed. */
  readonly controlSlower: number
  /** p99 inside in each quarter of the cut: the outbox is filling, and then full. */
  readonly duringByQuarterMs: readonly (number | null)[]
  /** Published to the other region during the cut: acknowledged, and refused by code. */
  readonly kept: number
  readonly refusals: Readonly<Record<string, number>>
  readonly firstRefusalMs: number | null
  readonly drainMs: number
  readonly lost: number
  readonly inversions: number
  readonly duplicates: number
  readonly failures: readonly string[]
  /** What took longer than it should: for a quiet machine to judge. */
  readonly tooSlow: readonly string[]
}

interface Way {
  readonly client: ChaosClient
  readonly stream: Stream
  readonly topic: string
  readonly rate: number
  readonly answered: (code: number, sentAt: number, at: number) => void
}

export async function runCut(options: CutOptions): Promise<CutResult> {
  const cutMs = options.minutes * 60_000
  const outboxMessagesMax = Math.round((RATE_OUT * FILLED_AFTER * cutMs) / 1000)
  const world = await World.start({
    regions: ['eu', 'us'],
    cores: 2,
    cassandra: options.cassandra,
    logs: options.logs,
    // One region, which is away, gets half of the room.
    bindings: { OUTBOX_MESSAGES_MAX: String(outboxMessagesMax * 2) },
  })
  const ledger = new Ledger()
  const clients: ChaosClient[] = []
  try {
    const client = async (id: string, region: string) => {
      const events: ClientEvents = {
        arrived: (_client, payload, _qos, on) =>
          ledger.arrived(ledger.receiver(id, 'settled'), payload, Date.now(), on),
        refused: () => undefined,
        sessionLost: () => undefined,
        noted: () => undefined,
      }
      const made = new ChaosClient(world, id, { region, version: 5 }, events)
      clients.push(made)
      await made.start()
      return made
    }
    const subscriber = async (id: string, region: string) => {
      const root = `devices/${id}`
      const at = await (await client(id, region)).subscribe(`${root}/#`, 1)
      ledger.receiver(id, 'settled').since.set(root, at)
      return root
    }
    const inside = new Seconds(Date.now())
    const ways: Way[] = []
    const control = new Seconds(Date.now())
    for (const [region, seconds] of [
      ['eu', inside],
      ['us', control],
    ] as const) {
      for (let i = 0; i < PAIRS; i++) {
        const root = await subscriber(`in-sub-${region}-${i}`, region)
        const publisher = await client(`in-pub-${region}-${i}`, region)
        ways.push({
          client: publisher,
          stream: ledger.stream(publisher.id, region, root, 1),
          topic: `${root}/x`,
          rate: RATE_INSIDE / PAIRS,
          answered: (code, sentAt, at) => seconds.answered(at, at - sentAt, !isFailure(code)),
        })
      }
    }
    let cutAt = Number.POSITIVE_INFINITY
    let healedAt = Number.POSITIVE_INFINITY
    let kept = 0
    let firstRefusalMs: number | null = null
    const far = await subscriber('far-sub', 'us')
    const out = await client('far-pub', 'eu')
    ways.push({
      client: out,
      stream: ledger.stream(out.id, 'eu', far, 1),
      topic: `${far}/x`,
      rate: RATE_OUT,
      answered: (code, _sentAt, at) => {
        if (at < cutAt || at > healedAt) return
        if (!isFailure(code)) kept++
        else firstRefusalMs ??= at - cutAt
      },
    })
    let running = true
    const work = ways.map((way) => publish(ledger, way, () => running))
    const beforeMs = Math.min(BEFORE_MS_MAX, Math.max(20_000, cutMs / 3))
    // The first seconds are those of cold actors.
    await sleep(5_000)
    const from = Date.now()
    await sleep(beforeMs)
    cutAt = Date.now()
    options.say(`the links of eu are cut; the outbox takes ${outboxMessagesMax} messages`)
    for (const link of world.linksOf('eu')) link.become({ kind: 'cut' })
    await sleep(cutMs)
    healedAt = Date.now()
    options.say('the links of eu are healed')
    const before = inside.between(from, cutAt)
    const during = inside.between(cutAt, healedAt)
    const controlBefore = control.between(from, cutAt)
    const controlDuring = control.between(cutAt, healedAt)
    running = false
    for (const link of world.linksOf('eu')) link.become({ kind: 'up' })
    await Promise.all(work)
    let drainMs = 0
    while (drainMs < DRAIN_MS_MAX && ledger.unanswered() + ledger.missing().length > 0) {
      await sleep(100)
      drainMs = Date.now() - healedAt
    }
    const verdict = ledger.judge()
    const p99 = (values: readonly number[]) => percentile(values, 0.99) ?? Number.NaN
    // Milliseconds are counted whole: below one there is no ratio to take.
    const ratio = (now: readonly number[], then: readonly number[]) =>
      Math.max(1, p99(now)) / Math.max(1, p99(then))
    const slower = ratio(during, before)
    const controlSlower = ratio(controlDuring, controlBefore)
    const numbers = (values: readonly number[]) => ({
      p50Ms: percentile(values, 0.5) ?? Number.NaN,
      p99Ms: p99(values),
      messages: values.length,
    })
    const failures: string[] = []
    const must = (holds: boolean, what: string) => {
      if (!holds) failures.push(what)
    }
    const quota = `PUBLISH 0x${QUOTA_EXCEEDED.toString(16)}`
    must((verdict.refusals[quota] ?? 0) > 0, 'the full outbox refused nothing')
    must(
      Object.keys(verdict.refusals).every((name) => name === quota),
      'refused with another code than 0x97',
    )
    must(kept >= outboxMessagesMax, `the outbox took only ${kept} messages`)
    must(verdict.lost.length === 0, `${verdict.lost.length} acknowledged messages lost`)
    must(verdict.inversions.length === 0, `${verdict.inversions.length} order violations`)
    const tooSlow: string[] = []
    if (slower > SLOWER_MAX * Math.max(1, controlSlower))
      tooSlow.push(
        `in-region p99 grew ${slower.toFixed(2)} times, ${controlSlower.toFixed(2)} times in the other region`,
      )
    if (drainMs > DRAIN_MS_ALLOWED) tooSlow.push(`drained in ${drainMs} ms`)
    return {
      cutMs,
      outboxMessagesMax,
      insideBefore: numbers(before),
      insideDuring: numbers(during),
      slower,
      controlSlower,
      duringByQuarterMs: [0, 1, 2, 3].map((i) =>
        percentile(inside.between(cutAt + (i * cutMs) / 4, cutAt + ((i + 1) * cutMs) / 4), 0.99),
      ),
      kept,
      refusals: verdict.refusals,
      firstRefusalMs,
      drainMs,
      lost: verdict.lost.length,
      inversions: verdict.inversions.length,
      duplicates: verdict.duplicatesQos1,
      failures,
      tooSlow,
    }
  } finally {
    for (const one of clients) one.stop()
    await world.stop()
  }
}

async function publish(ledger: Ledger, way: Way, running: () => boolean): Promise<void> {
  let due = 0
  while (running()) {
    due = Math.min(due + (way.rate * TICK_MS) / 1000, way.rate)
    while (due >= 1 && way.client.open < WINDOW) {
      due--
      const sentAt = Date.now()
      const { sequence, payload } = ledger.sent(way.stream, sentAt)
      way.client.publish(way.topic, payload, 1, (code) => {
        const at = Date.now()
        ledger.answered(way.stream, sequence, code, at)
        way.answered(code, sentAt, at)
      })
    }
    await sleep(TICK_MS)
  }
}
