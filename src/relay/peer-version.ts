// The version of the contract that a caller uses with one peer, chosen by the peer's last answer. A peer is an address, which
// several pods of different releases may serve.
import {
  BEFORE_RANGES,
  parseVersions,
  RELAY_VERSION_MIN,
  RELAY_VERSIONS,
  type RelayVersion,
  type VersionRange,
} from './version.ts'

/** A version that one pod refused is not used for this time, although other pods of the address still offer it. */
export const VERSION_REFUSED_MS = 30_000

export type Refusal =
  /** Make the call again in this version. */
  | { readonly use: RelayVersion }
  /** The peer serves the version: it refused something else. */
  | { readonly use: 'same' }
  /** No version is common to both. */
  | { readonly use: 'none'; readonly theirs: VersionRange }

export class PeerVersion {
  private readonly now: () => number
  /** The range that the peer last answered. Before its first answer: only the oldest, which every peer serves. */
  private range: VersionRange = { min: RELAY_VERSION_MIN, max: RELAY_VERSION_MIN }
  private readonly refusedUntil = new Map<RelayVersion, number>()

  /** @param now milliseconds */
  constructor(now: () => number = Date.now) {
    this.now = now
  }

  /** The version for the next call. */
  get current(): RelayVersion {
    return this.highest(this.range) ?? RELAY_VERSION_MIN
  }

  /**
   * An answer to a call, of any status but 404.
   * @param versions the header RELAY_VERSIONS_HEADER
   */
  answered(version: RelayVersion, versions: string | null): void {
    // A proxy may have dropped the header, but the peer has just served this version.
    this.range = parseVersions(versions) ?? { min: BEFORE_RANGES.min, max: version }
  }

  /**
   * A 404: the peer has nothing at the path, perhaps because it does not know the version.
   * @param versions as for `answered`
   */
  missing(version: RelayVersion, versions: string | null): Refusal {
    const theirs = parseVersions(versions) ?? BEFORE_RANGES
    if (includes(theirs, version)) return { use: 'same' }
    this.refusedUntil.set(version, this.now() + VERSION_REFUSED_MS)
    this.range = theirs
    const use = this.highest(theirs)
    return use === null ? { use: 'none', theirs } : { use }
  }

  /** The highest version that both sides serve and that was not refused in the last VERSION_REFUSED_MS. */
  private highest(range: VersionRange): RelayVersion | null {
    const now = this.now()
    const common = RELAY_VERSIONS.filter((version) => includes(range, version))
    const open = common.filter((version) => (this.refusedUntil.get(version) ?? 0) <= now)
    return open.at(-1) ?? common[0] ?? null
  }
}

function includes({ min, max }: VersionRange, version: number): boolean {
  return min <= version && version <= max
}
