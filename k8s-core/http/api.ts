// The core's public HTTP API: every group of routes is mounted here.
import { publicApi, serveDocument } from '../../src/api/public-api.ts'
import type { CoreParts } from '../parts.ts'
import { credentialRoutes } from './credential-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { historyRoutes } from './history-routes.ts'
import { presenceRoutes } from './presence-routes.ts'
import { provisioningRoutes } from './provisioning-routes.ts'
import type { CoreApi } from './routes.ts'
import { shadowRoutes } from './shadow-routes.ts'

export function coreApi(parts: CoreParts) {
  const api = publicApi<CoreApi>(() => parts.clientTokenSecret)
  const groups = [
    presenceRoutes,
    shadowRoutes,
    historyRoutes,
    deviceRoutes,
    credentialRoutes,
    fleetRoutes,
    provisioningRoutes,
  ]
  for (const routes of groups) api.route('/', routes(parts))
  serveDocument(api, {
    title: "Starling's core",
    description:
      'What operators and services ask of all regions together. Each region has an API of its own.',
  })
  return api
}
