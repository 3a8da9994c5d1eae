// The core over HTTP, signed.
import type { z } from 'zod'
import type { RegionId } from '../../src/id/ids.ts'
import { envelopesResponseSchema } from '../../src/relay/envelope.ts'
import { claimResponseSchema, importedResponseSchema, resolveResponseSchema } from '../../src/relay/home.ts'
import { interestResponseSchema } from '../../src/relay/interest.ts'
import { postRelay } from '../../src/relay/post.ts'
import { presenceResponseSchema } from '../../src/relay/presence.ts'
import { shadowResponseSchema } from '../../src/relay/shadow.ts'
import { syncResponseSchema } from '../../src/relay/sync.ts'
import { edgeParty, RelaySigner } from '../../src/relay/token.ts'
import { RELAY_PATH } from '../../src/relay/version.ts'
import { wideResponseSchema, wideRetainedResponseSchema } from '../../src/relay/wide.ts'
import { type CoreClient, CoreUnreachable } from '../core-client.ts'
import {
  CLAIM_TIMEOUT_MS,
  CORE_CALL_TIMEOUT_MS,
  DRAINED_TIMEOUT_MS,
  SUBSCRIBE_TIMEOUT_MS,
} from '../limits.ts'
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

  const post = async (name: string, body: unknown, timeoutMs = CORE_CALL_TIMEOUT_MS): Promise<unknown> => {
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
  }

  const ask = async <S extends z.ZodType>(
    name: string,
    body: unknown,
    schema: S,
    timeoutMs?: number,
  ): Promise<z.infer<S>> => schema.parse(await post(name, body, timeoutMs))

  return {
    resolve: (request) => ask('resolve', request, resolveResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    claim: (request) => ask('claim', request, claimResponseSchema, CLAIM_TIMEOUT_MS),
    imported: (request) => ask('imported', request, importedResponseSchema),
    interest: (request) => ask('interest', request, interestResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    drained: async (request) => {
      await post('drained', request, DRAINED_TIMEOUT_MS)
    },
    envelopes: (request) => ask('envelopes', request, envelopesResponseSchema),
    presence: (request) => ask('presence', request, presenceResponseSchema),
    sync: (request) => ask('sync', request, syncResponseSchema),
    shadow: (request) => ask('shadow', request, shadowResponseSchema),
    wide: (request) => ask('wide', request, wideResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    wideDrained: async (request) => {
      await post('wide-drained', request, DRAINED_TIMEOUT_MS)
    },
    wideRetained: (request) =>
      ask('wide-retained', request, wideRetainedResponseSchema, SUBSCRIBE_TIMEOUT_MS),
  }
}
