// What is known of a client's presence, for the client itself and for its fleet's administrators.
import type { Context } from 'hono'
import { deviceAddress } from '../../src/id/actor-name.ts'
import { verifyClientToken } from '../../src/id/client-token.ts'
import { type ClientId, type FleetId, parseClientId, parseFleetId, type RegionId } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import type { PresenceResponse } from '../../src/relay/presence.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { CoreUnreachable } from '../core-client.ts'
import type { DevicePeer } from '../platform.ts'
import { coreClient } from '../workerd/core-fetch.ts'
import type { Env } from '../workerd/env.ts'
import { StubCache } from '../workerd/peers.ts'
import { regionOf } from '../workerd/region.ts'

/** `GET /v1/clients/<client>/presence`, or with `/fleets/<fleet>` before `clients`. */
export async function presenceRoute(c: Context<{ Bindings: Env }>): Promise<Response> {
  const token = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
  const claims = token === undefined ? null : await verifyClientToken(token, c.env.CLIENT_TOKEN_SECRET)
  if (claims === null) {
    const title = token === undefined ? 'A token is needed' : 'The token is not valid, or has expired'
    return problemResponse(401, title, { field: 'Authorization', detail: 'Authorization: Bearer <token>' })
  }
  const client = parseClientId(c.req.param('client') ?? '')
  if (client === null) return problemResponse(400, 'Not a client id', { field: 'client' })
  const fleet = parseFleetId(c.req.param('fleet') ?? claims.fleet)
  if (fleet === null) return problemResponse(400, 'Not a fleet', { field: 'fleet' })
  if (fleet !== claims.fleet) return problemResponse(403, 'The token is of another fleet', { field: 'fleet' })
  if (client !== claims.client && !claims.admin)
    return problemResponse(403, "The token is neither the client's nor an administrator's", {
      field: 'client',
    })

  const region = regionOf(c.req.raw, c.env)
  let answer: PresenceResponse
  try {
    answer = await lastEvent(c.env, region, fleet, client)
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse(503, 'The client is not at home here, and the core cannot be reached', {
      detail: `asked in ${region}: ${cause.message}`,
    })
  }
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
  const known = (c.req.header('if-none-match') ?? '').split(',').map((one) => one.trim())
  return known.includes(etag) ? c.body(null, 304, headers) : c.json(event, 200, headers)
}

async function lastEvent(
  env: Env,
  region: RegionId,
  fleet: FleetId,
  client: ClientId,
): Promise<PresenceResponse> {
  const here = (await new StubCache(env).call<DevicePeer>(deviceAddress(region, fleet, client), (device) =>
    device.presence(null),
  )) as Awaited<ReturnType<DevicePeer['presence']>>
  if (here.status === 'done') return here
  return coreClient(env, region).presence({ fleet, root: rootOfClient(client), region })
}
