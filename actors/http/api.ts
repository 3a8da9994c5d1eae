// The edge's public HTTP API: every group of routes is mounted here.
import { EVENTS_PATH } from '../../src/api/events.ts'
import { publicApi, serveDocument } from '../../src/api/public-api.ts'
import { commandRoutes } from './command-route.ts'
import type { EdgeApi } from './edge.ts'
import { eventRoutes } from './events-route.ts'
import { explainRoutes } from './explain-route.ts'
import { historyRoutes } from './history-route.ts'
import { presenceRoutes } from './presence-route.ts'
import { provisionRoutes } from './provision-route.ts'
import { publishRoutes } from './publish-route.ts'
import { retainedRoutes } from './retained-route.ts'
import { sessionRoutes } from './session-route.ts'
import { shadowRoutes } from './shadow-route.ts'

export const edgeApi = publicApi<EdgeApi>((c) => c.env.edge.clientTokenSecret, { tokenInQuery: EVENTS_PATH })
const groups = [
  publishRoutes,
  retainedRoutes,
  eventRoutes,
  historyRoutes,
  shadowRoutes,
  presenceRoutes,
  sessionRoutes,
  provisionRoutes,
  commandRoutes,
  explainRoutes,
]
for (const routes of groups) edgeApi.route('/', routes)
serveDocument(edgeApi, {
  title: 'Starling at the edge',
  description: 'What clients, apps and services ask of the nearest region. The core has an API of its own.',
})
