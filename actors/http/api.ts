// The edge's public HTTP API: every group of routes is mounted here.
import { publicApi, serveDocument } from '../../src/api/public-api.ts'
import type { EdgeApi } from './asking.ts'
import { presenceRoutes } from './presence-route.ts'
import { provisionRoutes } from './provision-route.ts'
import { shadowRoutes } from './shadow-route.ts'

export const edgeApi = publicApi<EdgeApi>((c) => c.env.CLIENT_TOKEN_SECRET)
for (const routes of [presenceRoutes, shadowRoutes, provisionRoutes]) edgeApi.route('/', routes)
serveDocument(edgeApi, {
  title: 'Starling at the edge',
  description: 'What clients, apps and services ask of the nearest region. The core has an API of its own.',
})
