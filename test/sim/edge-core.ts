// The core as an actor sees it: as actors/workerd/core-fetch.ts, over simulated requests.
import type { z } from 'zod'
import { type CoreClient, CoreUnreachable } from '../../actors/core-client.ts'
import {
  CLAIM_TIMEOUT_MS,
  CORE_CALL_TIMEOUT_MS,
  DRAINED_TIMEOUT_MS,
  SUBSCRIBE_TIMEOUT_MS,
} from '../../actors/limits.ts'
import { envelopesResponseSchema } from '../../src/relay/envelope.ts'
import { claimResponseSchema, importedResponseSchema, resolveResponseSchema } from '../../src/relay/home.ts'
import { interestResponseSchema } from '../../src/relay/interest.ts'
import { presenceResponseSchema } from '../../src/relay/presence.ts'
import { shadowResponseSchema } from '../../src/relay/shadow.ts'
import { syncResponseSchema } from '../../src/relay/sync.ts'
import { wideResponseSchema, wideRetainedResponseSchema } from '../../src/relay/wide.ts'
import type { Life } from './actor.ts'
import { request } from './http.ts'

export function edgeCore(life: Life): CoreClient {
  const post = async (name: string, body: unknown, timeoutMs = CORE_CALL_TIMEOUT_MS): Promise<unknown> => {
    const { world, region } = life.actor
    try {
      return await request(life, world.random.pick(world.pods).serverFor(region, name), timeoutMs, body)
    } catch (cause) {
      throw new CoreUnreachable(`the core was not reached for ${name}: ${String(cause)}`, { cause })
    }
  }
  const ask = async <S extends z.ZodType>(
    name: string,
    body: unknown,
    schema: S,
    timeoutMs?: number,
  ): Promise<z.infer<S>> => {
    const answer = schema.safeParse(await post(name, body, timeoutMs))
    if (!answer.success)
      life.world.breach('contract', `the core's answer to ${name}: ${answer.error.message}`)
    return answer.data as z.infer<S>
  }
  return {
    resolve: (body) => ask('resolve', body, resolveResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    claim: (body) => ask('claim', body, claimResponseSchema, CLAIM_TIMEOUT_MS),
    imported: (body) => ask('imported', body, importedResponseSchema),
    interest: (body) => ask('interest', body, interestResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    drained: async (body) => {
      await post('drained', body, DRAINED_TIMEOUT_MS)
    },
    envelopes: (body) => ask('envelopes', body, envelopesResponseSchema),
    presence: (body) => ask('presence', body, presenceResponseSchema),
    sync: (body) => ask('sync', body, syncResponseSchema),
    shadow: (body) => ask('shadow', body, shadowResponseSchema),
    wide: (body) => ask('wide', body, wideResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    wideDrained: async (body) => {
      await post('wide-drained', body, DRAINED_TIMEOUT_MS)
    },
    wideRetained: (body) => ask('wide-retained', body, wideRetainedResponseSchema, SUBSCRIBE_TIMEOUT_MS),
  }
}
