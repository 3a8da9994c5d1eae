// History read at the core, from its store.
import {
  deviceFilter,
  deviceHistoryRoute,
  historyAnswer,
  historyAsked,
  historyRoute,
} from '../../src/api/history.ts'
import { History } from '../history.ts'
import type { CoreParts } from '../parts.ts'
import { coreRoutes } from './routes.ts'

export function historyRoutes({ relay, store, chosen }: Pick<CoreParts, 'relay' | 'store' | 'chosen'>) {
  const history = new History(store, relay)
  const routes = coreRoutes()
  routes.openapi(deviceHistoryRoute, async (c) => {
    const query = c.req.valid('query')
    const filter = deviceFilter(c.req.valid('param').device, query.topic)
    const asked = historyAsked(c.var.claims.fleet, filter, query, store.now())
    return asked instanceof Response ? asked : historyAnswer(asked, await history.read(asked), chosen)
  })
  routes.openapi(historyRoute, async (c) => {
    const query = c.req.valid('query')
    const asked = historyAsked(c.var.claims.fleet, query.topic, query, store.now())
    return asked instanceof Response ? asked : historyAnswer(asked, await history.read(asked), chosen)
  })
  return routes
}
