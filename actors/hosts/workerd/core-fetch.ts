// The core over HTTP, signed.
import type { RegionId } from '../../../src/id/ids.ts'
import { PeerVersion } from '../../../src/relay/peer-version.ts'
import { postRelay, relayAnswer } from '../../../src/relay/post.ts'
import { edgeParty, RelaySigner } from '../../../src/relay/token.ts'
import { coreCalls } from '../../core/core-calls.ts'
import { type CoreClient, CoreUnreachable } from '../../core/core-client.ts'
import type { Env } from './env.ts'

const signers = new Map<RegionId, RelaySigner>()
/** Shared by all actors of this isolate. */
const version = new PeerVersion()

export function coreClient(env: Env, region: RegionId): CoreClient {
  // One signer for all actors of this isolate: a token is good for minutes.
  let signer = signers.get(region)
  if (signer === undefined) {
    signer = new RelaySigner(env.RELAY_SECRET, edgeParty(region))
    signers.set(region, signer)
  }
  const signing = signer

  return coreCalls(async (name, body, timeoutMs, given) => {
    let response: Response
    // Clear the timer with the answer: a timer keeps the actor in memory.
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      response = await postRelay({
        base: env.CORE_URL,
        version,
        path: name,
        headers: { authorization: await signing.authorization('core') },
        body,
        signal: given === undefined ? timeout.signal : AbortSignal.any([timeout.signal, given]),
      })
      // Copied: a view of one message would hold the whole answer in memory.
      if (response.ok) return await relayAnswer(response, false)
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
