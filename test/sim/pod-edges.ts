// The edges as a pod sees them, over simulated requests.
import { EdgeSilent, EdgeUnreachable } from '../../k8s-core/edge-errors.ts'
import { Edges } from '../../k8s-core/edges.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { AnsweredError, request } from './http.ts'
import type { Sender } from './sender.ts'
import type { World } from './world.ts'

export class PodEdges extends Edges {
  private readonly world: World

  constructor(world: World, sender: Sender) {
    super({
      regions: [...world.regions.keys()],
      post: async (id, name, body, timeoutMs) => {
        const region = world.regions.get(id)
        if (region === undefined) throw new EdgeUnreachable(id, `no edge is known for ${id}`)
        try {
          return await request(sender, region.server(name), timeoutMs, body)
        } catch (cause) {
          const Failure = cause instanceof AnsweredError ? EdgeUnreachable : EdgeSilent
          throw new Failure(id, `the edge of ${id} did not do ${name}: ${String(cause)}`, { cause })
        }
      },
    })
    this.world = world
  }

  protected override contractBroken(id: RegionId, name: string, cause: Error): EdgeUnreachable {
    this.world.breach('contract', `the edge's answer to ${name}: ${cause.message}`)
    return super.contractBroken(id, name, cause)
  }
}
