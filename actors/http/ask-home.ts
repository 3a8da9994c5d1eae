// How the routes of the edge's API ask a client's home, here or through the core.
import { deviceAddress } from '../../src/id/actor-name.ts'
import type { ClientId, FleetId, RegionId, Root } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import { type ProblemResponse, problemResponse } from '../../src/relay/problem.ts'
import { type CoreClient, CoreUnreachable } from '../core/core-client.ts'
import type { DevicePeer } from '../device/device-peer.ts'
import { type ApiContext, regionOf } from './edge.ts'

export interface Asked {
  readonly fleet: FleetId
  readonly root: Root
  /** The region that asks. */
  readonly region: RegionId
}

/**
 * The answer of a client's home: from the client's actor if the home is in this region, else through the core.
 * @param who what the error text calls the client
 */
export async function askHome<Answer extends { readonly status: string }>(
  c: ApiContext,
  client: ClientId,
  who: 'client' | 'device',
  here: (device: DevicePeer) => Promise<Answer | { readonly status: 'moved' }>,
  elsewhere: (core: CoreClient, asked: Asked) => Promise<Answer>,
): Promise<Answer | ProblemResponse<503>> {
  const { fleet } = c.var.claims
  const region = regionOf(c)
  const answer = await c.env.edge.actors().call(deviceAddress(region, fleet, client), here)
  if (answer.status !== 'moved') return answer as Answer
  const title = `The ${who} is not at home here, and the core cannot be reached`
  return askCore(c, title, (core) => elsewhere(core, { fleet, root: rootOfClient(client), region }))
}

/**
 * The core's answer, or a problem if the core is not reached.
 * @param title of the problem
 */
export async function askCore<Answer>(
  c: ApiContext,
  title: string,
  ask: (core: CoreClient, region: RegionId) => Promise<Answer>,
): Promise<Answer | ProblemResponse<503>> {
  const region = regionOf(c)
  try {
    return await ask(c.env.edge.core(region), region)
  } catch (cause) {
    if (!(cause instanceof CoreUnreachable)) throw cause
    return problemResponse('core-unreachable', title, { detail: `asked in ${region}: ${cause.message}` })
  }
}
