// The edge as it is, with its actors counted: how often a device's is made, which statements actors run, how many rows those
// write, indexes included, as the platform counts them, and how often an alarm is set.
import { Hono } from 'hono'
import {
  DeviceActor as RealDeviceActor,
  TopicActor as RealTopicActor,
  UplinkActor as RealUplinkActor,
  WideActor as RealWideActor,
} from '../../actors/hosts/workerd/durable-objects.ts'
import type { Env } from '../../actors/hosts/workerd/env.ts'
import edge from '../../actors/hosts/workerd/worker.ts'

export { FrontActor } from '../../actors/hosts/workerd/durable-objects.ts'

/** Stands among the statements where CONNACK leaves. */
const CONNACK = 'CONNACK'

/** All actors of one workerd share a module's scope. */
const counts = { made: 0, sql: 0, rows: 0, alarms: 0 }
let statements: string[] = []
const kinds = new WeakMap<object, string>()
let watched = false

export class DeviceActor extends RealDeviceActor {
  constructor(ctx: DurableObjectState, env: Env) {
    watch(ctx, 'device')
    counts.made++
    super(ctx, env)
  }
}

export class TopicActor extends RealTopicActor {
  constructor(ctx: DurableObjectState, env: Env) {
    watch(ctx, 'topic')
    super(ctx, env)
  }
}

export class UplinkActor extends RealUplinkActor {
  constructor(ctx: DurableObjectState, env: Env) {
    watch(ctx, 'uplink')
    super(ctx, env)
  }
}

export class WideActor extends RealWideActor {
  constructor(ctx: DurableObjectState, env: Env) {
    watch(ctx, 'wide')
    super(ctx, env)
  }
}

type Methods = Record<string, (...parameters: unknown[]) => unknown>

function watch(ctx: DurableObjectState, kind: string): void {
  kinds.set(ctx.storage.sql, kind)
  if (watched) return
  watched = true
  after(Object.getPrototypeOf(ctx.storage.sql), 'exec', (sql, [query], cursor) => {
    counts.sql++
    counts.rows += (cursor as SqlStorageCursor<never>).rowsWritten
    statements.push(`${kinds.get(sql)}: ${String(query)}`)
  })
  after(Object.getPrototypeOf(ctx.storage), 'setAlarm', () => {
    counts.alarms++
  })
  after(WebSocket.prototype as unknown as Methods, 'send', (_, [frame]) => {
    if (frame instanceof Uint8Array && frame[0] === 0x20) statements.push(CONNACK)
  })
}

function after(
  prototype: Methods,
  method: string,
  note: (self: object, parameters: unknown[], answer: unknown) => void,
): void {
  const original = prototype[method]
  if (original === undefined) throw new Error(`no ${method} to count`)
  prototype[method] = function (this: object, ...parameters: unknown[]) {
    const answer = original.apply(this, parameters)
    note(this, parameters, answer)
    return answer
  }
}

const app = new Hono<{ Bindings: Env }>()
app.get('/counts', (c) => c.json(counts))
app.get('/statements', (c) => {
  const since = statements
  statements = []
  return c.json(since)
})
app.mount('/', (request, env, ctx) => edge.fetch(request, env as Env, ctx))

export default app
