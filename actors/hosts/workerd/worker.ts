// The edge: one Worker that accepts MQTT over WebSocket and the core's calls, and the actors behind it.
import { Hono } from 'hono'
import { docsPage } from '../../../src/api/docs-page.ts'
import { problemsPages } from '../../../src/api/problems-page.ts'
import { nothingHere, refusedByLibrary } from '../../../src/api/public-api.ts'
import { problemResponse } from '../../../src/relay/problem.ts'
import { edgeApi } from '../../http/api.ts'
import { mqttRoute } from '../../http/mqtt-route.ts'
import { relayRoutes } from '../../http/relay-routes.ts'
import type { Env } from './env.ts'
import { logError } from './log.ts'
import { servedRegions } from './region.ts'

export { DeviceActor } from './device-actor.ts'
export { FrontActor } from './front-actor.ts'
export { TopicActor } from './topic-actor.ts'
export { UplinkActor } from './uplink-actor.ts'
export { WideActor } from './wide-actor.ts'

const app = new Hono<{ Bindings: Env }>()

app.get('/livez', (c) => c.json({ regions: servedRegions(c.env) }))
// The bare root too: some clients, the `mqtt` command among them, have no option for a path.
app.get('/', mqttRoute)
app.get('/mqtt', mqttRoute)
app.get('/mqtt/:clientId', mqttRoute)
app.route('/', edgeApi)
app.route(
  '/',
  docsPage<{ Bindings: Env }>(async (file, { ASSETS }) => {
    const asset = await ASSETS?.fetch(`https://assets/docs/${file}`)
    return asset?.ok === true ? asset.body : null
  }),
)
app.route('/', problemsPages())
app.route('/', relayRoutes)
app.notFound(nothingHere(app))
app.onError((cause, c) => {
  const refused = refusedByLibrary(cause)
  if (refused !== null) return refused
  logError('a request failed', { path: c.req.path }, cause)
  return problemResponse('internal-error', 'The edge failed on this request')
})

export default app
