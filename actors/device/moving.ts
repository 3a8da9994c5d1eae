// A client's move between regions: the old home gives session and root away, the new home takes them over.
import type { ClientId } from '../../src/id/ids.ts'
import { isFailure, Reason } from '../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../src/mqtt/topic.ts'
import { base64ToBytes, bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import type {
  HandoverRequest,
  HandoverState,
  ImportedResponse,
  ReleaseRequest,
} from '../../src/relay/home.ts'
import { type Delivery, encodeDelivery } from '../../src/session/delivery.ts'
import type { Session } from '../../src/session/session.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { exportSession, importSession } from './handover.ts'
import type { Presence } from './presence.ts'
import type { Registrar } from './registrar.ts'
import type { Seen } from './seen.ts'
import type { SessionStore } from './session-store.ts'

/** The device whose session moves. */
export interface Mover {
  session(): Session | null
  replace(session: Session | null): void
  /** Closes the live connection, if there is one: the session is taken over. */
  disconnect(): void
  /** Resolves when it is acknowledged or durable. */
  deliver(delivery: Delivery): Promise<void>
}

export class Moving {
  private readonly client: ClientId
  private readonly leaf: Leaf
  private readonly store: SessionStore
  private readonly seen: Seen
  private readonly registrar: Registrar
  private readonly presence: Presence
  private readonly mover: Mover

  constructor(
    client: ClientId,
    leaf: Leaf,
    store: SessionStore,
    seen: Seen,
    registrar: Registrar,
    presence: Presence,
    mover: Mover,
  ) {
    this.client = client
    this.leaf = leaf
    this.store = store
    this.seen = seen
    this.registrar = registrar
    this.presence = presence
    this.mover = mover
  }

  /** Gives the client to another region. The state is kept, frozen, until `release`. Null where this home is newer. */
  handover(request: HandoverRequest): HandoverState | null {
    const home = this.leaf.home.knowledge
    if (home.at !== 'unknown' && home.epoch > request.epoch) return null
    if (home.at !== 'elsewhere' || home.epoch < request.epoch) {
      this.mover.disconnect()
      const session = this.mover.session()
      if (session !== null) this.leaf.subscribers.remove(this.client, session.id, null)
      this.leaf.home.handedOver(request.to, request.epoch)
    }
    return {
      session: exportSession(this.store, this.seen),
      presence: this.presence.open(),
      ...this.leaf.exportState(),
    }
  }

  /** The new home has what it was given. Nothing of the client is left here once nothing is late any more. */
  async release(request: ReleaseRequest): Promise<ImportedResponse> {
    const home = this.leaf.home.knowledge
    if (home.at !== 'elsewhere' || home.epoch > request.epoch) return NOTHING_LATE
    const row = this.store.session()
    if (row !== null) {
      if (!row.fenced) await this.endSubscriptions(row.id)
      const after = Math.max(row.exportedUpTo ?? 0, request.tookUpTo)
      const late = this.store.queued(after, Number.MAX_SAFE_INTEGER, LATE_MAX)
      const last = late.at(-1)
      if (last !== undefined) {
        const batch = packBatch(late.map(({ delivery }) => encodeDelivery(delivery)))
        return { late: bytesToBase64(batch), upTo: last.position }
      }
      this.mover.replace(null)
      this.store.clear()
      this.seen.clear()
    }
    this.presence.clear()
    this.leaf.releaseState()
    return NOTHING_LATE
  }

  /**
   * The new home has registered its own, wide ones at every WideActor of the world: what the roots' homes accepted, or
   * WideActors sent, before that must arrive here before the subscriptions end, or nobody would get it. Rejects where that
   * takes long; the new home asks again.
   */
  private async endSubscriptions(session: string): Promise<void> {
    const filters = [...this.store.subscriptions().keys()]
    await this.registrar.fence(session, filters)
    await this.registrar.unsubscribe(session, filters)
    this.store.markFenced()
  }

  /** In the transaction that makes this region the home. */
  importState(state: HandoverState): void {
    this.presence.import(state.presence)
    const imported = importSession(this.store, this.seen, state)
    this.mover.replace(imported)
    if (imported === null) return
    for (const subscription of imported.subscriptions.values()) {
      if (rootOfSubscription(subscription.filter) !== this.leaf.root) continue
      this.leaf.subscribers.add(this.client, imported.id, subscription)
      this.store.markRegistered([subscription.filter])
    }
  }

  /** Rejects while a leaf, or a wide shard, does not take a subscription: the old home's fence relies on all of them. */
  async registerImported(): Promise<void> {
    this.presence.publish()
    const session = this.mover.session()
    const subscriptions = this.store.unregistered()
    if (session === null || subscriptions.length === 0) return
    // It had its retained messages when it subscribed; moving is no new subscription.
    const quiet = subscriptions.map((one) => ({ ...one, retainHandling: 2 as const }))
    const { reasons } = await this.registrar.subscribe(session.id, quiet)
    const moved = subscriptions.filter((_, i) => !isFailure(reasons[i] ?? 0x80))
    this.store.markRegistered(moved.map(({ filter }) => filter))
    if (moved.length < subscriptions.length) {
      throw new Error(
        `${subscriptions.length - moved.length} subscriptions of ${this.client} could not be moved`,
      )
    }
  }

  /** Resolves when all of it is acknowledged or durable. */
  async takeLate(batch: string): Promise<void> {
    await Promise.all(
      unpackBatch(base64ToBytes(batch)).map((bytes) =>
        this.seen.once(bytes, (delivery, settle) => {
          void this.mover.deliver(delivery).then(() => settle(Reason.Success))
        }),
      ),
    )
  }
}

const NOTHING_LATE: ImportedResponse = { late: '', upTo: 0 }
/** Late deliveries of one answer. */
const LATE_MAX = 256
