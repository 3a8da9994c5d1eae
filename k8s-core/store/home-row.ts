// The rules of homes and epochs as pure decisions over one stored row; the adapters only make them atomic.
import type { RegionId, Root } from '../../src/id/ids.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import { EPOCH_MAX, ROOT_BYTES_MAX, SYNC_EPOCH_MAX, SYNC_VERSION_BITS, SYNC_VERSION_MAX } from './limits.ts'
import type { ClaimResult, Home } from './port.ts'

/** The stored row of a root. A released home keeps its row, without a region, so that epochs never go back. */
export interface HomeRow {
  readonly epoch: number
  readonly region: RegionId | null
  readonly importFrom: readonly RegionId[]
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
  const home: Home = { region, epoch: (row?.epoch ?? 0) + 1, importFrom: importSources(current, region) }
  return { result: { claimed: true, home }, write: home }
}

export function decideRestore(
  row: HomeRow | null,
  { region, epoch }: HomeAnswer,
  regions: readonly RegionId[],
): Decision<Home | null> {
  const before = row?.epoch ?? 0
  if (before >= epoch) return { result: homeOf(row), write: null }
  const listed = importSources(homeOf(row), region)
  // Nobody knows the homes in between, so all regions count. A region without anything answers so when it is asked.
  const between = epoch > before + 1 ? regions.filter((one) => one !== region) : []
  const home: Home = { region, epoch, importFrom: [...new Set([...listed, ...between])] }
  return { result: home, write: home }
}

/** A claim imports nothing, so the regions that the former home still had to import from stay open. */
function importSources(former: Home | null, claimer: RegionId): readonly RegionId[] {
  if (former === null) return []
  return [...new Set([...former.importFrom, former.region])].filter((region) => region !== claimer)
}

export function decideConfirm(row: HomeRow | null, epoch: number, from: RegionId): Decision<boolean> {
  const home = homeOf(row)
  if (home === null || home.epoch !== epoch) return { result: false, write: null }
  const importFrom = home.importFrom.filter((region) => region !== from)
  const changed = importFrom.length < home.importFrom.length
  return { result: true, write: changed ? { ...home, importFrom } : null }
}

/** The regions in one column; a region's name has no comma. */
export function importFromText(regions: readonly RegionId[]): string | null {
  return regions.length === 0 ? null : regions.join(',')
}

export function importFromOf(text: unknown): readonly RegionId[] {
  return typeof text === 'string' && text !== '' ? (text.split(',') as RegionId[]) : []
}

export function decideRelease(row: HomeRow | null, epoch: number): Decision<boolean> {
  const home = homeOf(row)
  if (home === null || home.epoch !== epoch) return { result: false, write: null }
  return { result: true, write: { epoch, region: null, importFrom: [] } }
}

/** (epoch, version) of a synced state as one number with the pair's order. A bigint, since it may pass 2^53. */
export function syncTimestamp(epoch: number, version: number): bigint {
  if (!Number.isSafeInteger(epoch) || epoch < 1 || epoch > SYNC_EPOCH_MAX)
    throw new RangeError(`not an epoch: ${epoch}`)
  if (!Number.isSafeInteger(version) || version < 0 || version > SYNC_VERSION_MAX)
    throw new RangeError(`not a version of a state: ${version}`)
  return (BigInt(epoch) << BigInt(SYNC_VERSION_BITS)) | BigInt(version)
}

export function epochOf(timestamp: bigint): number {
  return Number(timestamp >> BigInt(SYNC_VERSION_BITS))
}

/** Refuses epochs that no correct caller passes. Zero is an epoch only as "no home". */
export function assertEpoch(epoch: number, min: 0 | 1): void {
  if (!Number.isSafeInteger(epoch) || epoch < min || epoch > EPOCH_MAX)
    throw new RangeError(`not an epoch: ${epoch}`)
}

export function assertRoot(root: Root): void {
  // A UTF-16 unit takes at most three bytes of UTF-8, so short roots need no counting.
  if (root.length * 3 > ROOT_BYTES_MAX && Buffer.byteLength(root) > ROOT_BYTES_MAX)
    throw new RangeError(`a root of more than ${ROOT_BYTES_MAX} bytes`)
}
