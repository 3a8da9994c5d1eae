// A client's presence in the public API, of edge and core.
import { createRoute, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { type PresenceResponse, presenceEventSchema } from '../relay/presence.ts'
import { problemResponse } from '../relay/problem.ts'
import { isKnown, knownHeadersSchema } from './etag.ts'
import { clientIdSchema, fleetIdSchema, regionNameSchema } from './names.ts'
import { type ApiVariables, SECURITY } from './public-api.ts'
import { json, problems } from './responses.ts'

export const presenceSchema = presenceEventSchema
  .extend({ region: regionNameSchema })
  .meta({ id: 'Presence', description: 'The last connection of a client, or its end' })

const shared = {
  method: 'get' as const,
  tags: ['Presence'],
  security: SECURITY,
  summary: 'Whether a client is connected, and since when',
  description: 'For the client itself and for its fleet’s administrators. Asking makes no region the home.',
  responses: {
    200: json('The last event', presenceSchema, z.object({ ETag: z.string() })),
    304: { description: 'The event that `If-None-Match` names still is the last' },
    ...problems(400, 401, 403, 404, 503),
  },
}

export const presenceRoute = createRoute({
  ...shared,
  path: '/v1/clients/{client}/presence',
  operationId: 'getPresence',
  request: { params: z.object({ client: clientIdSchema }), headers: knownHeadersSchema },
})

export const fleetPresenceRoute = createRoute({
  ...shared,
  path: '/v1/fleets/{fleet}/clients/{client}/presence',
  operationId: 'getPresenceInFleet',
  request: {
    params: z.object({ fleet: fleetIdSchema, client: clientIdSchema }),
    headers: knownHeadersSchema,
  },
})

/** The refusal if the token does not allow the question; else null. @param fleet of the path; undefined for the token's own */
export function presenceRefused(
  { claims }: ApiVariables,
  client: string,
  fleet: string | undefined,
): Response | null {
  if (fleet !== undefined && fleet !== claims.fleet)
    return problemResponse('other-fleet', 'The token is of another fleet', { field: 'fleet' })
  if (client !== claims.client && !claims.admin)
    return problemResponse('other-client', "The token is neither the client's nor an administrator's", {
      field: 'client',
    })
  return null
}

export function presenceAnswer(c: Context, answer: PresenceResponse): Response {
  if (answer.status === 'unreachable')
    return problemResponse('region-unreachable', `The client's home cannot be reached: ${answer.region}`, {
      detail: answer.region,
    })
  const { event } = answer
  if (event === null)
    return problemResponse('unknown-client', 'Nothing is known of this client: it has never connected', {
      field: 'client',
    })
  const etag = `"${event.epoch}-${event.sequence}"`
  const headers = { etag, 'cache-control': 'no-cache' }
  return isKnown(c, etag) ? c.body(null, 304, headers) : c.json(event, 200, headers)
}
