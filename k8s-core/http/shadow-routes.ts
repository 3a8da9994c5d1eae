// A device's shadows read at the core, also while the region of its home is down.
import { readShadowRoute, shadowAnswer, shadowPath } from '../../src/api/shadow.ts'
import { rootOfClient } from '../../src/id/root.ts'
import type { CoreParts } from '../parts.ts'
import { coreRoutes } from './routes.ts'

export function shadowRoutes({ relay, store }: Pick<CoreParts, 'relay' | 'store'>) {
  const routes = coreRoutes()
  routes.openapi(readShadowRoute, async (c) => {
    const { fleet } = c.var.claims
    const root = rootOfClient(c.req.valid('param').device)
    const path = shadowPath(c.req.valid('query').name)
    const asked = { id: crypto.randomUUID(), path, verb: 'get', body: '' } as const
    const answer = await relay.shadow({ fleet, root, region: null, ...asked }, () =>
      store.shadow(fleet, root, path),
    )
    return shadowAnswer(c, answer, 'get')
  })
  return routes
}
