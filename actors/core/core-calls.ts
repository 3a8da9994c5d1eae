// The core's calls by their names in the contract: the schema of each answer, and how long it may take.
import type { z } from 'zod'
import { accessResponseSchema } from '../../src/relay/access.ts'
import { commandResponseSchema } from '../../src/relay/command.ts'
import { envelopesResponseSchema } from '../../src/relay/envelope.ts'
import { explainResponseSchema } from '../../src/relay/explain.ts'
import { historyResponseSchema } from '../../src/relay/history.ts'
import { claimResponseSchema, importedResponseSchema, resolveResponseSchema } from '../../src/relay/home.ts'
import { interestResponseSchema } from '../../src/relay/interest.ts'
import { presenceResponseSchema } from '../../src/relay/presence.ts'
import { provisionResponseSchema } from '../../src/relay/provision.ts'
import { sessionResponseSchema } from '../../src/relay/session-admin.ts'
import { shadowResponseSchema } from '../../src/relay/shadow.ts'
import { syncResponseSchema } from '../../src/relay/sync.ts'
import { wideResponseSchema, wideRetainedResponseSchema } from '../../src/relay/wide.ts'
import {
  ACCESS_TIMEOUT_MS,
  CLAIM_TIMEOUT_MS,
  COMMAND_CORE_MARGIN_MS,
  CORE_CALL_TIMEOUT_MS,
  DRAINED_TIMEOUT_MS,
  EXPLAIN_CORE_MS,
  SUBSCRIBE_TIMEOUT_MS,
} from '../limits.ts'
import type { CoreClient } from './core-client.ts'

/** Resolves with the answer's JSON, or null if it has none; rejects with `CoreUnreachable`. */
export type PostToCore = (
  name: string,
  body: unknown,
  timeoutMs: number,
  signal?: AbortSignal,
) => Promise<unknown>

/** Checks an answer against the contract. */
type Check = <S extends z.ZodType>(name: string, schema: S, answer: unknown) => z.infer<S>

export function coreCalls(
  post: PostToCore,
  check: Check = (_, schema, answer) => schema.parse(answer),
): CoreClient {
  const ask = async <S extends z.ZodType>(
    name: string,
    body: unknown,
    schema: S,
    timeoutMs = CORE_CALL_TIMEOUT_MS,
    signal?: AbortSignal,
  ): Promise<z.infer<S>> => check(name, schema, await post(name, body, timeoutMs, signal))

  return {
    resolve: (request) => ask('resolve', request, resolveResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    claim: (request) => ask('claim', request, claimResponseSchema, CLAIM_TIMEOUT_MS),
    imported: (request) => ask('imported', request, importedResponseSchema),
    interest: (request) => ask('interest', request, interestResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    drained: async (request) => {
      await post('drained', request, DRAINED_TIMEOUT_MS)
    },
    envelopes: (request, signal) =>
      ask('envelopes', request, envelopesResponseSchema, CORE_CALL_TIMEOUT_MS, signal),
    presence: (request) => ask('presence', request, presenceResponseSchema),
    session: (request) => ask('session', request, sessionResponseSchema),
    explain: (request) => ask('explain', request, explainResponseSchema, EXPLAIN_CORE_MS),
    sync: (request) => ask('sync', request, syncResponseSchema),
    shadow: (request) => ask('shadow', request, shadowResponseSchema),
    history: (request) => ask('history', request, historyResponseSchema),
    access: (request) => ask('access', request, accessResponseSchema, ACCESS_TIMEOUT_MS),
    provision: (request) => ask('provision', request, provisionResponseSchema),
    command: (request) =>
      ask('command', request, commandResponseSchema, request.asked.holdMs + COMMAND_CORE_MARGIN_MS),
    wide: (request) => ask('wide', request, wideResponseSchema, SUBSCRIBE_TIMEOUT_MS),
    wideDrained: async (request) => {
      await post('wide-drained', request, DRAINED_TIMEOUT_MS)
    },
    wideRetained: (request) =>
      ask('wide-retained', request, wideRetainedResponseSchema, SUBSCRIBE_TIMEOUT_MS),
  }
}
