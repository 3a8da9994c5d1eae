// The Worker of the conformance suite: the real Durable Objects, built with the probe in the place of a device's actor, and a way
// to ask the probe from outside.
import { DeviceActor as RealDeviceActor } from '../../actors/hosts/workerd/durable-objects.ts'
import type { Env } from '../../actors/hosts/workerd/env.ts'
import { upgradeRequest } from '../../actors/hosts/workerd/upgrade.ts'
import { DEFAULT_FLEET } from '../../src/id/ids.ts'
import type { Asked, ProbePeer } from './probe.ts'

export { FrontActor, TopicActor, UplinkActor, WideActor } from '../../actors/hosts/workerd/durable-objects.ts'

/** Of all actors of this process. */
let full = false
let watched = false

export class DeviceActor extends RealDeviceActor {
  constructor(ctx: DurableObjectState, env: Env) {
    if (!watched) refuseWhereFull(Object.getPrototypeOf(ctx.storage.sql))
    watched = true
    super(ctx, env)
  }
}

/** As SQLite says on a full disk, which a test cannot bring about. */
function refuseWhereFull(
  prototype: Record<string, (query: string, ...bindings: unknown[]) => unknown>,
): void {
  const exec = prototype.exec
  if (exec === undefined) throw new Error('no exec to refuse')
  prototype.exec = function (this: unknown, query, ...bindings) {
    if (full && query.startsWith('INSERT')) throw new Error('database or disk is full: SQLITE_FULL')
    return exec.call(this, query, ...bindings)
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, what = '', actor = ''] = new URL(request.url).pathname.split('/')
    const probe = env.DEVICE.getByName(`eu/${DEFAULT_FLEET}/${actor}`)
    if (what === 'connect')
      return probe.fetch(upgradeRequest({ token: 'local', secret: null, fleet: DEFAULT_FLEET }, 'mqtt'))
    if (what === 'fill') {
      full = actor === 'true'
      return new Response()
    }
    try {
      const asked = (await request.json()) as Asked
      return Response.json({ answer: await (probe as unknown as ProbePeer).explainTopic(asked) })
    } catch (cause) {
      return Response.json({ failed: String(cause) })
    }
  },
}
