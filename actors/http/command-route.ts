// Devices called over HTTP. The caller waits here, and this edge asks the device's home for the same command again and again until
// there is an outcome. So neither a core that dies nor a device that moves ends the call.
import {
  callAnswer,
  callRoute,
  commandAnswer,
  commandRoute,
  unreachableAnswer,
} from '../../src/api/command.ts'
import { callOf, triesOf, waitMsOf } from '../../src/api/command-call.ts'
import { onTrust } from '../../src/api/responses.ts'
import type { ClientId } from '../../src/id/ids.ts'
import type { CommandAsked, CommandResponse } from '../../src/relay/command.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { COMMAND_ANSWER_MS, COMMAND_ASK_AGAIN_MS, COMMAND_UNREACHED_MS_MAX } from '../limits.ts'
import { askHome } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

export const commandRoutes = edgeRoutes()

commandRoutes.openapi(callRoute, async (c) => {
  const { device } = c.req.valid('param')
  const header = c.req.valid('header')
  const body = c.req.valid('json')
  const waitMs = waitMsOf(header.Prefer, body.timeoutMs)
  const call = await callOf(body, { fleet: c.var.claims.fleet, device }, header['Idempotency-Key'], waitMs)
  if (call === null) return problemResponse('too-large', 'The payload is too large', { field: 'payload' })
  // The home's timeout began a little after the caller's: wait for it, so that the home can report the timeout.
  const until = Date.now() + waitMs + (waitMs === body.timeoutMs ? COMMAND_ANSWER_MS : 0)
  const answer = await persistently(
    c,
    device,
    until,
    triesOf({ ...call, caller: c.var.claims.client }, until),
  )
  return onTrust(
    'why' in answer ? unreachableAnswer(call.id, answer.why) : callAnswer(device, call.id, answer),
  )
})

commandRoutes.openapi(commandRoute, async (c) => {
  const { device, command } = c.req.valid('param')
  const answer = await persistently(c, device, Date.now(), () => ({ ask: 'look', id: command, holdMs: 0 }))
  return onTrust(
    'why' in answer ? unreachableAnswer(command, answer.why) : commandAnswer(device, command, answer),
  )
})

/**
 * Asks until there is an outcome, or the time is over.
 * @param asked makes the request of the next try
 */
async function persistently(
  c: ApiContext,
  device: ClientId,
  until: number,
  asked: () => CommandAsked,
): Promise<CommandResponse | { readonly why: string }> {
  let unreachedSince: number | null = null
  for (;;) {
    const answer = await ask(c, device, asked())
    const now = Date.now()
    const unreached = 'why' in answer || answer.status === 'unreachable'
    if (!unreached && !(answer.status === 'done' && answer.outcome.state === 'open' && now < until))
      return answer
    if (unreached) {
      unreachedSince ??= now
      if (now >= until || now - unreachedSince > COMMAND_UNREACHED_MS_MAX) return answer
      await new Promise((done) => setTimeout(done, Math.min(COMMAND_ASK_AGAIN_MS, until - now)))
    } else unreachedSince = null
  }
}

async function ask(
  c: ApiContext,
  device: ClientId,
  asked: CommandAsked,
): Promise<CommandResponse | { readonly why: string }> {
  try {
    const answer = await askHome<CommandResponse>(
      c,
      device,
      'device',
      (actor) => actor.command(asked, null),
      (core, where) => core.command({ ...where, asked }),
    )
    return answer instanceof Response ? { why: 'the core does not answer' } : answer
  } catch (cause) {
    // The actor was reset, for instance by a deploy: its next life is asked.
    c.env.edge.report('a command was not asked for', { device, id: asked.id }, cause)
    return { why: 'its actor failed' }
  }
}
