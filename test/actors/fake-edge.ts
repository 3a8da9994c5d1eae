// The port of the edge's routes over actors that a test gives: the HTTP app in this process, without a host.
import { edgeApp } from '../../actors/http/app.ts'
import type { Edge } from '../../actors/http/edge.ts'
import { parseChosen } from '../../src/history/chosen.ts'
import type { ActorAddress } from '../../src/id/actor-name.ts'
import { signClientToken } from '../../src/id/client-token.ts'
import { type ClientId, DEFAULT_FLEET } from '../../src/id/ids.ts'
import { SECRET } from './fake-platform.ts'
import { EU } from './samples.ts'

const NEVER = () => {
  throw new Error('not in this test')
}

/** @param actor answers for the actor of an address */
export function fakeEdge(actor: (address: ActorAddress) => unknown, more: Partial<Edge> = {}): Edge {
  return {
    clientTokenSecret: SECRET,
    relaySecret: SECRET,
    regions: [EU],
    takesUnproven: (fleet) => fleet === DEFAULT_FLEET,
    unprovenPerMinute: 1_000,
    addressOf: (request) => request.headers.get('cf-connecting-ip'),
    history: parseChosen(''),
    uplinkShards: 1,
    regionOf: () => EU,
    actors: () => ({ call: (address, use) => use(actor(address) as never) }),
    core: NEVER,
    upgrade: NEVER,
    open: NEVER,
    asset: async () => null,
    report: () => undefined,
    ...more,
  }
}

/** Asks the edge as a client of the default fleet. @param path with its query */
export async function askEdge(edge: Edge, path: string, headers: Record<string, string> = {}) {
  const claims = { client: 'app' as ClientId, fleet: DEFAULT_FLEET, admin: false }
  const token = await signClientToken(claims, SECRET, 3600)
  const request = new Request(`http://edge${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  return edgeApp.fetch(request, { edge })
}
