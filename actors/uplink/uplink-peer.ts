// The methods of an UplinkActor for the other actors of its region.
import type { RegionId, Root } from '../../src/id/ids.ts'
import type { UplinkFacts } from '../../src/relay/explain.ts'
import type { RootChange, SyncResult } from '../../src/relay/sync.ts'

export type Destination =
  | { readonly kind: 'home' }
  | { readonly kind: 'region'; readonly region: RegionId; readonly epoch: number }
  | { readonly kind: 'wide'; readonly region: RegionId }

/** Consecutive messages of a lane, as in one envelope. */
export interface Run {
  /** As in an envelope. By source and number the home recognises a repetition, also one that comes through the core. */
  readonly source: string
  readonly first: number
  /** Routed records, in order. */
  readonly batch: Uint8Array
}

export interface UplinkPeer {
  /**
   * Sends records. Resolves with their outcomes when each was delivered or is in the outbox.
   * @param hint the home's last known region; messages to different regions do not wait for each other
   * @param batch routed records
   */
  send(root: Root, to: Destination, hint: RegionId | null, batch: Uint8Array): Promise<Uint8Array>
  /** The root's home is in this region now: returns the messages that wait for it, in order. */
  pickUp(root: Root): Promise<Run[]>
  /** Resolves when all messages that wait now for this region, or for any, are delivered. Rejects if that takes long. */
  drained(root: Root, region: RegionId | 'any'): Promise<void>
  /**
   * Passes a home's changes to the core. Stores nothing: the home repeats a failed sync.
   * @param patient true for a sync that failed before: it waits here for the core, for a while
   */
  sync(change: RootChange, patient?: boolean): Promise<SyncResult>
  /** As `drained`, for the messages of all roots to this region's wide filters. */
  drainedWide(region: RegionId): Promise<void>
  /** The home has delivered or stored the messages of `pickUp`. The uplink holds them until then. */
  confirmPickup(root: Root): Promise<void>
  /** The facts about a root's waiting messages. @param trace counts only messages of the topic with this trace */
  explain(root: Root, topic: string, trace: string | null): Promise<UplinkFacts>
}
