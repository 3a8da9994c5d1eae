// All that an edge serves over HTTP, on any host: MQTT's upgrade, the public API with its reference page, the core's calls.
import { Hono } from 'hono'
import { decodableAddress } from '../../src/api/address.ts'
import { docsPage } from '../../src/api/docs-page.ts'
import { problemsPages } from '../../src/api/problems-page.ts'
import { nothingHere, refusedByLibrary } from '../../src/api/public-api.ts'
import { problemResponse } from '../../src/relay/problem.ts'
import { edgeApi } from './api.ts'
import type { EdgeBindings } from './edge.ts'
import { mqttRoute } from './mqtt-route.ts'
import { relayRoutes } from './relay-routes.ts'

export const edgeApp = new Hono<{ Bindings: EdgeBindings }>()

edgeApp.use(decodableAddress)
edgeApp.get('/livez', (c) => c.json({ regions: c.env.edge.regions }))
// The bare root too: some clients, the `mqtt` command among them, have no option for a path.
edgeApp.get('/', mqttRoute)
edgeApp.get('/mqtt', mqttRoute)
edgeApp.get('/mqtt/:clientId', mqttRoute)
edgeApp.route('/', edgeApi)
edgeApp.route(
  '/',
  docsPage<{ Bindings: EdgeBindings }>((file, { edge }) => edge.asset(file)),
)
edgeApp.route('/', problemsPages())
edgeApp.route('/', relayRoutes)
edgeApp.notFound(nothingHere(edgeApp))
edgeApp.onError((cause, c) => {
  const refused = refusedByLibrary(cause)
  if (refused !== null) return refused
  c.env.edge.report('a request failed', { path: c.req.path }, cause)
  return problemResponse('internal-error', 'The edge failed on this request')
})
