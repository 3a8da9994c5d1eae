// What the core asks of its durable store. Cassandra and an embedded SQLite file answer it; one suite tests both.
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
  /** The former homes that may still have something for this one, the oldest first. */
  readonly importFrom: readonly RegionId[]
}

export type ClaimResult =
  /** The claimer is the home now, with this epoch. */
  | { readonly claimed: true; readonly home: Home }
  /** Somebody was faster, or the expectation was stale: this is the home. */
  | { readonly claimed: false; readonly home: Home | null }

/** What is read of a root's history at once. */
export interface HistoryRange {
  readonly fleet: FleetId
  readonly root: Root
  /** Milliseconds since the epoch by the homes' clocks. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
  readonly order: 'oldest' | 'newest'
  /** Behind this place, in that order; null from the beginning. */
  readonly after: HistoryPlace | null
  /** Messages; fewer do not say that there are no more. */
  readonly limit: number
}

export interface HistoryPage {
  readonly messages: readonly HistoryMessage[]
  /** Where to go on; null where that was all. */
  readonly next: HistoryPlace | null
}

export interface Store {
  /**
   * The store's clock, milliseconds since the epoch: the same for all pods, whatever their own say, to some milliseconds.
   * Whatever is written into the store, or compared with a time from it, goes by this one. Asks nobody.
   */
  now(): number

  /** Brings the schema to the newest version. Idempotent, and safe when several pods do it at once. */
  migrate(): Promise<void>

  /** The home of a root, linearizable with `claimHome`; null where it has none. */
  home(fleet: FleetId, root: Root): Promise<Home | null>

  /**
   * Compare-and-set of a home: makes `region` the home if the home's epoch is still `expectedEpoch` (0: no home).
   * The new epoch is one more than any that this root ever had, so that a released root's old claims stay fenced;
   * `importFrom` becomes what the former home still had to ask, and then the former home's region, without the claimer's.
   */
  claimHome(fleet: FleetId, root: Root, region: RegionId, expectedEpoch: number): Promise<ClaimResult>

  /**
   * For a directory that has gone back: where its epoch is lower than that of a home that somebody knows of, this becomes the
   * home with that very epoch, and `importFrom` what a claim would have made it. Else nothing changes.
   * @param regions all there are: where homes in between are forgotten too, any of these may have been one
   * @returns the home as it is then; null where the root was released
   */
  restoreHome(
    fleet: FleetId,
    root: Root,
    known: HomeAnswer,
    regions: readonly RegionId[],
  ): Promise<Home | null>

  /** Says that the home with this epoch has all that `from` had. False if the epoch is not current. */
  confirmImport(fleet: FleetId, root: Root, epoch: number, from: RegionId): Promise<boolean>

  /** Gives a home back. False if `epoch` is not current (then nothing changes). The root's next claim gets a higher epoch. */
  releaseHome(fleet: FleetId, root: Root, epoch: number): Promise<boolean>

  /**
   * Keeps what a home has changed. Of each thing the highest (epoch, version) wins whatever the order of arrival, without
   * a read before the write. False where a newer home has begun with `takeState`: then it may not have found this.
   */
  putState(change: RootChange): Promise<boolean>

  /**
   * For a home that begins without its predecessor: what the store has of the root. Every `putState` of a lower epoch that
   * was answered with true is in it, and none is from then on. Its clock is that of the region which synced it.
   */
  takeState(fleet: FleetId, root: Root, epoch: number): Promise<HandoverState>

  /** A shadow as its home last synced it; null where there is none. */
  shadow(fleet: FleetId, root: Root, path: string): Promise<string | null>

  /**
   * Keeps a change's history, each message for its time to live from when it was accepted. The same message again changes
   * nothing; the epoch of a home that is no more is as good as any.
   */
  putHistory(change: Pick<RootChange, 'fleet' | 'root' | 'clock' | 'history'>): Promise<void>

  /** A page of what is kept of a root, in the order of time, epoch and number. */
  history(range: HistoryRange): Promise<HistoryPage>

  /** Rejects when the store cannot serve now. */
  ping(): Promise<void>

  close(): Promise<void>
}

/** A store that keeps the registry of devices too. */
export interface RegisteringStore extends Store {
  readonly registry: RegistryStore
}
