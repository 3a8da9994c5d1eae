// The methods of a WideActor for the other actors of its region and for the relay.
import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { ExplainAsked, WideFacts } from '../../src/relay/explain.ts'
import type { WideAnswer, WideCursor, WideRequest, WorldCursor } from '../../src/relay/wide.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import type { SharingPeer } from '../leaf/leaf-peer.ts'

export interface WideReply {
  /** A reason code per record. */
  readonly outcomes: Uint8Array
  /** A grant, in ms from the beginning of the call: no filter can match the root's topics, so skip this actor. 0: no grant. */
  readonly skipMs: number
}

export interface WideSubscribeReply {
  readonly reasons: readonly number[]
  /** True for each subscription that the session did not have here before. */
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
  /** @param filters null for all filters of the session */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): Promise<void>
  /** Resolves when this actor has delivered all its messages for the session. */
  fence(client: ClientId, session: string): Promise<void>
  /** Resolves when the uplinks have all messages that this shard has sent to that region so far. Rejects if that takes long. */
  drained(region: RegionId): Promise<void>
  explain(asked: ExplainAsked): Promise<WideFacts>
  /** Learns another region's filters, and answers with this region's. */
  learn(request: WideRequest): Promise<WideAnswer>
  /** @param any true if this region is the home of the branch's root and has retained messages in the branch */
  retains(branch: Branch, any: boolean): Promise<void>
  /** Retained messages of the homes in this region. */
  retained(filters: readonly string[], after: WideCursor | null): Promise<RetainedPage<WideCursor>>
  /** Retained messages of the other regions' homes, by this region's clock. Rejects if a region does not answer. */
  retainedElsewhere(filters: readonly string[], after: WorldCursor | null): Promise<RetainedPage<WorldCursor>>
}
