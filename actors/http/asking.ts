// What the routes of the HTTP API share: whose token it is, what the client's home says, what the reader has already.
import type { Context } from 'hono'
import { deviceAddress } from '../../src/id/actor-name.ts'
import { type ClientClaims, verifyClientToken } from '../../src/id/client-token.ts'
import type { ClientId, FleetId, RegionId, Root } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { type CoreClient, CoreUnreachable } from '../core-client.ts'
import type { DevicePeer } from '../platform.ts'
import { coreClient } from '../workerd/core-fetch.ts'
import type { Env } from '../workerd/env.ts'
import { StubCache } from '../workerd/peers.ts'
import { regionOf } from '../workerd/region.ts'

export type ApiContext = Context<{ Bindings: Env }>

export function bearerToken(c: Context): string | undefined {
  return /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
}

/** What the bearer token says, or why it is refused. */
export async function claimsOf(c: ApiContext): Promise<ClientClaims | Response> {
  const token = bearerToken(c)
  const claims = token === undefined ? null : await verifyClientToken(token, c.env.CLIENT_TOKEN_SECRET)
  if (claims !== null) return claims
  const title = token === undefined ? 'A token is needed' : 'The token is not valid, or has expired'
  return problemResponse(401, title, { field: 'Authorization', detail: 'Authorization: Bearer <token>' })
}

export interface Asked {
  readonly fleet: FleetId
  readonly root: Root
  /** Who asks. */
  readonly region: RegionId
}

/**
 * The answer of a client's home: the client's actor in this region if it is that, else through the core.
 * @param who the client, as the one who asks calls it
 */
export async function askHome<Answer extends { readonly status: string }>(
  c: ApiContext,
  fleet: FleetId,
  client: ClientId,
  who: 'client' | 'device',
  here: (device: DevicePeer) => Promise<Answer | { readonly status: 'moved' }>,
  elsewhere: (core: CoreClient, asked: Asked) => Promise<Answer>,
): Promise<Answer | Response> {
  const region = regionOf(c.req.raw, c.env)
  const actor = new StubCache(c.env).call<DevicePeer>(deviceAddress(region, fleet, client), here)
  const answer = (await actor) as Awaited<ReturnType<typeof here>>
  if (answer.status !== 'moved') return answer as Answer
  try {
    return await elsewhere(coreClient(c.env, region), { fleet, root: rootOfClient(client), region })
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse(503, `The ${who} is not at home here, and the core cannot be reached`, {
      detail: `asked in ${region}: ${cause.message}`,
    })
  }
}

/** The reader has this already. */
export function isKnown(c: Context, etag: string): boolean {
  return (c.req.header('if-none-match') ?? '')
    .split(',')
    .map((one) => one.trim())
    .includes(etag)
}
