// The edges as a pod sees them, over simulated requests.
import { EdgeSilent, Edges, EdgeUnreachable } from '../../k8s-core/edges.ts'
import type { RegionId } from '../../src/id/ids.ts'
import { AnsweredError, request } from './http.ts'
import type { Sender } from './sender.ts'
import type { World } from './world.ts'

export class PodEdges extends Edges {
  private readonly world: World
  private readonly sender: Sender

  constructor(world: World, sender: Sender) {
    super(new Map([...world.regions.keys()].map((id) => [id, ''])), 'simulated requests carry no signature')
    this.world = world
    this.sender = sender
  }

  protected override async post(
    id: RegionId,
    name: string,
    body: unknown,
    timeoutMs: number,
  ): Promise<unknown> {
    const region = this.world.regions.get(id)
    if (region === undefined) throw new EdgeUnreachable(id, `no edge is known for ${id}`)
    try {
      return await request(this.sender, region.server(name), timeoutMs, body)
    } catch (cause) {
      const Failure = cause instanceof AnsweredError ? EdgeUnreachable : EdgeSilent
      throw new Failure(id, `the edge of ${id} did not do ${name}: ${String(cause)}`, { cause })
    }
  }

  protected override strange(id: RegionId, name: string, cause: Error): EdgeUnreachable {
    this.world.breach('contract', `the edge's answer to ${name}: ${cause.message}`)
    return super.strange(id, name, cause)
  }
}
