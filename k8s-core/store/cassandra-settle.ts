// Repeats a compare-and-set whose answer was lost, or that contended with another, until its outcome is known.
import { setTimeout as sleep } from 'node:timers/promises'
import { errors, types } from 'cassandra-driver'
import { SETTLE_MS, SETTLE_PAUSE_FIRST_MS, SETTLE_PAUSE_MAX_MS } from './limits.ts'

/** Repeats `round` until it has a result, through transient errors. Rejects with the last error after SETTLE_MS. */
export async function settle<T>(
  what: string,
  round: (n: number) => Promise<{ readonly result: T } | null>,
): Promise<T> {
  const deadline = Date.now() + SETTLE_MS
  let failure: unknown
  for (let n = 0; Date.now() < deadline; n++) {
    try {
      const settled = await round(n)
      if (settled !== null) return settled.result
    } catch (error) {
      if (isRefusal(error)) throw error
      failure = error
      await pause(n)
    }
  }
  throw new Error(`${what} was not settled within ${SETTLE_MS} ms`, { cause: failure })
}

/** Errors after which the statement will never be executed: trying again is of no use. */
function isRefusal(error: unknown): boolean {
  const { invalid, syntaxError, unauthorized, badCredentials, configError } = types.responseErrorCodes
  return (
    error instanceof errors.ResponseError &&
    [invalid, syntaxError, unauthorized, badCredentials, configError].includes(error.code)
  )
}

/** Random, since contending proposers with equal pauses would contend for ever. */
async function pause(round: number): Promise<void> {
  const longest = Math.min(SETTLE_PAUSE_MAX_MS, SETTLE_PAUSE_FIRST_MS * 2 ** round)
  await sleep(longest * (0.5 + Math.random() / 2))
}
