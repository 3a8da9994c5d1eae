// The versions of the contract between edge and core. Both sides serve all of them, so that regions and core are deployed one
// after the other. How a caller chooses one: peer-version.ts. Why it is so: docs/decisions/0023-relay-versions.md.

/**
 * The oldest first. History:
 * - 1: JSON. Bytes stand in it as base64. No range of versions is answered.
 * - 2: a body with bytes in it is a frame (frame.ts): the same JSON, with the bytes behind it. A body without bytes is JSON.
 *
 * To add a version:
 * 1. Append it here, and branch where a body is written or read. Everything inside of a process has one form, the newest.
 * 2. Record the hash of its schemas in test/relay/version.test.ts. The hashes of older versions must not change.
 * 3. Deploy edges and core in any order. A caller uses a new version only after its peer has answered with a range that has it.
 * 4. Remove the oldest version one release after no deployment speaks only that one.
 *
 * A field that an old side may ignore needs no version: zod drops unknown fields. Make such a field optional.
 */
export const RELAY_VERSIONS = [1, 2] as const
export type RelayVersion = (typeof RELAY_VERSIONS)[number]

export interface VersionRange {
  readonly min: number
  readonly max: number
}

export const RELAY_VERSION_MIN: RelayVersion = 1
export const RELAY_VERSION_CURRENT: RelayVersion = 2

/** A side that answers no range is from before ranges. */
export const BEFORE_RANGES: VersionRange = { min: 1, max: 1 }

/** In each answer of a side that serves a range: `1-2`. */
export const RELAY_VERSIONS_HEADER = 'starling-relay-versions'
export const RELAY_VERSIONS_TEXT = `${RELAY_VERSION_MIN}-${RELAY_VERSION_CURRENT}`

/** Versions are small. A higher number is no range of ours, but garbage. */
const VERSION_MAX = 9_999

/** @param text the header's; @returns null for none, and for what is no range */
export function parseVersions(text: string | null): VersionRange | null {
  const match = /^(\d{1,4})-(\d{1,4})$/.exec(text ?? '')
  const [min, max] = [Number(match?.[1]), Number(match?.[2])]
  return min >= 1 && min <= max && max <= VERSION_MAX ? { min, max } : null
}

/** The version in a path's part `v2`; null if this side does not serve it. */
export function servedVersion(part: string | undefined): RelayVersion | null {
  return RELAY_VERSIONS.find((version) => part === `v${version}`) ?? null
}

/** `/relay/v2`. */
export function relayPath(version: RelayVersion): string {
  return `/relay/v${version}`
}
