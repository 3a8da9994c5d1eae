// The rules of homes and epochs as pure decisions over one stored row; the adapters only make them atomic.
import type { RegionId, Root } from '../../src/id/ids.ts'
import {
  EPOCH_MAX,
  INTEREST_VERSION_BITS,
  INTEREST_VERSION_MAX,
  REGIONS_MAX,
  ROOT_BYTES_MAX,
} from './limits.ts'
import type { ClaimResult, Home } from './port.ts'

/** What is stored of a root. A released home keeps its row, without a region, so that epochs never go back. */
export interface HomeRow {
  readonly epoch: number
  readonly region: RegionId | null
  readonly importFrom: RegionId | null
}

/** The answer to the caller, and the row that makes it true (null: nothing to write). */
export interface Decision<T> {
  readonly result: T
  readonly write: HomeRow | null
}

export function homeOf(row: HomeRow | null): Home | null {
  if (row === null || row.region === null) return null
  return { region: row.region, epoch: row.epoch, importFrom: row.importFrom }
}

export function decideClaim(
  row: HomeRow | null,
  region: RegionId,
  expectedEpoch: number,
): Decision<ClaimResult> {
  const current = homeOf(row)
  if ((current?.epoch ?? 0) !== expectedEpoch)
    return { result: { claimed: false, home: current }, write: null }
  const home: Home = { region, epoch: (row?.epoch ?? 0) + 1, importFrom: importSource(current, region) }
  return { result: { claimed: true, home }, write: home }
}

/** A region that claims its own home again has not imported anything by that, so what was open stays open. */
function importSource(former: Home | null, claimer: RegionId): RegionId | null {
  if (former === null) return null
  return former.region === claimer ? former.importFrom : former.region
}

export function decideConfirm(row: HomeRow | null, epoch: number): Decision<boolean> {
  const home = homeOf(row)
  if (home === null || home.epoch !== epoch) return { result: false, write: null }
  return { result: true, write: home.importFrom === null ? null : { ...home, importFrom: null } }
}

export function decideRelease(row: HomeRow | null, epoch: number): Decision<boolean> {
  const home = homeOf(row)
  if (home === null || home.epoch !== epoch) return { result: false, write: null }
  return { result: true, write: { epoch, region: null, importFrom: null } }
}

/** (epoch, version) as one number that orders like the pair. A bigint, since it may pass 2^53. */
export function interestTimestamp(epoch: number, version: number): bigint {
  return (BigInt(epoch) << BigInt(INTEREST_VERSION_BITS)) | BigInt(version)
}

/** What no correct caller passes. Zero is an epoch only where it means "no home". */
export function assertEpoch(epoch: number, min: 0 | 1): void {
  if (!Number.isSafeInteger(epoch) || epoch < min || epoch > EPOCH_MAX)
    throw new RangeError(`not an epoch: ${epoch}`)
}

export function assertRoot(root: Root): void {
  // A UTF-16 unit takes at most three bytes of UTF-8, so short roots need no counting.
  if (root.length * 3 > ROOT_BYTES_MAX && Buffer.byteLength(root) > ROOT_BYTES_MAX)
    throw new RangeError(`a root of more than ${ROOT_BYTES_MAX} bytes`)
}

export function assertInterests(epoch: number, version: number, regions: readonly RegionId[]): void {
  assertEpoch(epoch, 1)
  if (!Number.isSafeInteger(version) || version < 0 || version > INTEREST_VERSION_MAX)
    throw new RangeError(`not a version of interests: ${version}`)
  if (regions.length > REGIONS_MAX) throw new RangeError(`more than ${REGIONS_MAX} regions`)
}
