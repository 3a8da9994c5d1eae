// Sessions in the public API of the edge, for administrators.
import { createRoute, z } from '@hono/zod-openapi'
import { type ProblemResponse, problemResponse } from '../relay/problem.ts'
import { type SessionResponse, sessionFactsSchema } from '../relay/session-admin.ts'
import { clientIdSchema, fleetIdSchema, regionNameSchema } from './names.ts'
import { type ApiVariables, SECURITY } from './public-api.ts'
import { json, problems } from './responses.ts'

export const sessionSchema = sessionFactsSchema
  .extend({ region: regionNameSchema })
  .meta({ id: 'Session', description: 'What a client’s home keeps for the client' })

export const purgedSchema = z
  .object({ purged: z.int().min(0) })
  .meta({ id: 'Purged', description: 'How many messages the queue has dropped' })

export type SessionAnswered = Extract<SessionResponse, { status: 'done' }>

const shared = {
  tags: ['Sessions'],
  security: SECURITY,
  request: { params: z.object({ fleet: fleetIdSchema, client: clientIdSchema }) },
}
const REFUSALS = problems(400, 401, 403, 503)

export const sessionRoute = createRoute({
  ...shared,
  method: 'get',
  path: '/v1/fleets/{fleet}/clients/{client}/session',
  operationId: 'getSession',
  summary: 'The session of a client, with its subscriptions and its queue',
  description: 'For administrators of the fleet. Asking makes no region the home.',
  responses: { 200: json('The session', sessionSchema), ...REFUSALS, ...problems(404) },
})

export const endSessionRoute = createRoute({
  ...shared,
  method: 'delete',
  path: '/v1/fleets/{fleet}/clients/{client}/session',
  operationId: 'endSession',
  summary: 'Ends the session of a client',
  description:
    'For administrators of the fleet. A connection is closed with 0x98 (Administrative action). Subscriptions and queue are gone.',
  responses: { 204: { description: 'The client has no session any more' }, ...REFUSALS },
})

export const purgeQueueRoute = createRoute({
  ...shared,
  method: 'delete',
  path: '/v1/fleets/{fleet}/clients/{client}/session/queue',
  operationId: 'purgeQueue',
  summary: 'Empties the queue of a session',
  description:
    'For administrators of the fleet. Messages that were sent and are not acknowledged stay. The others count as dropped.',
  responses: { 200: json('How many were dropped', purgedSchema), ...REFUSALS },
})

export const kickRoute = createRoute({
  ...shared,
  method: 'delete',
  path: '/v1/fleets/{fleet}/clients/{client}/connection',
  operationId: 'kickClient',
  summary: 'Closes the connection of a client',
  description:
    'For administrators of the fleet. The connection is closed with 0x98 (Administrative action). The session waits for its client.',
  responses: { 204: { description: 'The client has no connection any more' }, ...REFUSALS },
})

/** The refusal if the token does not allow the question; else null. */
export function sessionRefused({ claims }: ApiVariables, fleet: string): ProblemResponse<403> | null {
  if (fleet !== claims.fleet)
    return problemResponse('other-fleet', 'The token is of another fleet', { field: 'fleet' })
  if (!claims.admin)
    return problemResponse('not-administrator', `Only an administrator of ${fleet} may do this`)
  return null
}

/** The answer of the home, or the problem that it was not reached. */
export function sessionAnswered(answer: SessionResponse): SessionAnswered | ProblemResponse<503> {
  if (answer.status === 'done') return answer
  return problemResponse('region-unreachable', `The client's home cannot be reached: ${answer.region}`, {
    detail: answer.region,
  })
}

export function noSession(): ProblemResponse<404> {
  return problemResponse('no-session', 'The client has no session', { field: 'client' })
}
