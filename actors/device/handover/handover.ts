// A client's move between regions: the old home hands session and root over, the new home imports them.
import type { ClientId } from '../../../src/id/ids.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../../src/mqtt/topic.ts'
import { packBatch, unpackBatch } from '../../../src/relay/batch.ts'
import {
  type HandoverRequest,
  type HandoverResponse,
  type HandoverState,
  type ImportedResponse,
  RELEASED,
  type ReleaseRequest,
  type ReleaseResponse,
} from '../../../src/relay/home.ts'
import { type Delivery, decodeDelivery, encodeDelivery } from '../../../src/session/delivery.ts'
import type { Session } from '../../../src/session/session.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import type { MovedRows } from '../../leaf/handover/moved-rows.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import type { ImportedState, LeafPart, SyncedRows } from '../../leaf/leaf-part.ts'
import type { Platform } from '../../platform.ts'
import type { LifeInput } from '../device-life.ts'
import type { DeviceState } from '../device-state.ts'
import type { Presence } from '../presence/presence.ts'
import type { Registrar } from '../session/registrar.ts'
import type { SeenOrigins } from '../session/seen-origins.ts'
import type { SessionStore } from '../session/session-store.ts'
import type { Shadows } from '../shadow/shadows.ts'
import { type RecoveredSubscription, RecoveredSubscriptions } from './recovered-subscriptions.ts'
import {
  exportHead,
  goOn,
  importSession,
  markExported,
  ownSession,
  sessionRows,
  syncedSession,
} from './session-transfer.ts'

/** The parts of a device that a hand-over works on. */
export interface HandoverPorts {
  readonly state: DeviceState
  /**
   * Closes the live connection, if there is one: the client has connected in another region.
   * @param lost the next home began from the core's store, without this region
   */
  disconnect(lost: boolean): void
  /** The client begins a new session in another region: closes the live connection, and publishes a delayed will. */
  replaced(): void
  /** An input of the device's life. */
  input(input: Extract<LifeInput, { is: 'imported' | 'released' }>): void
  /** Resolves with the outcome when it is acknowledged or durable. */
  deliver(delivery: Delivery): Promise<Outcome>
  /** Deliveries of shared subscriptions whose session or connection has ended: other members of their groups get them. */
  redistribute(deliveries: readonly Delivery[]): void
}

export class Handover implements LeafPart {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly leaf: Leaf
  private readonly store: SessionStore
  private readonly seen: SeenOrigins
  private readonly registrar: Registrar
  private readonly presence: Presence
  private readonly shadows: Shadows
  private readonly recoveredSubscriptions: RecoveredSubscriptions
  private readonly device: HandoverPorts
  private readonly rows: readonly MovedRows[]

  constructor(
    platform: Platform,
    client: ClientId,
    leaf: Leaf,
    store: SessionStore,
    seen: SeenOrigins,
    registrar: Registrar,
    presence: Presence,
    shadows: Shadows,
    device: HandoverPorts,
  ) {
    this.platform = platform
    this.client = client
    this.leaf = leaf
    this.store = store
    this.seen = seen
    this.registrar = registrar
    this.presence = presence
    this.shadows = shadows
    this.recoveredSubscriptions = new RecoveredSubscriptions(platform.storage, store, leaf.marks)
    this.device = device
    this.rows = sessionRows(platform.storage, store)
  }

  /** Hands the client over. The state stays here, unchanged, until `release`. Null if this leaf knows a home with a higher epoch. */
  handover(request: HandoverRequest): HandoverResponse | null {
    const { to, epoch, cleanStart = false } = request
    const { home } = this.leaf
    const { knowledge } = home
    if (knowledge.at !== 'unknown' && knowledge.epoch > epoch) return null
    // The directory made this region the home, but it never imported its predecessor's state.
    if (!home.wasBefore(epoch)) {
      this.leaf.handOver(to, epoch, true)
      return { state: null }
    }
    if (knowledge.at !== 'elsewhere' || knowledge.epoch < epoch) {
      if (cleanStart) this.device.replaced()
      this.leaf.handOver(to, epoch, false)
    }
    markExported(this.store)
    return this.leaf.handOverState(request)
  }

  moved(): readonly MovedRows[] {
    return this.rows
  }

  export(): Partial<HandoverState> {
    return { session: exportHead(this.store) }
  }

  /** While this region still is the home: the end of the connection is an event of this home. */
  beforeHandover(lost: boolean): void {
    this.device.disconnect(lost)
  }

  /** After the home row is written: if the process died in between, a home without its own subscriber would lose messages. */
  afterHandover(lost: boolean): void {
    const session = this.device.state.session
    if (session !== null) this.leaf.subscribers.remove(this.client, session.id, null)
    // `release` sends the queue, which the next home has not got. Until then the session must stay, even if it expires.
    if (lost && this.store.session()?.exportedUpTo === null) this.store.markExported(0)
  }

  /** The new home has stored the state. Sends it the remainder, call by call; after the last call this region deletes the client. */
  async release(request: ReleaseRequest): Promise<ReleaseResponse> {
    const remainder = await this.remainder(request)
    return { ...remainder, clock: this.platform.now() }
  }

  private async remainder(request: ReleaseRequest): Promise<ReleaseResponse> {
    const before = this.leaf.home.knowledge
    if (before.at === 'here' && before.epoch < request.epoch)
      this.leaf.handOver(request.to, request.epoch, true)
    if (!this.isOldFor(request)) return RELEASED
    const row = this.store.session()
    if (row !== null && request.synced) {
      this.recoveredSubscriptions.taken(request.tookFilter)
      const subscriptions = this.recoveredSubscriptions.all()
      if (subscriptions.length > 0)
        return { ...RELEASED, done: false, session: row.id, upTo: request.tookUpTo, subscriptions }
    }
    if (row !== null && !row.fenced && request.registered) await this.endSubscriptions(row.id, request)
    // A hand-over includes this region's interest in the root; a home that began from the store may lack it.
    if (request.synced) await this.leaf.registration.renew()
    // During the calls the client may have returned to this region.
    if (!this.isOldFor(request)) return RELEASED
    const { synced, registered, tookUpTo, tookTopic, tookShadow } = request
    this.store.dequeueUpTo(tookUpTo)
    this.leaf.retained.taken(tookTopic)
    this.shadows.store.taken(tookShadow)
    if (row !== null) {
      if (synced) this.store.dropConfirmed()
      const after = Math.max(synced ? 0 : (row.exportedUpTo ?? 0), tookUpTo)
      const { pageBytesMax } = this.platform.settings
      const late = this.store.queuedPage(after, pageBytesMax, REMAINDER_DELIVERIES_MAX)
      const last = late.at(-1)
      if (last !== undefined) {
        const batch = packBatch(late.map(({ delivery }) => encodeDelivery(delivery)))
        return {
          ...RELEASED,
          done: false,
          session: row.id,
          late: batch,
          upTo: last.position,
        }
      }
    }
    const { pageBytesMax } = this.platform.settings
    const retained = synced ? this.leaf.retained.remainder(tookTopic, pageBytesMax) : []
    const shadows = synced ? this.shadows.store.late(tookShadow) : []
    if (retained.length + shadows.length > 0 || !registered)
      return { ...RELEASED, done: false, upTo: tookUpTo, retained, shadows }
    this.leaf.releaseState()
    return RELEASED
  }

  clear(): void {
    this.device.input({ is: 'released' })
    this.store.clear()
    this.seen.clear()
  }

  private isOldFor({ epoch }: ReleaseRequest): boolean {
    const home = this.leaf.home.knowledge
    return home.at === 'elsewhere' && home.epoch <= epoch
  }

  /**
   * The new home has registered its subscriptions, wide ones at every WideActor of the world. Messages that were accepted before
   * that must arrive here before the subscriptions end, or nobody would get them. Rejects if that takes long; the new home asks
   * again.
   */
  private async endSubscriptions(session: string, request: ReleaseRequest): Promise<void> {
    const filters = [...this.store.subscriptions().keys()]
    await this.registrar.fence(session, filters)
    // If the client has returned to this region, the subscriptions are those of the new home here.
    if (!this.isOldFor(request)) return
    await this.registrar.unsubscribe(session, filters)
    if (this.isOldFor(request)) this.store.markFenced()
  }

  synced(): SyncedRows {
    const session = syncedSession(this.store)
    return ({ kind, key }) => {
      if (kind === 'session' || kind === 'subscription')
        return {
          bytes: 0,
          addTo: (change) => {
            change.session = session
          },
        }
      if (kind !== 'queue') return null
      const position = Number(key)
      const delivery = this.store.queuedBytes(position)
      return {
        bytes: delivery?.length ?? 0,
        addTo: (change) => change.queue.push({ session: session?.id ?? '', position, delivery }),
      }
    }
  }

  import(state: ImportedState, fromStore: boolean): () => void {
    return () => this.importState(state, fromStore, this.platform.now())
  }

  private importState(state: ImportedState, synced: boolean, now: number): void {
    const own = synced && this.isNewest(state) ? ownSession(this.store, this.seen) : null
    const session = own ?? state.session
    const taken = synced && session !== null ? goOn(session, now) : session
    const imported = importSession(
      this.store,
      this.seen,
      taken,
      this.leaf.marks,
      this.recoveredSubscriptions,
      this.platform.settings.queue,
    )
    this.device.input({ is: 'imported', session: imported })
    if (imported === null) return
    if (synced) this.recoveredSubscriptions.begin()
    for (const subscription of imported.subscriptions.values()) this.registerAtOwnLeaf(imported, subscription)
  }

  /** Whether no home after this region's last term has stored a session: its successor was lost before it synced one. */
  private isNewest({ sessionEpoch = 0 }: ImportedState): boolean {
    const { home } = this.leaf
    const { knowledge } = home
    return knowledge.at === 'elsewhere' && home.wasBefore(knowledge.epoch) && sessionEpoch < knowledge.epoch
  }

  private registerAtOwnLeaf(session: Session, subscription: Subscription): void {
    if (rootOfSubscription(subscription.filter) !== this.leaf.root) return
    this.leaf.subscribers.add(this.client, session.id, subscription)
    this.store.markRegistered([subscription.filter])
  }

  /** Rejects while a leaf or a WideActor refuses a subscription: the old home's fence relies on all of them. */
  async registerImported(): Promise<void> {
    this.presence.publish()
    const session = this.device.state.session
    const subscriptions = this.store.unregistered()
    if (session === null || subscriptions.length === 0) return
    // The client got its retained messages when it subscribed.
    const quiet = subscriptions.map((one) => ({ ...one, retainHandling: 2 as const }))
    const { reasons } = await this.registrar.subscribe(session.id, quiet)
    const moved = subscriptions.filter((_, i) => !isFailure(reasons[i] ?? 0x80))
    this.store.markRegistered(moved.map(({ filter }) => filter))
    if (moved.length < subscriptions.length) {
      throw new Error(
        `${subscriptions.length - moved.length} subscriptions of ${this.client} were refused by their leaves`,
      )
    }
  }

  /** The client has subscribed or unsubscribed: a former home's older subscription must not replace this change. */
  subscriptionsChanged(filters: readonly string[]): void {
    if (this.leaf.home.awaitsRemainder) this.recoveredSubscriptions.changed(filters)
  }

  /** Stores them. `registerImported` registers those of other leaves. */
  private async recoverSubscriptions(
    session: Session,
    recovered: readonly RecoveredSubscription[],
  ): Promise<void> {
    const fresh = this.recoveredSubscriptions.fresh(recovered)
    for (const { filter, subscription } of fresh) {
      session.step({ type: 'learned', filter, subscription })
      if (subscription === null) this.store.removeSubscription(filter)
      else {
        this.store.saveSubscription(subscription, false)
        this.registerAtOwnLeaf(session, subscription)
      }
    }
    const ended = fresh.flatMap(({ filter, subscription }) => (subscription === null ? [filter] : []))
    if (ended.length > 0) await this.registrar.unsubscribe(session.id, ended)
  }

  /** Resolves when all deliveries are acknowledged or durable. Those of a session that has ended here go to their groups, if any. */
  async importRest({ session, late, subscriptions }: ImportedResponse): Promise<void> {
    const current = this.device.state.session
    if (current?.id === session) await this.recoverSubscriptions(current, subscriptions)
    if (current === null || (session !== current.id && session === this.store.imported())) {
      this.device.redistribute(unpackBatch(late).map(decodeDelivery))
      return
    }
    await Promise.all(
      unpackBatch(late).map((bytes) =>
        this.seen.once(bytes, (delivery, settle) => {
          void this.device.deliver(acknowledgedBefore(delivery)).then((outcome) => {
            if (outcome === Outcome.ClientAway) this.device.redistribute([delivery])
            // A failure keeps the name out of the seen origins: the group may deliver the message here again.
            settle(outcome)
          })
        }),
      ),
    )
  }
}

/** The old home has acknowledged the message to its publisher: a full queue here must not refuse it. */
function acknowledgedBefore(delivery: Delivery): Delivery {
  return { ...delivery, message: { ...delivery.message, acknowledged: 'new' } }
}

/** Deliveries of one answer. */
const REMAINDER_DELIVERIES_MAX = 256
