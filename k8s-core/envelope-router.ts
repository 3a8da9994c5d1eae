// Routes envelopes through the core: each to the home of its root, or to the region that it names. The core stores no envelope:
// one that cannot be delivered stays in the sender's outbox.
import type { RegionId } from '../src/id/ids.ts'
import type { DeliverRequest, Envelope, EnvelopeResult } from '../src/relay/envelope.ts'
import type { Directory } from './directory.ts'
import { EdgeUnreachable } from './edge-errors.ts'
import type { Edges } from './edges.ts'
import { MOVED_TRIES_MAX } from './limits.ts'

/** An envelope with its place among those of the call. */
interface Addressed {
  readonly at: number
  readonly addressed: DeliverRequest['envelopes'][number]
}

export class EnvelopeRouter {
  private readonly directory: Directory
  private readonly edges: Edges

  constructor(directory: Directory, edges: Edges) {
    this.directory = directory
    this.edges = edges
  }

  /** One result for each envelope, in order; regions are called side by side. */
  async pass(from: RegionId, envelopes: readonly Envelope[]): Promise<EnvelopeResult[]> {
    const results: EnvelopeResult[] = envelopes.map(() => ({ status: 'moved' }))
    let open = envelopes.map((_, i) => i)
    for (let tries = 0; tries < MOVED_TRIES_MAX && open.length > 0; tries++) {
      const groups = await this.address(from, envelopes, open, tries > 0, results)
      await Promise.all([...groups].map(([region, group]) => this.deliver(region, group, results)))
      // Look up a home that moved. An envelope to a region is not retried: the region refused its epoch as old.
      open = open.filter((i) => results[i]?.status === 'moved' && envelopes[i]?.to.kind === 'home')
    }
    for (const i of open) results[i] = { status: 'unreachable', detail: 'the home is moving' }
    return results
  }

  private async address(
    from: RegionId,
    envelopes: readonly Envelope[],
    open: readonly number[],
    again: boolean,
    results: EnvelopeResult[],
  ): Promise<Map<RegionId, Addressed[]>> {
    const groups = new Map<RegionId, Addressed[]>()
    await Promise.all(
      open.map(async (at) => {
        const envelope = envelopes[at]
        if (envelope === undefined) return
        const { fleet, root, to } = envelope
        const earlier = results[at]
        let region: RegionId
        let epoch = 0
        if (to.kind !== 'home') {
          region = to.region
        } else {
          try {
            const home = again
              ? await this.directory.resolve(
                  fleet,
                  root,
                  from,
                  earlier?.status === 'moved' ? earlier.home : undefined,
                )
              : await this.directory.guess(fleet, root, from)
            region = home.region
            epoch = home.epoch
          } catch (cause) {
            results[at] = { status: 'unreachable', detail: `the directory does not answer: ${String(cause)}` }
            return
          }
        }
        const group = groups.get(region)
        const item = { at, addressed: { envelope, epoch } }
        if (group === undefined) groups.set(region, [item])
        else group.push(item)
      }),
    )
    return groups
  }

  private async deliver(
    region: RegionId,
    group: readonly Addressed[],
    results: EnvelopeResult[],
  ): Promise<void> {
    try {
      const response = await this.edges.deliver(region, {
        envelopes: group.map(({ addressed }) => addressed),
      })
      group.forEach(({ at }, i) => {
        results[at] = response.results[i] ?? { status: 'unreachable', detail: `${region} gave no result` }
      })
    } catch (cause) {
      if (!(cause instanceof EdgeUnreachable)) throw cause
      for (const { at } of group) results[at] = { status: 'unreachable', detail: cause.message }
    }
  }
}
