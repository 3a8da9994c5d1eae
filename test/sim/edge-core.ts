// The core as an actor sees it, over simulated requests.
import { coreCalls } from '../../actors/core/core-calls.ts'
import { type CoreClient, CoreUnreachable } from '../../actors/core/core-client.ts'
import type { Life } from './actor.ts'
import { request } from './http.ts'

export function edgeCore(life: Life): CoreClient {
  return coreCalls(
    async (name, body, timeoutMs, signal) => {
      const { world, region } = life.actor
      try {
        life.subrequests.count()
        const begun = world.elapsed
        if (!(await life.outgoing.begin((over) => life.after(timeoutMs, over))))
          throw new Error(`no connection within ${timeoutMs} ms`)
        try {
          // The time runs while the request waits for a connection.
          const left = timeoutMs - (world.elapsed - begun)
          const asked = request(life, world.random.pick(world.pods).serverFor(region, name), left, body)
          return await (signal === undefined ? asked : Promise.race([asked, aborted(signal)]))
        } finally {
          life.outgoing.gotHeaders()
        }
      } catch (cause) {
        throw new CoreUnreachable(`the core was not reached for ${name}: ${String(cause)}`, { cause })
      }
    },
    (name, schema, given) => {
      const answer = schema.safeParse(given)
      if (!answer.success)
        life.world.breach('contract', `the core's answer to ${name}: ${answer.error.message}`)
      return answer.data as ReturnType<typeof schema.parse>
    },
  )
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)))
}
