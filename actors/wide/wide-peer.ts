// What a WideActor answers to the other actors of its region and to the relay.
import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { ExplainAsked, WideFacts } from '../../src/relay/explain.ts'
import type { WideAnswer, WideCursor, WideRequest, WorldCursor } from '../../src/relay/wide.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import type { SharingPeer } from '../leaf/leaf-peer.ts'

export interface WideReply {
  /** A reason code per record. */
  readonly outcomes: Uint8Array
  /** For so long, from when it called, the leaf need not ask again for this root: nothing can match. 0: it must. */
  readonly skipMs: number
}

export interface WideSubscribeReply {
  readonly reasons: readonly number[]
  /** Which of them the session did not have here before. */
  readonly fresh: readonly boolean[]
}

export interface RetainedPage<Cursor> {
  /** `packBatch` of message records. */
  readonly records: Uint8Array
  readonly next: Cursor | null
}

/** One shard of a region's wide filters. */
export interface WidePeer extends SharingPeer {
  /** @param batch routed records that this region's home of the root has accepted, in order */
  publish(root: Root, batch: Uint8Array): Promise<WideReply>
  receive(envelope: Envelope): Promise<EnvelopeResult>
  subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
  ): Promise<WideSubscribeReply>
  /** @param filters null for all that the session has here */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): Promise<void>
  /** Resolves when all that this actor had for the session has been delivered to it. */
  fence(client: ClientId, session: string): Promise<void>
  /** Resolves when the uplinks have all that this shard sent to that region so far; rejects if that takes long. */
  drained(region: RegionId): Promise<void>
  explain(asked: ExplainAsked): Promise<WideFacts>
  /** Another region's filters. */
  learn(request: WideRequest): Promise<WideAnswer>
  /** Whether this region is the home of the branch's root and keeps retained messages of the branch. */
  retains(branch: Branch, any: boolean): Promise<void>
  /** Retained messages of the homes in this region. */
  retained(filters: readonly string[], after: WideCursor | null): Promise<RetainedPage<WideCursor>>
  /** The same of the other regions, by this one's clock. Rejects where one is not reached. */
  retainedElsewhere(filters: readonly string[], after: WorldCursor | null): Promise<RetainedPage<WorldCursor>>
}
