// What the core asks of its durable store. Cassandra and an embedded SQLite file answer it; one suite tests both.
import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'

export interface Home {
  readonly region: RegionId
  /** How often the home has moved; the first home of a root has epoch 1. */
  readonly epoch: number
  /** The region whose state the home has still to import, or null once it has (or there was none). */
  readonly importFrom: RegionId | null
}

export type ClaimResult =
  /** The claimer is the home now, with this epoch. */
  | { readonly claimed: true; readonly home: Home }
  /** Somebody was faster, or the expectation was stale: this is the home. */
  | { readonly claimed: false; readonly home: Home | null }

export interface Store {
  /** Brings the schema to the newest version. Idempotent, and safe when several pods do it at once. */
  migrate(): Promise<void>

  /** The home of a root, linearizable with `claimHome`; null where it has none. */
  home(fleet: FleetId, root: Root): Promise<Home | null>

  /**
   * Compare-and-set of a home: makes `region` the home if the home's epoch is still `expectedEpoch` (0: no home).
   * The new epoch is one more than any that this root ever had, so that a released root's old claims stay fenced;
   * `importFrom` becomes the former home's region, if there was one and it is another.
   */
  claimHome(fleet: FleetId, root: Root, region: RegionId, expectedEpoch: number): Promise<ClaimResult>

  /** Says that the home with this epoch has imported what `importFrom` names. False if the epoch is not current. */
  confirmImport(fleet: FleetId, root: Root, epoch: number): Promise<boolean>

  /** Gives a home back. False if `epoch` is not current (then nothing changes). The root's next claim gets a higher epoch. */
  releaseHome(fleet: FleetId, root: Root, epoch: number): Promise<boolean>

  /**
   * Keeps the regions interested in a root, as its home last said. The highest (epoch, version) wins whatever the
   * order of arrival, without a read before the write. `version` counts up from 0 within an epoch, below 2^20.
   */
  putInterests(
    fleet: FleetId,
    root: Root,
    epoch: number,
    version: number,
    regions: readonly RegionId[],
  ): Promise<void>

  /** The regions last kept, or an empty list. */
  interests(fleet: FleetId, root: Root): Promise<readonly RegionId[]>

  /** Rejects when the store cannot serve now. */
  ping(): Promise<void>

  close(): Promise<void>
}
