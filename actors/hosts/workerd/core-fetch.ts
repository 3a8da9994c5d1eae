// The core over HTTP, signed.
import type { RegionId } from '../../../src/id/ids.ts'
import { postRelay } from '../../../src/relay/post.ts'
import { edgeParty, RelaySigner } from '../../../src/relay/token.ts'
import { RELAY_PATH } from '../../../src/relay/version.ts'
import { coreCalls } from '../../core/core-calls.ts'
import { type CoreClient, CoreUnreachable } from '../../core/core-client.ts'
import type { Env } from './env.ts'

const signers = new Map<RegionId, RelaySigner>()

export function coreClient(env: Env, region: RegionId): CoreClient {
  // One signer for all actors of this isolate: a token is good for minutes.
  let signer = signers.get(region)
  if (signer === undefined) {
    signer = new RelaySigner(env.RELAY_SECRET, edgeParty(region))
    signers.set(region, signer)
  }
  const signing = signer

  return coreCalls(async (name, body, timeoutMs) => {
    let response: Response
    // Cleared when the answer is there: a timer that is left running would keep the actor in memory.
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      response = await postRelay(`${env.CORE_URL}${RELAY_PATH}/${name}`, {
        headers: { authorization: await signing.authorization('core') },
        body,
        signal: timeout.signal,
      })
      if (response.ok) return response.status === 204 ? null : await response.json()
    } catch (cause) {
      throw new CoreUnreachable(`the core was not reached for ${name}: ${String(cause)}`, { cause })
    } finally {
      clearTimeout(timer)
    }
    throw new CoreUnreachable(
      `the core answered ${name} with ${response.status}: ${(await response.text()).slice(0, 300)}`,
    )
  })
}
