// What is known of a client's presence, for the client itself and for its fleet's administrators.
import { parseClientId, parseFleetId } from '../../src/id/ids.ts'
import type { PresenceResponse } from '../../src/relay/presence.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { type ApiContext, askHome, claimsOf, isKnown } from './asking.ts'

/** `GET /v1/clients/<client>/presence`, or with `/fleets/<fleet>` before `clients`. */
export async function presenceRoute(c: ApiContext): Promise<Response> {
  const claims = await claimsOf(c)
  if (claims instanceof Response) return claims
  const client = parseClientId(c.req.param('client') ?? '')
  if (client === null) return problemResponse(400, 'Not a client id', { field: 'client' })
  const fleet = parseFleetId(c.req.param('fleet') ?? claims.fleet)
  if (fleet === null) return problemResponse(400, 'Not a fleet', { field: 'fleet' })
  if (fleet !== claims.fleet) return problemResponse(403, 'The token is of another fleet', { field: 'fleet' })
  if (client !== claims.client && !claims.admin)
    return problemResponse(403, "The token is neither the client's nor an administrator's", {
      field: 'client',
    })

  const answer = await askHome<PresenceResponse>(
    c,
    fleet,
    client,
    'client',
    (device) => device.presence(null),
    (core, asked) => core.presence(asked),
  )
  if (answer instanceof Response) return answer
  if (answer.status === 'unreachable')
    return problemResponse(503, `The client's home cannot be reached: ${answer.region}`, {
      detail: answer.region,
    })
  const { event } = answer
  if (event === null)
    return problemResponse(404, 'Nothing is known of this client: it has never connected', {
      field: 'client',
    })
  const etag = `"${event.epoch}-${event.sequence}"`
  const headers = { etag, 'cache-control': 'no-cache' }
  return isKnown(c, etag) ? c.body(null, 304, headers) : c.json(event, 200, headers)
}
