// The versions of the contract between edge and core. Both sides serve all of them, so that regions and core can be deployed one
// after the other. How a caller chooses: peer-version.ts. Why: docs/decisions/0023-relay-versions.md.

/**
 * The oldest first. History:
 * - 1: JSON, with bytes as base64. Answers carry no range of versions.
 * - 2: a body with bytes is a frame (frame.ts): the same JSON, followed by the bytes. A body without bytes is JSON.
 *
 * To add a version:
 * 1. Append it here, and branch where a body is written or read. Inside a process there is one form only, the newest.
 * 2. Record the hash of its schemas in test/relay/version.test.ts. The hashes of older versions must not change.
 * 3. Deploy edges and core in any order. A caller uses a new version only after its peer has answered with a range that has it.
 * 4. Remove the oldest version one release after the last deployment that knows no newer one.
 *
 * An optional field that an old side may ignore needs no new version: zod drops unknown fields.
 */
export const RELAY_VERSIONS = [1, 2] as const
export type RelayVersion = (typeof RELAY_VERSIONS)[number]

export interface VersionRange {
  readonly min: number
  readonly max: number
}

export const RELAY_VERSION_MIN: RelayVersion = 1
export const RELAY_VERSION_CURRENT: RelayVersion = 2

/** The range of a side whose answers carry none. */
export const BEFORE_RANGES: VersionRange = { min: 1, max: 1 }

/** The header of each answer: `1-2`. */
export const RELAY_VERSIONS_HEADER = 'starling-relay-versions'
export const RELAY_VERSIONS_TEXT = `${RELAY_VERSION_MIN}-${RELAY_VERSION_CURRENT}`

/** A higher number is garbage. */
const VERSION_MAX = 9_999

/** @param text of the header; @returns null if it is missing or not a range */
export function parseVersions(text: string | null): VersionRange | null {
  const match = /^(\d{1,4})-(\d{1,4})$/.exec(text ?? '')
  const [min, max] = [Number(match?.[1]), Number(match?.[2])]
  return min >= 1 && min <= max && max <= VERSION_MAX ? { min, max } : null
}

/** The version in the path segment `v2`; null if this side does not serve it. */
export function servedVersion(part: string | undefined): RelayVersion | null {
  return RELAY_VERSIONS.find((version) => part === `v${version}`) ?? null
}

/** `/relay/v2`. */
export function relayPath(version: RelayVersion): string {
  return `/relay/v${version}`
}
