// The core's durable store, as a port. Its two adapters are Cassandra and an embedded SQLite file; one suite tests both.
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'
import type { HistoryMessage, HistoryPlace } from '../../src/relay/history.ts'
import type { HandoverState } from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { RootChange } from '../../src/relay/sync.ts'
import type { RegistryStore } from './registry-port.ts'

export interface Home {
  readonly region: RegionId
  /** How often the home has moved; the first home of a root has epoch 1. */
  readonly epoch: number
  /** The former homes whose state is not imported whole, the oldest first. */
  readonly importFrom: readonly RegionId[]
}

export type ClaimResult =
  /** The claimer is the home now, with this epoch. */
  | { readonly claimed: true; readonly home: Home }
  /** Another claim was faster, or the expected epoch was old: this is the home. */
  | { readonly claimed: false; readonly home: Home | null }

/** A query of one page of a root's history. */
export interface HistoryRange {
  readonly fleet: FleetId
  readonly root: Root
  /** Milliseconds since the epoch by the homes' clocks. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly order: 'oldest' | 'newest'
  /** Cursor: rows after this one, in the query's order; null for the first page. */
  readonly after: HistoryPlace | null
  /** Messages in the page. A page with fewer need not be the last. */
  readonly limit: number
}

export interface HistoryPage {
  readonly messages: readonly HistoryMessage[]
  /** The next page's cursor; null after the last page. */
  readonly next: HistoryPlace | null
}

export interface Store {
  /**
   * The store's clock, milliseconds since the epoch: all pods agree on it to some milliseconds, however wrong their own clocks are.
   * Every time that is stored, or compared with a stored one, is by this clock. Synchronous: makes no call.
   */
  now(): number

  /** Brings the schema to the newest version. Idempotent, and safe when several pods do it at once. */
  migrate(): Promise<void>

  /** The home of a root, linearizable with `claimHome`; null if the root has none. */
  home(fleet: FleetId, root: Root): Promise<Home | null>

  /** The home, perhaps as it was a moment ago: takes part in no election, so it costs one read. */
  recentHome(fleet: FleetId, root: Root): Promise<Home | null>

  /**
   * Compare-and-set of a home: makes `region` the home if the home's epoch is still `expectedEpoch` (0: no home).
   * The new epoch is one more than any that this root ever had, so that a released root's old claims stay fenced;
   * `importFrom` becomes the former home's `importFrom` followed by the former home's region, without the claimer's region.
   */
  claimHome(fleet: FleetId, root: Root, region: RegionId, expectedEpoch: number): Promise<ClaimResult>

  /**
   * Repairs a directory that has gone back in time (restored from a backup): if `home` has a higher epoch than the stored one, `home`
   * is stored, with the `importFrom` that a claim would have made. Else nothing changes.
   * @param regions all regions: any of them may have been a home that the directory has forgotten
   * @returns the home after the call; null if the root was released
   */
  restoreHome(
    fleet: FleetId,
    root: Root,
    known: HomeAnswer,
    regions: readonly RegionId[],
  ): Promise<Home | null>

  /** Records that the home with this epoch has imported all of `from`. False if the epoch is not current. */
  confirmImport(fleet: FleetId, root: Root, epoch: number, from: RegionId): Promise<boolean>

  /** Gives a home back. False if `epoch` is not current (then nothing changes). The root's next claim gets a higher epoch. */
  releaseHome(fleet: FleetId, root: Root, epoch: number): Promise<boolean>

  /**
   * Stores a home's changes. For each row the highest (epoch, version) wins in any order of arrival, without a read before the
   * write. False if a newer home has called `takeState`: that call may have missed these changes.
   */
  putState(change: RootChange): Promise<boolean>

  /**
   * The stored state of a root, for a home that begins without its predecessor. Every `putState` of a lower epoch that returned true
   * is in it, and no later one of a lower epoch will return true. Times in it are by the clock of the region that synced it.
   */
  takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState>

  /** A shadow as its home last synced it; null if there is none. */
  shadow(fleet: FleetId, root: Root, path: string): Promise<string | null>

  /**
   * Stores messages as history, each for its time to live from when its home accepted it. Idempotent. Messages of a former home's
   * epoch are stored too: they were accepted.
   */
  putHistory(change: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>): Promise<void>

  /** A page of a root's history, ordered by time, epoch and number. */
  history(range: HistoryRange): Promise<HistoryPage>

  /** Rejects when the store cannot serve now. */
  ping(): Promise<void>

  close(): Promise<void>
}

/** A store with the registry of devices. */
export interface RegisteringStore extends Store {
  readonly registry: RegistryStore
}
