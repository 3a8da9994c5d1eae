// What an UplinkActor answers to the other actors of its region.
import type { RegionId, Root } from '../../src/id/ids.ts'
import type { UplinkFacts } from '../../src/relay/explain.ts'
import type { RootChange, SyncResult } from '../../src/relay/sync.ts'

export type Destination =
  | { readonly kind: 'home' }
  | { readonly kind: 'region'; readonly region: RegionId; readonly epoch: number }
  | { readonly kind: 'wide'; readonly region: RegionId }

/** What an uplink sends in one envelope. */
export interface Run {
  /** As in an envelope: what comes again, this way or by the core, is known by its source and number. */
  readonly source: string
  readonly first: number
  /** Routed records, in order. */
  readonly batch: Uint8Array
}

export interface UplinkPeer {
  /**
   * @param hint the region where the home was last; messages to different regions do not wait for each other
   * @param batch routed records; outcomes when each was delivered or is in the outbox
   */
  send(root: Root, to: Destination, hint: RegionId | null, batch: Uint8Array): Promise<Uint8Array>
  /** Gives what waits for the home of this root to it, in order: it is here now. */
  take(root: Root): Promise<Run[]>
  /** Resolves when what waits now for this region, or for any, has been delivered; rejects if that takes long. */
  drained(root: Root, region: RegionId | 'any'): Promise<void>
  /**
   * Passes on what a home has changed. Stores nothing: what failed is sent again by the home.
   * @param patient it has failed before, and waits here until the core is reached, for a while
   */
  sync(change: RootChange, patient?: boolean): Promise<SyncResult>
  /** The same for what waits for this region's wide filters, of any root. */
  drainedWide(region: RegionId): Promise<void>
  /** The home has delivered or stored what it took; until then the uplink keeps it. */
  took(root: Root): Promise<void>
  /** What of a root waits here. @param trace only such messages of the topic count */
  explain(root: Root, topic: string, trace: string | null): Promise<UplinkFacts>
}
