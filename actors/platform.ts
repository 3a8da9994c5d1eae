// The one port through which the actors see their platform. workerd stands behind it in production (workerd/), fakes in
// a simulator, and one day another host.
import type { ChosenTopics } from '../src/history/chosen.ts'
import type { ActorAddress } from '../src/id/actor-name.ts'
import type { Branch, ClientId, FleetId, RegionId, Root } from '../src/id/ids.ts'
import type { Access } from '../src/relay/access.ts'
import type { CommandAsked, HomeCommandResponse } from '../src/relay/command.ts'
import type { Envelope, EnvelopeResult } from '../src/relay/envelope.ts'
import type {
  ExplainAsked,
  LeafFacts,
  PublisherFacts,
  ReceiverFacts,
  UplinkFacts,
  WideFacts,
} from '../src/relay/explain.ts'
import type { HistorySeamResponse } from '../src/relay/history.ts'
import type {
  HandoverRequest,
  HandoverResponse,
  HomeKnown,
  ReleaseRequest,
  ReleaseResponse,
} from '../src/relay/home.ts'
import type { HomeAnswer } from '../src/relay/home-answer.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../src/relay/interest.ts'
import type { HomePresenceResponse } from '../src/relay/presence.ts'
import type { HomeShadowResponse, ShadowAsked } from '../src/relay/shadow.ts'
import type { RootChange, SyncResult } from '../src/relay/sync.ts'
import type { WideAnswer, WideCursor, WideRequest, WorldCursor } from '../src/relay/wide.ts'
import type { Subscription } from '../src/session/session.ts'
import type { CoreClient } from './core/core-client.ts'

export type SqlValue = string | number | Uint8Array | null
export type SqlRow = Record<string, string | number | ArrayBuffer | null>

/** The actor's own SQLite. What one event writes is durable before anything that the event sends leaves the actor. */
export interface Storage {
  exec(query: string, ...bindings: SqlValue[]): SqlRow[]
  transaction<T>(write: () => T): T
}

/** One client connection, which outlives the actor's memory. */
export interface Connection {
  send(frame: Uint8Array): void
  /** WebSocket close code and reason. */
  close(code: number, reason: string): void
  /** What `attach` kept, also after hibernation. Structured-cloneable, at most 16 KiB. */
  attachment(): unknown
  attach(attachment: unknown): void
}

export interface SubscribeReply {
  readonly reasons: readonly number[]
  /** `packBatch` of deliveries. */
  readonly retained: Uint8Array
}

/** Whoever knows the members of shared subscriptions. */
export interface SharingPeer {
  /**
   * Gives each to another member of its group than this session, whose client is away.
   * @param batch routed records with their turns; outcome CLIENT_AWAY where there is no other member
   */
  share(session: string, batch: Uint8Array): Promise<Uint8Array>
}

/** What an actor that is a leaf answers. Batches are `packBatch`ed; outcomes are a reason code per record. */
export interface LeafPeer extends SharingPeer {
  /** @param batch message records */
  publish(publisher: ClientId, batch: Uint8Array): Promise<Uint8Array>
  subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
  ): Promise<SubscribeReply>
  /** @param filters null for all that the session has here */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): Promise<void>
  receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult>
  interest(request: HomeInterestRequest): Promise<HomeInterestResponse>
  /** At the home: how far it has kept messages, when the store has all of them; rejects if that takes long. */
  historySeam(epoch: number): Promise<HistorySeamResponse>
  /**
   * At the home: resolves when all that it accepted so far has arrived in that region, with the home that is known here;
   * rejects if that takes long.
   */
  drained(region: RegionId): Promise<HomeAnswer | null>
  /** Asks nobody. */
  homeKnown(): Promise<HomeKnown>
  /** Resolves when all that the root's home accepted so far has been delivered to this session's actor. */
  fence(client: ClientId, session: string): Promise<void>
  /** Null where the home is not here, or newer. */
  /** Null where a newer home is known here. */
  handover(request: HandoverRequest): Promise<HandoverResponse | null>
  release(request: ReleaseRequest): Promise<ReleaseResponse>
  /** At the home: a page of the branch's retained messages that match any of the filters, from after this topic on. */
  retainedFor(filters: readonly string[], after: string, branch: Branch): Promise<LeafRetainedPage>
  /** What it knows of a receiver and a topic of its root. Makes no region the home. */
  explainTopic(asked: ExplainAsked): Promise<LeafFacts>
}

export interface LeafRetainedPage {
  /** `packBatch` of message records. */
  readonly records: Uint8Array
  /** The topic to go on after; null where that was all. */
  readonly next: string | null
}

/** By which a request that is sent again is recognised. */
export interface IdempotencyKey {
  readonly name: string
  /** Of the request's content: the same key may not come with another. */
  readonly request: string
}

export type PublishReply =
  /** A reason code for each. */
  | { readonly status: 'done'; readonly outcomes: Uint8Array }
  /** The key came with another request before. */
  | { readonly status: 'other-request' }

export interface DevicePeer extends LeafPeer {
  /** Publishes as the actor's client, in order. @param batch message records */
  publishOwn(batch: Uint8Array, key: IdempotencyKey | null): Promise<PublishReply>
  /** A request to a shadow that came by no topic. @param epoch by which this is taken for the home; null: only if it is known */
  shadow(asked: ShadowAsked, epoch: number | null): Promise<HomeShadowResponse>
  /** A call of the device, or what became of one. @param epoch as for `shadow` */
  command(asked: CommandAsked, epoch: number | null): Promise<HomeCommandResponse>
  /** @param batch deliveries for this session */
  deliver(session: string, batch: Uint8Array): Promise<Uint8Array>
  /** @param epoch of the home that the core takes this region for; null to ask only what is known here */
  presence(epoch: number | null): Promise<HomePresenceResponse>
  /** The registry has changed who may connect. @param clock what the sender's clock says */
  accessChanged(access: Access, clock: number): Promise<void>
  explainReceiver(asked: ExplainAsked): Promise<ReceiverFacts>
  /** The same of this client as the publisher. */
  explainPublisher(asked: ExplainAsked): Promise<PublisherFacts>
  frontOpened(front: string): Promise<void>
  /** @param batch frames */
  frontFrames(front: string, batch: Uint8Array): Promise<void>
  frontClosed(front: string): Promise<void>
}

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

export interface FrontPeer {
  send(frame: Uint8Array): Promise<void>
  close(code: number, reason: string): Promise<void>
}

/** The other actors of this region: of the same fleet, unless one is named. */
export interface Peers {
  device(client: ClientId): DevicePeer
  deviceOf(fleet: FleetId, client: ClientId): DevicePeer
  leaf(root: Root): LeafPeer
  uplink(root: Root): UplinkPeer
  /** The shard of a root. */
  wide(root: Root): WidePeer
  /** All shards, each at its number. */
  wideShards(): readonly WidePeer[]
  front(name: string): FrontPeer
}

export interface Settings {
  readonly serverKeepAliveSeconds: number
  readonly packetBytesMax: number
  /** Of one uplink's outbox. */
  readonly outboxMessagesMax: number
  /** That may wait for one session. */
  readonly queueMessagesMax: number
  readonly clientTokenSecret: string
  /** This region is being emptied: clients are to connect here instead. Null in the usual case. */
  readonly moveTo: string | null
  /** Whether clients' connections and their ends are told. */
  readonly presence: boolean
  /** Which messages are kept in the core's store, and for how long. */
  readonly history: ChosenTopics
}

export interface Platform {
  readonly address: ActorAddress
  readonly region: RegionId
  readonly fleet: FleetId
  readonly settings: Settings
  readonly storage: Storage
  readonly peers: Peers
  readonly core: CoreClient
  now(): number
  /** A fresh name, unique for ever. */
  randomId(): string
  /** 0 to 1, for jitter. */
  random(): number
  /** Runs `task` later unless cancelled; keeps the actor in memory until then. */
  after(ms: number, task: () => void): () => void
  /** Makes sure that the actor is woken at this time or before. A billed write only where it must come earlier. */
  wakeBy(at: number): void
  connections(): Connection[]
  /** An error that nobody waits for. */
  report(what: string, cause: unknown): void
}
