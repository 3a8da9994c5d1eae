// A client's presence, for the client itself and for its fleet's administrators.
import { fleetPresenceRoute, presenceAnswer, presenceRefused, presenceRoute } from '../../src/api/presence.ts'
import type { ClientId } from '../../src/id/ids.ts'
import type { PresenceResponse } from '../../src/relay/presence.ts'
import { askHome } from './ask-home.ts'
import { type ApiContext, edgeRoutes } from './edge.ts'

export const presenceRoutes = edgeRoutes()

presenceRoutes.openapi(presenceRoute, (c) => answer(c, c.req.valid('param').client))
presenceRoutes.openapi(fleetPresenceRoute, (c) => {
  const { client, fleet } = c.req.valid('param')
  return answer(c, client, fleet)
})

async function answer(c: ApiContext, client: ClientId, fleet?: string): Promise<Response> {
  const refused = presenceRefused(c.var, client, fleet)
  if (refused !== null) return refused
  const said = await askHome<PresenceResponse>(
    c,
    client,
    'client',
    (device) => device.presence(null),
    (core, asked) => core.presence(asked),
  )
  return said instanceof Response ? said : presenceAnswer(c, said)
}
