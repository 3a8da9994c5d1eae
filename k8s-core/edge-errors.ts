// How a call of the core to an edge fails.
import type { RegionId } from '../src/id/ids.ts'

/** An edge did not answer, or answered with an error or something unexpected. */
export class EdgeUnreachable extends Error {
  readonly region: RegionId
  constructor(region: RegionId, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EdgeUnreachable'
    this.region = region
  }
}

/** An edge did not answer at all: its region may be lost. A region that answers with an error is not lost. */
export class EdgeSilent extends EdgeUnreachable {}
