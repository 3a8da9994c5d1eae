// The core's public HTTP API: every group of routes is mounted here.
import { publicApi, serveDocument } from '../../src/api/public-api.ts'
import type { CoreParts } from '../parts.ts'
import { presenceRoutes } from './presence-routes.ts'
import type { CoreApi } from './routes.ts'
import { shadowRoutes } from './shadow-routes.ts'

export function coreApi(parts: CoreParts) {
  const api = publicApi<CoreApi>(() => parts.clientTokenSecret)
  for (const routes of [presenceRoutes, shadowRoutes]) api.route('/', routes(parts))
  serveDocument(api, {
    title: "Starling's core",
    description:
      'What operators and services ask of all regions together. Each region has an API of its own.',
  })
  return api
}
