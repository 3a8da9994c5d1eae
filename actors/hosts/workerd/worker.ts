// The Worker that wrangler deploys: the edge's HTTP app over Cloudflare, and the Durable Objects behind it.
import { env as environment } from 'cloudflare:workers'
import { edgeApp } from '../../http/app.ts'
import type { Env } from './env.ts'
import { servedRegions } from './region.ts'
import { listedFleets, settingsOf, unprovenPerMinute, uplinkShards } from './settings.ts'
import { workerEdge } from './worker-edge.ts'

export { DeviceActor, FrontActor, TopicActor, UplinkActor, WideActor } from './durable-objects.ts'

// A wrong setting must stop a deployment. With a region name that says no place, actors would be made anywhere.
servedRegions(environment as unknown as Env)
settingsOf(environment as unknown as Env)
uplinkShards(environment as unknown as Env)
unprovenPerMinute(environment as unknown as Env)
listedFleets(environment as unknown as Env)

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext) =>
    edgeApp.fetch(request, { edge: workerEdge(env) }, ctx),
}
