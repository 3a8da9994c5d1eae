// A compare-and-set whose answer is lost or contended, repeated until it is known what became of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { errors, types } from 'cassandra-driver'
import { SETTLE_MS, SETTLE_PAUSE_FIRST_MS, SETTLE_PAUSE_MAX_MS } from './limits.ts'

/** Repeats `round` until it has a result, through errors that may pass. Rejects with the last one after SETTLE_MS. */
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

/** Errors that say that the statement was not and will not be executed, so trying again is of no use. */
function isRefusal(error: unknown): boolean {
  const { invalid, syntaxError, unauthorized, badCredentials, configError } = types.responseErrorCodes
  return (
    error instanceof errors.ResponseError &&
    [invalid, syntaxError, unauthorized, badCredentials, configError].includes(error.code)
  )
}

/** Contending proposers only get out of each other's way if their pauses differ. */
async function pause(round: number): Promise<void> {
  const longest = Math.min(SETTLE_PAUSE_MAX_MS, SETTLE_PAUSE_FIRST_MS * 2 ** round)
  await sleep(longest * (0.5 + Math.random() / 2))
}
