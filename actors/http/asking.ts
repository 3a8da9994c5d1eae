// What the routes of the edge's API share: their context, and how a client's home is asked.
import type { Context } from 'hono'
import { type ApiVariables, apiRoutes } from '../../src/api/public-api.ts'
import { deviceAddress } from '../../src/id/actor-name.ts'
import type { ClientId, FleetId, RegionId, Root } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import { type ProblemResponse, problemResponse } from '../../src/relay/problem.ts'
import { type CoreClient, CoreUnreachable } from '../core/core-client.ts'
import type { DevicePeer } from '../device/device-peer.ts'
import { coreClient } from '../hosts/workerd/core-fetch.ts'
import type { Env } from '../hosts/workerd/env.ts'
import { StubCache } from '../hosts/workerd/peers.ts'
import { regionOf } from '../hosts/workerd/region.ts'

/** The edge's API: `c.env` is the Worker's environment, `c.var.claims` whose token it is. */
export interface EdgeApi {
  Bindings: Env
  Variables: ApiVariables
}

export type ApiContext = Context<EdgeApi>

/** A group of routes of the edge's API; api.ts mounts it. */
export const edgeRoutes = () => apiRoutes<EdgeApi>()

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
  client: ClientId,
  who: 'client' | 'device',
  here: (device: DevicePeer) => Promise<Answer | { readonly status: 'moved' }>,
  elsewhere: (core: CoreClient, asked: Asked) => Promise<Answer>,
): Promise<Answer | ProblemResponse<503>> {
  const { fleet } = c.var.claims
  const region = regionOf(c.req.raw, c.env)
  const actor = new StubCache(c.env).call<DevicePeer>(deviceAddress(region, fleet, client), here)
  const answer = (await actor) as Awaited<ReturnType<typeof here>>
  if (answer.status !== 'moved') return answer as Answer
  const title = `The ${who} is not at home here, and the core cannot be reached`
  return askCore(c, title, (core) => elsewhere(core, { fleet, root: rootOfClient(client), region }))
}

/**
 * The core's answer, or what is said where it is not reached.
 * @param title of the problem
 */
export async function askCore<Answer>(
  c: ApiContext,
  title: string,
  ask: (core: CoreClient, region: RegionId) => Promise<Answer>,
): Promise<Answer | ProblemResponse<503>> {
  const region = regionOf(c.req.raw, c.env)
  try {
    return await ask(coreClient(c.env, region), region)
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse('core-unreachable', title, { detail: `asked in ${region}: ${cause.message}` })
  }
}
