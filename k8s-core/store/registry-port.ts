// The registry's part of the durable store, as a port: versioned entries, indexes to page through, notices to regions.
import type { ClientId, FleetId, RegionId } from '../../src/id/ids.ts'

export type EntryKind = 'fleet' | 'device' | 'claim-token'

export interface EntryKey {
  readonly fleet: FleetId
  readonly kind: EntryKind
  readonly id: string
}

export interface Entry {
  /** Grows with every change, also across a removal: milliseconds since the epoch, or one more than the one before. */
  readonly version: number
  /** JSON; null for a removed entry, which is remembered for a while. */
  readonly body: string | null
}

/** An index by which an entry is found without its id. */
export interface IndexRow {
  readonly index: Index
  readonly entry: string
}

/** Ordered by (bucket, entry): a stable order, spread over `buckets` partitions. */
export interface Index {
  readonly name: string
  /** A constant of the index: never change it. */
  readonly buckets: number
}

export interface EntryWrite {
  readonly body: string | null
  /** All index rows of the new state. */
  readonly indexed: readonly IndexRow[]
  /** Index rows of the former state that the new state does not have. */
  readonly unindexed: readonly IndexRow[]
  /** The regions that get a notice of the change; only for entries of devices. */
  readonly notify: readonly RegionId[]
}

/** The answer to the caller, and the write that makes it true (null: nothing to write). */
export interface EntryDecision<T> {
  readonly result: T
  readonly write: EntryWrite | null
}

/** @param version of the entry after the write */
export type DecideEntry<T> = (former: Entry | null, version: number) => EntryDecision<T>

/** The place after which a page begins. */
export interface IndexCursor {
  readonly bucket: number
  readonly entry: string
}

export interface IndexPage {
  readonly rows: readonly { readonly entry: string; readonly version: number }[]
  /** Null after the last page. */
  readonly next: IndexCursor | null
}

export interface IndexQuery {
  readonly fleet: FleetId
  readonly index: Index
  /** A prefix of the entries' ids; `''` for all. */
  readonly prefix: string
  readonly after: IndexCursor | null
  readonly limit: number
}

/** A change that a region has not confirmed. */
export interface Notice {
  readonly region: RegionId
  readonly fleet: FleetId
  readonly client: ClientId
  /** The version of the device's entry after the change. */
  readonly version: number
}

export interface RegistryStore {
  /** Sees every confirmed change, in any data center. */
  entry(key: EntryKey): Promise<Entry | null>

  /**
   * Compare-and-set: applies the decision to the entry that it was made from, or decides again. When this resolves, the index rows
   * are readable. After a crash an index may have surplus rows: readers ignore them. Notices are stored before the change.
   * @param start `absent` if most likely there is no entry: that saves a read
   */
  change<T>(key: EntryKey, start: 'absent' | 'read', decide: DecideEntry<T>): Promise<T>

  indexed(query: IndexQuery): Promise<IndexPage>

  /** Deletes a surplus index row, unless it was written again since that version. */
  unindex(fleet: FleetId, row: IndexRow, version: number): Promise<void>

  /** Some open notices of one region, so that notices of a region that is away delay no other's. */
  notices(region: RegionId, limit: number): Promise<Notice[]>

  /** Deletes a notice that the region has confirmed; a notice of a higher version stays. */
  noticed(notice: Notice): Promise<void>
}
