// Which roots went on without their former home, when, and until when that one was not told of it, as the cores' logs say: what
// it accepted by then comes late (promise 3), and it goes on serving its client (promise 7). So does what one had that handed
// over in order and was cut off before its successor had all.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { REMAINDER_WAIT_MS_MAX } from '../../actors/limits.ts'
import { BEGINS_FROM_STORE, BEGINS_IN_ORDER, FORMER_HOME_KNOWS, HAS_ALL } from '../../k8s-core/app.ts'
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

/** A hand-over in order whose rest took longer than the new home holds back what is newer. */
export interface CutShort {
  readonly root: string
  /** When the new home had begun, ms since the epoch: from then on the former one accepted nothing more. */
  readonly at: number
}

/** What the cores' logs say of the roots' homes. */
export interface Moves {
  readonly failOvers: readonly FailOver[]
  readonly cutShort: readonly CutShort[]
}

export const NO_MOVES: Moves = { failOvers: [], cutShort: [] }

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

/** Whether a message may be one that the former home had yet when it was cut off, and that came when the new one waited no more. */
export function isOfCutShort(
  { root, at }: CutShort,
  late: { readonly root: string; readonly sentAt: number; readonly arrivedAt: number | null },
): boolean {
  return late.root === root && late.sentAt <= at && (late.arrivedAt ?? 0) >= at + REMAINDER_WAIT_MS_MAX
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

export async function readMoves(logs: string, cores: readonly string[]): Promise<Moves> {
  const texts = await Promise.all(cores.map((name) => readFile(path.join(logs, `chaos-${name}.log`), 'utf8')))
  return movesIn(texts.join('\n'))
}

interface Line extends Told {
  readonly root: string
  readonly epoch: number
  readonly msg: string
}

const READ = [BEGINS_FROM_STORE, FORMER_HOME_KNOWS, BEGINS_IN_ORDER, HAS_ALL]

/** @param log a JSON object in each line, among others */
export function movesIn(log: string): Moves {
  const lines = log
    .split('\n')
    .filter((line) => line.startsWith('{') && READ.some((msg) => line.includes(msg)))
    .map((line): Line => {
      const { root, region, epoch, time, msg } = JSON.parse(line) as Omit<Line, 'at'> & { time: number }
      return { root, region, epoch, at: time, msg }
    })
    .sort((a, b) => a.at - b.at)
  return { failOvers: failOversIn(lines), cutShort: cutShortIn(lines) }
}

function failOversIn(lines: readonly Line[]): FailOver[] {
  const all = lines.filter(({ msg }) => msg === FORMER_HOME_KNOWS)
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

function cutShortIn(lines: readonly Line[]): CutShort[] {
  const had = lines.filter(({ msg }) => msg === HAS_ALL)
  return lines
    .filter(({ msg }) => msg === BEGINS_IN_ORDER)
    .filter(({ root, epoch, at }) => {
      const all = had.find((one) => one.root === root && one.epoch === epoch)
      return (all?.at ?? Number.POSITIVE_INFINITY) - at > REMAINDER_WAIT_MS_MAX
    })
    .map(({ root, at }) => ({ root, at }))
}
