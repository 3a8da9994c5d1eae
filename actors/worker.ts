// The edge: one Worker that accepts MQTT over WebSocket and the core's calls, and the actors behind it.
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { problemResponse } from '../src/relay/problem.ts'
import { SHADOW_REQUEST_BYTES_MAX } from '../src/shadow/limits.ts'
import { mqttRoute } from './http/mqtt-route.ts'
import { presenceRoute } from './http/presence-route.ts'
import { relayRoutes } from './http/relay-routes.ts'
import { shadowRoute } from './http/shadow-route.ts'
import type { Env } from './workerd/env.ts'
import { logError } from './workerd/log.ts'
import { servedRegions } from './workerd/region.ts'

export { DeviceActor } from './workerd/device-actor.ts'
export { FrontActor } from './workerd/front-actor.ts'
export { TopicActor } from './workerd/topic-actor.ts'
export { UplinkActor } from './workerd/uplink-actor.ts'
export { WideActor } from './workerd/wide-actor.ts'

const app = new Hono<{ Bindings: Env }>()

app.get('/livez', (c) => c.json({ regions: servedRegions(c.env) }))
// The bare root too: some clients, the `mqtt` command among them, have no option for a path.
app.get('/', mqttRoute)
app.get('/mqtt', mqttRoute)
app.get('/mqtt/:clientId', mqttRoute)
app.get('/v1/clients/:client/presence', presenceRoute)
app.get('/v1/fleets/:fleet/clients/:client/presence', presenceRoute)
app.on(
  ['GET', 'PATCH', 'DELETE'],
  '/v1/devices/:device/shadow',
  bodyLimit({
    maxSize: SHADOW_REQUEST_BYTES_MAX,
    onError: () =>
      problemResponse(413, 'The body is too large', { detail: `at most ${SHADOW_REQUEST_BYTES_MAX} bytes` }),
  }),
  shadowRoute,
)
app.route('/', relayRoutes)
app.notFound(() => problemResponse(404, 'Nothing is here'))
app.onError((cause, c) => {
  logError('a request failed', { path: c.req.path }, cause)
  return problemResponse(500, 'The edge failed on this request')
})

export default app
