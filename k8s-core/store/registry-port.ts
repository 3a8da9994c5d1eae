// What the registry asks of the durable store: versioned entries, indexes to page through, notices of what regions must learn.
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
  /** JSON; null where the entry was removed, which is remembered for a while. */
  readonly body: string | null
}

/** Where an entry is found by something other than its id. */
export interface IndexRow {
  readonly index: Index
  readonly entry: string
}

/** The order within is (bucket, entry): stable, and spread over so many partitions. */
export interface Index {
  readonly name: string
  /** A constant of the index, for ever. */
  readonly buckets: number
}

export interface EntryWrite {
  readonly body: string | null
  /** Of the new state, all of them. */
  readonly indexed: readonly IndexRow[]
  /** Of the former state and not of the new. */
  readonly unindexed: readonly IndexRow[]
  /** Which regions must learn of it; an entry of a device. */
  readonly notify: readonly RegionId[]
}

/** The answer to the caller, and what makes it true (null: nothing to write). */
export interface EntryDecision<T> {
  readonly result: T
  readonly write: EntryWrite | null
}

/** @param version that the entry has if this is written */
export type DecideEntry<T> = (former: Entry | null, version: number) => EntryDecision<T>

/** The place after which a page begins. */
export interface IndexCursor {
  readonly bucket: number
  readonly entry: string
}

export interface IndexPage {
  readonly rows: readonly { readonly entry: string; readonly version: number }[]
  /** Null where that was all. */
  readonly next: IndexCursor | null
}

export interface IndexQuery {
  readonly fleet: FleetId
  readonly index: Index
  /** Entries that begin so; `''` for all. */
  readonly prefix: string
  readonly after: IndexCursor | null
  readonly limit: number
}

/** A region has not yet been told of a change, as far as is known. */
export interface Notice {
  readonly region: RegionId
  readonly fleet: FleetId
  readonly client: ClientId
  /** Of the device's entry, with the change. */
  readonly version: number
}

export interface RegistryStore {
  /** Every change that was answered is seen, in any data center. */
  entry(key: EntryKey): Promise<Entry | null>

  /**
   * Compare-and-set: applies the decision to the entry that it was made from, or decides anew. What is indexed is found
   * before this resolves; what an index has too much, after a crash, is up to the reader to pass over. Notices are
   * stored before the change is.
   * @param start `absent` where most likely there is no entry: then reading it first is saved
   */
  change<T>(key: EntryKey, start: 'absent' | 'read', decide: DecideEntry<T>): Promise<T>

  indexed(query: IndexQuery): Promise<IndexPage>

  /** Takes a row off that its entry does not bear out, unless it was written anew since that version. */
  unindex(fleet: FleetId, row: IndexRow, version: number): Promise<void>

  /** Some of a region's that are open: those of another that is away must not stand before them. */
  notices(region: RegionId, limit: number): Promise<Notice[]>

  /** The region was told; a notice of a higher version stays. */
  noticed(notice: Notice): Promise<void>
}
