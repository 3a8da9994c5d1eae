// The edge as it is, with its actors counted: how often a device's is made, how often one uses its storage or sets its alarm,
// and how many rows are written, indexes included, as the platform counts them.
import { Hono } from 'hono'
import { DeviceActor as RealDeviceActor } from '../../actors/hosts/workerd/durable-objects.ts'
import type { Env } from '../../actors/hosts/workerd/env.ts'
import edge from '../../actors/hosts/workerd/worker.ts'

export { FrontActor, TopicActor, UplinkActor, WideActor } from '../../actors/hosts/workerd/durable-objects.ts'

/** All actors of one workerd share a module's scope. */
const counts = { made: 0, sql: 0, rows: 0, alarms: 0 }
let watched = false

export class DeviceActor extends RealDeviceActor {
  constructor(ctx: DurableObjectState, env: Env) {
    if (!watched) {
      watched = true
      count(Object.getPrototypeOf(ctx.storage.sql), 'exec', 'sql')
      count(Object.getPrototypeOf(ctx.storage), 'setAlarm', 'alarms')
    }
    counts.made++
    super(ctx, env)
  }
}

function count(
  prototype: Record<string, (...parameters: unknown[]) => unknown>,
  method: string,
  what: 'sql' | 'alarms',
) {
  const original = prototype[method]
  if (original === undefined) throw new Error(`no ${method} to count`)
  prototype[method] = function (this: unknown, ...parameters: unknown[]) {
    counts[what]++
    const answer = original.apply(this, parameters)
    if (what === 'sql') counts.rows += (answer as SqlStorageCursor<never>).rowsWritten
    return answer
  }
}

const app = new Hono<{ Bindings: Env }>()
app.get('/counts', (c) => c.json(counts))
app.mount('/', (request, env, ctx) => edge.fetch(request, env as Env, ctx))

export default app
