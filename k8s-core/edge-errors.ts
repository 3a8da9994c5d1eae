// How a call of the core to an edge fails.
import type { RegionId } from '../src/id/ids.ts'

/** An edge was not reached, or its answer is no answer to the call. */
export class EdgeUnreachable extends Error {
  readonly region: RegionId
  constructor(region: RegionId, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EdgeUnreachable'
    this.region = region
  }
}

/** An edge gave no answer at all: its region may be lost. An edge that answers with an error is there. */
export class EdgeSilent extends EdgeUnreachable {}
