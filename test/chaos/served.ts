// Whether two connections of one client id were served at once, by what the server is proven to have answered.

export interface Served {
  readonly region: string
  /** When CONNACK came. */
  readonly from: number
  /** The latest moment at which something was sent that the server answered on this connection. */
  readonly until: number
}

export interface DoubleConnection {
  readonly client: string
  readonly regions: readonly [string, string]
  readonly from: number
  readonly ms: number
}

/**
 * A takeover may overlap for a moment; longer is two connections. A region that was taken for lost serves its client until
 * the new home's next try reaches it, which is a second or two after a short absence.
 */
export const SERVED_AT_ONCE_MS_MAX = 3_000

/** While a region is cut off from all others, nobody can tell it that its client is served elsewhere. */
export interface Apart {
  readonly region: string
  readonly from: number
  readonly until: number
}

export function doubleConnections(
  client: string,
  served: readonly Served[],
  apart: readonly Apart[] = [],
): DoubleConnection[] {
  const found: DoubleConnection[] = []
  const inOrder = [...served].sort((a, b) => a.from - b.from)
  inOrder.forEach((one, i) => {
    for (const other of inOrder.slice(i + 1)) {
      if (other.from > one.until) break
      const until = Math.min(one.until, other.until)
      const gaps = apart.filter(({ region }) => region === one.region || region === other.region)
      const ms = longestOutside(other.from, until, gaps)
      if (ms > SERVED_AT_ONCE_MS_MAX)
        found.push({ client, regions: [one.region, other.region], from: other.from, ms })
    }
  })
  return found
}

function longestOutside(from: number, until: number, gaps: readonly Apart[]): number {
  let longest = 0
  let at = from
  for (const gap of [...gaps].sort((a, b) => a.from - b.from)) {
    longest = Math.max(longest, Math.min(gap.from, until) - at)
    at = Math.max(at, gap.until)
  }
  return Math.max(longest, until - at)
}
