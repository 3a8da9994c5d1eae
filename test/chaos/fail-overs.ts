// Which roots went on without their former home, and when, as the cores' logs say: what that one had comes late (promise 3).
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { BEGINS_FROM_STORE } from '../../k8s-core/app.ts'
import type { Happened } from './faults.ts'
import type { Apart } from './served.ts'

/** A region that is out of reach goes on as the home until it is told: the longest fault, and the new home's next try. */
const UNTOLD_MS_MAX = 20_000

export interface FailOver {
  readonly root: string
  /** Where it goes on. */
  readonly region: string
  /** ms since the epoch. */
  readonly at: number
}

/** Whether a message may be one that the former home has accepted, and that came late, behind one of the new home. */
export function isLate(
  { root, region, at }: FailOver,
  late: { readonly root: string; readonly sentAt: number; readonly publisherRegion: string },
  newerAt: number,
): boolean {
  if (late.root !== root || at > newerAt) return false
  return late.sentAt <= at || (late.publisherRegion !== region && late.sentAt <= at + UNTOLD_MS_MAX)
}

/** A new home asks its silent former one after this long, and again after twice as long, and so on. */
const FIRST_TRY_MS = 1_000
const PAUSE_MS_MAX = 60_000
/** A try takes as long. */
const TRY_MS = 1_000

/**
 * Of a root whose home went on elsewhere: until when its former home may not have been told, and keeps serving its client. It
 * is out of reach as long as the faults say, and the next try comes after at most as long again.
 * @param regions all there are
 */
export function untold(
  { region, at }: FailOver,
  regions: readonly string[],
  happened: readonly Happened[],
): Apart[] {
  return regions.flatMap((former) => {
    if (former === region) return []
    const reachable = happened
      .filter(({ target }) => target === former || target.endsWith(`→${former}`))
      .filter(({ beganAt, healedAt }) => beganAt <= at && healedAt >= at)
      .map(({ healedAt }) => healedAt)
    if (reachable.length === 0) return []
    const awayMs = Math.max(...reachable) - at
    const until = at + awayMs + Math.min(FIRST_TRY_MS + awayMs, PAUSE_MS_MAX) + TRY_MS
    return [{ region: former, from: at, until }]
  })
}

export async function readFailOvers(logs: string, cores: readonly string[]): Promise<FailOver[]> {
  const texts = await Promise.all(cores.map((name) => readFile(path.join(logs, `chaos-${name}.log`), 'utf8')))
  return texts.flatMap((text) => failOversIn(text))
}

/** @param log a JSON object in each line, among others */
export function failOversIn(log: string): FailOver[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(BEGINS_FROM_STORE))
    .map((line) => {
      const { root, region, time } = JSON.parse(line) as { root: string; region: string; time: number }
      return { root, region, at: time }
    })
}
