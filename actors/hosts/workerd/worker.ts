// The Worker that wrangler deploys: the edge's HTTP app over Cloudflare, and the Durable Objects behind it.
import { edgeApp } from '../../http/app.ts'
import type { Env } from './env.ts'
import { workerEdge } from './worker-edge.ts'

export { DeviceActor, FrontActor, TopicActor, UplinkActor, WideActor } from './durable-objects.ts'

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext) =>
    edgeApp.fetch(request, { edge: workerEdge(env) }, ctx),
}
