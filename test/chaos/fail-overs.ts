// Which roots went on without their former home, when, and until when that one was not told of it, as the cores' logs say: what
// it accepted by then comes late (promise 3), and it goes on serving its client (promise 7).
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { BEGINS_FROM_STORE, FORMER_HOME_TOLD } from '../../k8s-core/app.ts'
import type { Happened } from './faults.ts'
import type { Apart } from './served.ts'

interface Told {
  readonly region: string
  readonly at: number
}

export interface FailOver {
  readonly root: string
  /** Where it goes on. */
  readonly region: string
  /** ms since the epoch. */
  readonly at: number
  /** Which regions were told since, and when; the first comes first. */
  readonly told: readonly Told[]
}

/** What was sent to the former home before it was told may reach it a little after, and its answer the client. */
const UNDER_WAY_MS = 1_000

/** When a region that was the home before knew of it: never, if nothing says so. */
function toldAt({ told }: FailOver, region: string): number {
  return (told.find((one) => one.region === region) ?? told[0])?.at ?? Number.POSITIVE_INFINITY
}

/** Whether a message may be one that the former home has accepted, and that came late, behind one of the new home. */
export function isLate(
  failOver: FailOver,
  late: { readonly root: string; readonly sentAt: number; readonly publisherRegion: string },
  newerAt: number,
): boolean {
  const { root, region, at } = failOver
  if (late.root !== root || at > newerAt) return false
  if (late.sentAt <= at) return true
  return (
    late.publisherRegion !== region && late.sentAt <= toldAt(failOver, late.publisherRegion) + UNDER_WAY_MS
  )
}

/** Of a client's root whose home went on elsewhere: when each other region may not have known of it. @param regions all there are */
export function untold(failOver: FailOver, regions: readonly string[]): Apart[] {
  const { region, at } = failOver
  return regions
    .filter((former) => former !== region)
    .map((former) => ({ region: former, from: at, until: toldAt(failOver, former) + UNDER_WAY_MS }))
}

/**
 * How long it took at most until a former home was told, from when the last fault was over that may have kept it from being so.
 * Null where no home went on elsewhere.
 */
export function longestUntoldMs(
  failOvers: readonly FailOver[],
  happened: readonly Happened[],
): number | null {
  const waits = failOvers.flatMap(({ at, told: [first] }) => {
    if (first === undefined) return []
    const healed = happened.map(({ healedAt }) => healedAt).filter((one) => one > at && one < first.at)
    return [first.at - Math.max(at, ...healed)]
  })
  return waits.length === 0 ? null : Math.max(...waits)
}

export async function readFailOvers(logs: string, cores: readonly string[]): Promise<FailOver[]> {
  const texts = await Promise.all(cores.map((name) => readFile(path.join(logs, `chaos-${name}.log`), 'utf8')))
  return failOversIn(texts.join('\n'))
}

interface Line extends Told {
  readonly root: string
  readonly epoch: number
  readonly msg: string
}

/** @param log a JSON object in each line, among others */
export function failOversIn(log: string): FailOver[] {
  const lines = log
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('{') && [BEGINS_FROM_STORE, FORMER_HOME_TOLD].some((msg) => line.includes(msg)),
    )
    .map((line): Line => {
      const { root, region, epoch, time, msg } = JSON.parse(line) as Omit<Line, 'at'> & { time: number }
      return { root, region, epoch, at: time, msg }
    })
    .sort((a, b) => a.at - b.at)
  const all = lines.filter(({ msg }) => msg === FORMER_HOME_TOLD)
  return lines
    .filter(({ msg }) => msg === BEGINS_FROM_STORE)
    .map(({ root, region, epoch, at }) => ({
      root,
      region,
      at,
      told: all
        // One that names an older epoch is the answer to that home's sync, and may have been lost on its way.
        .filter((one) => one.root === root && one.at > at && one.epoch >= epoch)
        .map((one) => ({ region: one.region, at: one.at })),
    }))
}
