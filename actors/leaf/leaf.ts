// The leaf stands for one root in one region. At the root's home it orders the messages and sends each to its subscribers and to the
// interested regions; elsewhere it passes them to the home. This file joins the rooms, and is the leaf's face for other actors.

import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { clientOfRoot } from '../../src/id/root.ts'
import type { Message } from '../../src/mqtt/message.ts'
import type { Outcome } from '../../src/mqtt/outcome.ts'
import { packBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { HistorySeamResponse } from '../../src/relay/history.ts'
import type {
  CopyRequest,
  CopyResponse,
  HandoverRequest,
  HandoverResponse,
  HandoverState,
  HomeKnown,
} from '../../src/relay/home.ts'
import { FIRST_EPOCH, type HomeAnswer } from '../../src/relay/home-answer.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../src/relay/interest.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import { GIVEN_RETAINED_MS, RETAINED_PAGE_BYTES_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { type DeliverCall, FanOut } from './delivery/fan-out.ts'
import { leafShares } from './delivery/leaf-shares.ts'
import { LocalDelivery } from './delivery/local-delivery.ts'
import { Sharing } from './delivery/sharing.ts'
import { Subscribers } from './delivery/subscribers.ts'
import { StateTransfer } from './handover/state-transfer.ts'
import { Home } from './home/home.ts'
import { NewRoot } from './home/new-root.ts'
import { InterestRegistration } from './interest/interest-registration.ts'
import { Interests } from './interest/interests.ts'
import { Subscriptions } from './interest/subscriptions.ts'
import { SyncedInterests } from './interest/synced-interests.ts'
import type { LeafPart } from './leaf-part.ts'
import type { LeafRetainedPage, SubscribeReply } from './leaf-peer.ts'
import { Uplinks } from './links/uplinks.ts'
import { WideLink } from './links/wide-link.ts'
import { Acceptance } from './stages/acceptance.ts'
import { History } from './stages/history.ts'
import { Intake } from './stages/intake.ts'
import { namingStage } from './stages/naming-stage.ts'
import { Retained } from './stages/retained.ts'
import { regionsStage, sharingStage, subscribersStage, wideStage } from './stages/sending-stages.ts'
import type { Stage } from './stages/stage.ts'
import { historyBoundStage, historyStage, retainedStage } from './stages/stored-stages.ts'
import { Marks } from './sync/marks.ts'
import { StoreSync } from './sync/store-sync.ts'

/** The actor that a leaf belongs to. */
export interface LeafActor {
  readonly deliver: DeliverCall
  /** The stages of each message at the home, in order. @param common those of every leaf */
  stages(common: readonly Stage[]): readonly Stage[]
  /** The actor's own concerns, in the order in which they write an imported state: before those of every leaf. */
  parts(): readonly LeafPart[]
}

export class Leaf {
  readonly root: Root
  readonly home: Home
  readonly subscribers: Subscribers
  readonly retained: Retained
  readonly interests: Interests
  readonly history: History
  readonly fanOut: FanOut
  readonly sharing: Sharing
  readonly local: LocalDelivery
  readonly marks: Marks
  readonly sync: StoreSync
  readonly registration: InterestRegistration
  /** Up to when messages that are retained get a name. */
  private namesUntil = 0
  private readonly platform: Platform
  private readonly actor: LeafActor
  private readonly wide: WideLink
  private readonly uplinks: Uplinks
  private readonly syncedInterests: SyncedInterests
  private readonly subscriptions: Subscriptions
  private readonly transfer: StateTransfer
  private readonly acceptance: Acceptance
  private readonly intake: Intake

  constructor(
    platform: Platform,
    root: Root,
    actor: LeafActor,
    marks = new Marks(platform),
    attached: number | null = null,
  ) {
    this.platform = platform
    this.root = root
    this.actor = actor
    this.marks = marks
    const { storage } = platform
    this.subscribers = new Subscribers(storage)
    this.retained = new Retained(storage, marks)
    this.interests = new Interests(storage, marks)
    this.history = new History(platform)
    this.syncedInterests = new SyncedInterests(platform, root, this.subscribers, this.interests, marks)
    this.transfer = new StateTransfer(platform, () => this.parts)
    marks.rowChanged = (kind, key) => this.transfer.noteChange(kind, key)
    this.home = new Home(
      platform,
      root,
      this.transfer.staged,
      {
        importState: (state, fromStore) => this.transfer.import(state, fromStore),
        afterImport: () => this.transfer.registerImported(),
        importRemainder: async (rest) => {
          const imported = this.transfer.importRest(rest)
          void this.wide.index()
          await imported
        },
        imported: () => {
          this.retained.noting = false
        },
        fence: (region, epoch) => {
          this.handOver(region, epoch, true)
          return this.registration.renew()
        },
        becameHome: () => {
          this.sync.plan()
          void this.wide.index()
          return this.intake.acceptWaiting()
        },
      },
      attached,
    )
    this.uplinks = new Uplinks(platform, () => {
      const { knowledge } = this.home
      return knowledge.at === 'elsewhere' ? knowledge.region : null
    })
    this.fanOut = new FanOut(
      platform,
      actor.deliver,
      (client, session) => this.subscribers.remove(client, session, null),
      (share, message) => this.sharing.orphaned(share, message),
    )
    this.sharing = new Sharing(
      platform,
      this.subscribers,
      this.fanOut,
      leafShares(
        root,
        () => this.home.knowledge,
        this.interests,
        () => this.uplinks,
      ),
    )
    this.local = new LocalDelivery(platform, this.subscribers, this.fanOut, this.sharing)
    this.registration = new InterestRegistration(platform, root, this.subscribers, this.home, this.retained)
    this.wide = new WideLink(
      platform,
      root,
      (branch) => this.home.knowledge.at === 'here' && this.retained.hasAny(branch),
    )
    this.wide.repair()
    if (this.home.awaitsRemainder) this.retained.noting = true
    this.sync = new StoreSync(platform, root, marks, this.history, {
      home: () => this.home.knowledge,
      rows: () => this.transfer.synced(),
      fenced: () =>
        this.home.fenced().catch((cause) => platform.report(`${root} does not know its new home`, cause)),
    })
    const newRoot = new NewRoot(platform, { home: this.home, unwanted: () => this.wide.unwanted() })
    const { home, subscribers, retained, interests, syncedInterests, registration, sync, local, uplinks } =
      this
    this.subscriptions = new Subscriptions(platform, {
      home,
      newRoot,
      subscribers,
      local,
      retained,
      interests,
      syncedInterests,
      registration,
      sync,
      namesRetained: () => {
        this.namesUntil = platform.now() + GIVEN_RETAINED_MS
      },
    })
    const acceptance = new Acceptance(home, this.sharing, () => actor.stages(this.commonStages()))
    this.acceptance = acceptance
    this.intake = new Intake(platform, root, {
      home,
      acceptance,
      local,
      subscribers,
      registration,
      uplinks,
      newRoot,
    })
  }

  /** @returns the outcome of each record, when each is acknowledged or durable */
  publish(publisher: ClientId, records: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.intake.publish(publisher, records)
  }

  /** At the home: a message of the server, or of its client's actor, that has taken effect. It has its place in the order at once. */
  publishApplied(publisher: ClientId, message: Message, record: Uint8Array): Promise<Outcome> {
    return this.acceptance.acceptApplied(publisher, message, record)
  }

  /** An envelope from the core: to the home from elsewhere, or from the home to this region. */
  receive(envelope: Envelope, epoch: number): Promise<EnvelopeResult> {
    return this.intake.receive(envelope, epoch)
  }

  /** Resolves when no later message is missed (promise 5), with a reason for each subscription. */
  subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
    retainedBytesMax = RETAINED_PAGE_BYTES_MAX,
  ): Promise<SubscribeReply> {
    return this.subscriptions.subscribe(client, session, subscriptions, retainedBytesMax)
  }

  /** @param filters null for all of the session */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): void {
    this.subscriptions.unsubscribe(client, session, filters)
  }

  /** At the home: a region wants the messages, or no longer does. */
  interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    return this.subscriptions.interest(request)
  }

  /** Messages that a session cannot deliver go to other members of its group; Outcome.ClientAway for each without another member. */
  share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.sharing.share(session, routed)
  }

  /** At the home: all that was accepted so far has arrived in the region. Rejects if that takes long. */
  async drained(region: RegionId): Promise<HomeAnswer | null> {
    await this.uplinks.settled('region', region)
    await this.platform.peers.uplink(this.root).drained(this.root, region)
    return this.home.newest
  }

  async homeKnown(copied?: string): Promise<HomeKnown> {
    const known = this.home.answerToClaim
    return known.imported && this.transfer.lacksCopy(copied) ? { ...known, pages: true } : known
  }

  /** At the home: a page of its state, for a region that is about to claim it. */
  async copyState({ cursor, epoch }: CopyRequest): Promise<CopyResponse> {
    const { home, imported } = this.home.answerToClaim
    if (!imported || home?.epoch !== epoch) return this.home.moved
    return { status: 'done', ...this.transfer.copy(cursor) }
  }

  /** All that the home accepted so far has been delivered to this session's actor. */
  async fence(client: ClientId, session: string): Promise<void> {
    const { knowledge } = this.home
    // A home that never moved gets nothing from elsewhere. But a region that was away learns only by asking that its client
    // has gone on elsewhere, with the state from the store.
    const first = knowledge.at === 'here' && knowledge.epoch <= FIRST_EPOCH
    if (!first || (clientOfRoot(this.root) !== null && !(await this.sync.confirmHome())))
      await this.platform.core.drained(this.home.asking)
    await this.fanOut.settled(client, session)
  }

  /** What another leaf needs to be the home. */
  exportState(): HandoverState {
    return this.transfer.export()
  }

  /** The state, or a page of it, for the region that has become the home. */
  handOverState(request: HandoverRequest): HandoverResponse {
    return this.transfer.handOver(request)
  }

  /** Another region becomes the home. @param lost it began without this region's state */
  handOver(to: RegionId, epoch: number, lost: boolean): void {
    for (const part of this.parts) part.beforeHandover?.(lost)
    this.home.handedOver(to, epoch)
    for (const part of this.parts) part.afterHandover?.(lost)
  }

  /** The new home has everything. */
  releaseState(): void {
    this.transfer.clear()
    this.marks.clear()
    void this.wide.index()
  }

  /** The history up to now is in the store: how far it goes. Rejects if that takes long. */
  async historySeam(epoch: number): Promise<HistorySeamResponse> {
    if (!(await this.home.isHere(epoch))) return this.home.moved
    const { knowledge } = this.home
    const seam = { epoch: knowledge.at === 'here' ? knowledge.epoch : epoch, ...this.history.last }
    if (!(await this.sync.stored('history', seam.number)))
      throw new Error(`the core's store does not take the history of ${this.root}`)
    return { status: 'done', seam, clock: this.platform.now() }
  }

  retainedFor(filters: readonly string[], after: string, branch: Branch): LeafRetainedPage {
    // The WideActor that asks has this root in its index: remove it there if there are no retained messages.
    void this.wide.index()
    if (this.home.knowledge.at !== 'here') return { records: packBatch([]), next: null }
    return this.retained.branchPage(filters, after, this.platform.now(), branch)
  }

  retainedPage(filters: readonly string[], after: string): Promise<LeafRetainedPage> {
    return this.subscriptions.retainedPage(filters, after)
  }

  /** Resolves when the WideActor knows that there are retained messages. */
  indexRetained(): Promise<Outcome> {
    return this.wide.index()
  }

  async alarm(): Promise<void> {
    this.transfer.staged.prune()
    await this.home.resume()
    await this.sync.alarm()
    await this.wide.index()
    await this.fanOut.retry()
  }

  private get parts(): readonly LeafPart[] {
    return [...this.actor.parts(), this.retained, this.syncedInterests, this.history]
  }

  private commonStages(): readonly Stage[] {
    const { root, history, retained, sync, wide, local, interests, uplinks, sharing, subscribers } = this
    return [
      historyBoundStage(history),
      namingStage(this.platform, wide, subscribers, interests, () => this.namesUntil),
      retainedStage(retained, sync, wide, clientOfRoot(root)),
      historyStage(history, sync),
      subscribersStage(local, interests),
      regionsStage(root, interests, uplinks),
      sharingStage(sharing),
      wideStage(wide),
    ]
  }
}
