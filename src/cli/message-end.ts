// The end of a command that prints messages: enough of them, the time is over, Ctrl-C, or the connection is lost.
import { once } from 'node:events'
import type { Connection } from './connect.ts'
import { Exit, Failure } from './exit.ts'

export interface Ending {
  /** Resolves when `count` messages have come. */
  readonly enough: Promise<void>
  readonly count: number | undefined
  readonly timeoutMs: number | undefined
  readonly stopped: AbortSignal
}

/** @throws Failure if the connection is lost, or the time is over before `count` messages */
export async function untilOver({ lost }: Connection, ending: Ending): Promise<void> {
  const { enough, count, timeoutMs, stopped } = ending
  const tooLate = timeoutMs === undefined ? null : AbortSignal.timeout(timeoutMs)
  const over = tooLate === null ? stopped : AbortSignal.any([stopped, tooLate])
  const ended = over.aborted ? Promise.resolve() : once(over, 'abort')
  const failure = await Promise.race([lost, ended.then(() => null), enough.then(() => null)])
  if (failure !== null) throw failure
  if (tooLate?.aborted && !stopped.aborted && count !== undefined)
    throw new Failure(Exit.Timeout, `fewer than ${count} came in ${(timeoutMs ?? 0) / 1000} s`)
}
