// The edge as it is, with its DeviceActors counted: how often one is made, reads or writes its storage, sets its alarm.
import { Hono } from 'hono'
import edge from '../../actors/worker.ts'
import { DeviceActor as RealDeviceActor } from '../../actors/workerd/device-actor.ts'
import type { Env } from '../../actors/workerd/env.ts'

export { FrontActor } from '../../actors/workerd/front-actor.ts'
export { TopicActor } from '../../actors/workerd/topic-actor.ts'
export { UplinkActor } from '../../actors/workerd/uplink-actor.ts'
export { WideActor } from '../../actors/workerd/wide-actor.ts'

/** All actors of one workerd share a module's scope. */
const counts = { made: 0, sql: 0, alarms: 0 }
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
    return original.apply(this, parameters)
  }
}

const app = new Hono<{ Bindings: Env }>()
app.get('/counts', (c) => c.json(counts))
app.mount('/', (request, env, ctx) => edge.fetch(request, env as Env, ctx))

export default app
