// The methods of a leaf for other actors and for the relay. DeviceActor and TopicActor implement them.
import type { Branch, ClientId, RegionId } from '../../src/id/ids.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { ExplainAsked, LeafFacts } from '../../src/relay/explain.ts'
import type { HistorySeamResponse } from '../../src/relay/history.ts'
import type {
  CopyRequest,
  CopyResponse,
  HandoverRequest,
  HandoverResponse,
  HomeKnown,
  ReleaseRequest,
  ReleaseResponse,
} from '../../src/relay/home.ts'
import type { HomeAnswer } from '../../src/relay/home-answer.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../src/relay/interest.ts'
import type { Subscription } from '../../src/session/subscription.ts'

export interface SubscribeReply {
  readonly reasons: readonly number[]
  /** `packBatch` of deliveries: the first retained messages. */
  readonly retained: Uint8Array
  /** The topic after which further retained messages follow, to be asked for; null or absent if there are none. */
  readonly retainedNext?: string | null
}

/** An actor that knows the members of shared subscriptions: a leaf or a WideActor. */
export interface SharingPeer {
  /**
   * Gives each message to another member of its group than this session, whose client is away.
   * @param batch routed records with their turns. Outcome `ClientAway` for a message without another member
   */
  share(session: string, batch: Uint8Array): Promise<Uint8Array>
}

/** An actor that is a leaf. Batches are `packBatch`ed; outcomes are a reason code per record. */
export interface LeafPeer extends SharingPeer {
  /** @param batch message records */
  publish(publisher: ClientId, batch: Uint8Array): Promise<Uint8Array>
  subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
    retainedBytesMax?: number,
  ): Promise<SubscribeReply>
  /** For a subscriber: a page of the retained messages that match, in the order of topics, after this one. */
  retainedPage(filters: readonly string[], after: string): Promise<LeafRetainedPage>
  /** @param filters null for all of the session */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): Promise<void>
  receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult>
  interest(request: HomeInterestRequest): Promise<HomeInterestResponse>
  /** At the home: resolves when the store has the history up to now, with how far that is. Rejects if that takes long. */
  historySeam(epoch: number): Promise<HistorySeamResponse>
  /**
   * At the home: resolves when each message accepted so far has arrived in that region, with the home that this leaf knows.
   * Rejects if that takes long.
   */
  drained(region: RegionId): Promise<HomeAnswer | null>
  /** The home as this leaf knows it, without a call. @param copied the cursor of a region that has copied the state */
  homeKnown(copied?: string): Promise<HomeKnown>
  /** Resolves when each message that the root's home accepted so far has been delivered to this session's actor. */
  fence(client: ClientId, session: string): Promise<void>
  /** At the home: a page of its state for a region that is about to claim it. The home goes on serving. */
  copyState(request: CopyRequest): Promise<CopyResponse>
  /** Null if this leaf knows a home with a higher epoch. */
  handover(request: HandoverRequest): Promise<HandoverResponse | null>
  release(request: ReleaseRequest): Promise<ReleaseResponse>
  /** At the home: a page of the branch's retained messages that match a filter, in the order of topics, after this one. */
  retainedFor(filters: readonly string[], after: string, branch: Branch): Promise<LeafRetainedPage>
  /** The leaf's facts about a receiver and a topic. Makes no region the home. */
  explainTopic(asked: ExplainAsked): Promise<LeafFacts>
}

export interface LeafRetainedPage {
  /** `packBatch` of message records. */
  readonly records: Uint8Array
  /** The topic after which the next page begins; null after the last page. */
  readonly next: string | null
}
