// SUBSCRIBE and UNSUBSCRIBE at a leaf: registers the session here and, if the home is elsewhere, this region at the home.
// The face of this folder.
import type { ClientId } from '../../../src/id/ids.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { parseShared } from '../../../src/mqtt/topic.ts'
import { packBatch } from '../../../src/relay/batch.ts'
import type { HomeInterestRequest, HomeInterestResponse } from '../../../src/relay/interest.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import type { Platform } from '../../platform.ts'
import type { LocalDelivery } from '../delivery/local-delivery.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { Home } from '../home/home.ts'
import type { NewRoot } from '../home/new-root.ts'
import type { SubscribeReply } from '../leaf-peer.ts'
import { type Retained, retainedDeliveries } from '../stages/retained.ts'
import type { StoreSync } from '../sync/store-sync.ts'
import type { InterestRegistration } from './interest-registration.ts'
import type { Interests } from './interests.ts'
import { SubscribeAttempts } from './subscribe-attempts.ts'
import type { SyncedInterests } from './synced-interests.ts'

/** The parts of a leaf that subscriptions work on. */
export interface SubscriptionParts {
  readonly home: Home
  readonly newRoot: NewRoot
  readonly subscribers: Subscribers
  readonly local: LocalDelivery
  readonly retained: Retained
  readonly interests: Interests
  readonly syncedInterests: SyncedInterests
  readonly registration: InterestRegistration
  readonly sync: StoreSync
}

/** The client may begin no more roots now. */
class TooManyRoots extends Error {}

export class Subscriptions {
  private readonly platform: Platform
  private readonly parts: SubscriptionParts
  private readonly attempts = new SubscribeAttempts()

  constructor(platform: Platform, parts: SubscriptionParts) {
    this.platform = platform
    this.parts = parts
  }

  /** Resolves when no later message is missed (promise 5). Refuses all if the home, elsewhere, is not reached. */
  async subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
  ): Promise<SubscribeReply> {
    const { home, subscribers, local, retained, syncedInterests, registration, sync, newRoot } = this.parts
    const all = subscriptions.map(({ filter }) => filter)
    const stood = all.map((filter) => subscribers.has(client, filter))
    this.attempts.begin(client, all, stood)
    syncedInterests.changeSubscribers(client, () => {
      for (const subscription of subscriptions) subscribers.add(client, session, subscription)
    })
    const wanted = subscriptions.filter(
      ({ filter, retainHandling }, i) =>
        (retainHandling === 0 || (retainHandling === 1 && !stood[i])) && parseShared(filter) === null,
    ) // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    let succeeded = false
    const overtaken = new Set<string>()
    try {
      const deliveries = await local.noting(overtaken, async () => {
        // A home that is still importing answers at once: two importing homes might wait for each other.
        if (home.knowledge.at !== 'here' && !(await newRoot.forSubscriber(client))) throw new TooManyRoots()
        if (home.knowledge.at === 'here') await syncedInterests.storedIfReached(sync)
        const filters = wanted.map(({ filter }) => filter)
        // The store may have said meanwhile that another region is the home.
        const records =
          home.knowledge.at === 'here'
            ? retained.matching(filters, this.platform.now())
            : await registration.add(filters)
        return packBatch(retainedDeliveries(wanted, records, overtaken))
      })
      succeeded = true
      return { reasons: subscriptions.map(({ qos }) => qos), retained: deliveries }
    } catch (cause) {
      if (cause instanceof TooManyRoots)
        return { reasons: subscriptions.map(() => Reason.QuotaExceeded), retained: packBatch([]) }
      if (!(cause instanceof CoreUnreachable)) throw cause
      return { reasons: subscriptions.map(() => Reason.ImplementationSpecificError), retained: packBatch([]) }
    } finally {
      subscribers.remove(client, session, this.attempts.end(client, all, succeeded))
    }
  }

  /** @param filters null for all of the session */
  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): void {
    const { home, subscribers, syncedInterests, registration } = this.parts
    const before = registration.current
    if (filters !== null) this.attempts.unsubscribed(client, filters)
    syncedInterests.changeSubscribers(client, () => subscribers.remove(client, session, filters))
    if (home.knowledge.at !== 'elsewhere') return
    const { plain, shares } = registration.current
    if ((before.plain && !plain) || before.shares.length > shares.length) registration.withdraw()
  }

  /** At the home: another region wants the root's messages, or no longer does. */
  async interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    const { home, interests, syncedInterests, retained, sync } = this.parts
    if (!(await home.isHere(request.epoch))) return home.moved
    const order = interests.asks(request)
    if (request.change === 'add') await syncedInterests.stored(sync)
    const matching = retained.matching(request.filters, this.platform.now())
    return {
      status: 'done',
      order,
      clock: this.platform.now(),
      retained: [...matching],
    }
  }
}
