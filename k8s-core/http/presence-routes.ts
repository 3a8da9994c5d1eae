// A client's presence asked of the core, which asks the client's home.

import type { Context } from 'hono'
import { fleetPresenceRoute, presenceAnswer, presenceRefused, presenceRoute } from '../../src/api/presence.ts'
import type { ClientId } from '../../src/id/ids.ts'
import { rootOfClient } from '../../src/id/root.ts'
import type { CoreParts } from '../parts.ts'
import { type CoreApi, coreRoutes } from './routes.ts'

export function presenceRoutes({ relay }: Pick<CoreParts, 'relay'>) {
  const answer = async (c: Context<CoreApi>, client: ClientId, fleet?: string): Promise<Response> => {
    const refused = presenceRefused(c.var, client, fleet)
    if (refused !== null) return refused
    const asked = { fleet: c.var.claims.fleet, root: rootOfClient(client) }
    return presenceAnswer(c, await relay.presence(asked))
  }
  const routes = coreRoutes()
  routes.openapi(presenceRoute, (c) => answer(c, c.req.valid('param').client))
  routes.openapi(fleetPresenceRoute, (c) => {
    const { client, fleet } = c.req.valid('param')
    return answer(c, client, fleet)
  })
  return routes
}
