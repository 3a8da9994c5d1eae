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
import type { LeafRetainedPage, SubscribeReply } from '../leaf-peer.ts'
import { type Retained, type RetainedPage, retainedDeliveries } from '../stages/retained.ts'
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
  /** For a while the leaf names what it retains: a message that a page has may come live too. */
  readonly namesRetained: () => void
}

type Given = Required<Omit<SubscribeReply, 'reasons'>>

const NOTHING: Given = { retained: packBatch([]), retainedNext: null }

/** As much of a first page as may come with the reply. Nothing if its first message is larger. */
function firstOf(
  { retained, next }: RetainedPage,
  wanted: readonly Subscription[],
  bytesMax: number,
  overtaken: ReadonlySet<string>,
): Given {
  const deliveries: Uint8Array[] = []
  let bytes = 0
  let last = ''
  for (const one of retained) {
    const mine = retainedDeliveries(wanted, [one], overtaken)
    for (const delivery of mine) bytes += delivery.length
    if (mine.length > 0 && bytes > bytesMax) return { retained: packBatch(deliveries), retainedNext: last }
    deliveries.push(...mine)
    last = one.topic
  }
  return { retained: packBatch(deliveries), retainedNext: next }
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

  /**
   * Resolves when no later message is missed (promise 5). Refuses all if the home, elsewhere, is not reached.
   * @param retainedBytesMax how many bytes of retained messages may come with the reply
   */
  async subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
    retainedBytesMax: number,
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
      const given = await local.noting(overtaken, async () => {
        // A home that is still importing answers at once: two importing homes might wait for each other.
        if (home.knowledge.at !== 'here' && !(await newRoot.forSubscriber(client))) throw new TooManyRoots()
        if (home.knowledge.at === 'here') await syncedInterests.storedIfReached(sync)
        const filters = wanted.map(({ filter }) => filter)
        // The store may have said meanwhile that another region is the home.
        const page =
          home.knowledge.at === 'here'
            ? retained.page(filters, this.platform.now(), { after: '', bytesMax: retainedBytesMax })
            : await registration.add(filters)
        return firstOf(page, wanted, retainedBytesMax, overtaken)
      })
      succeeded = true
      if (given.retainedNext !== null) this.parts.namesRetained()
      return { reasons: subscriptions.map(({ qos }) => qos), ...given }
    } catch (cause) {
      if (cause instanceof TooManyRoots)
        return { reasons: subscriptions.map(() => Reason.QuotaExceeded), ...NOTHING }
      if (!(cause instanceof CoreUnreachable)) throw cause
      return { reasons: subscriptions.map(() => Reason.ImplementationSpecificError), ...NOTHING }
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

  /** A page of the root's retained messages for a subscriber here, from the home. Rejects with `CoreUnreachable`. */
  async retainedPage(filters: readonly string[], after: string): Promise<LeafRetainedPage> {
    const { home, retained, registration } = this.parts
    const asked = { after, bytesMax: this.platform.settings.pageBytesMax }
    this.parts.namesRetained()
    const page =
      home.knowledge.at === 'here'
        ? retained.page(filters, this.platform.now(), asked)
        : await registration.retainedPage(filters, asked)
    return { records: packBatch(page.retained.map(({ record }) => record)), next: page.next }
  }

  /** At the home: another region wants the root's messages, or no longer does. */
  async interest(request: HomeInterestRequest): Promise<HomeInterestResponse> {
    const { home, interests, syncedInterests, retained, sync } = this.parts
    if (!(await home.isHere(request.epoch))) return home.moved
    const order = interests.asks(request)
    if (request.change === 'add') await syncedInterests.stored(sync)
    const clock = this.platform.now()
    if (request.page === undefined)
      return { status: 'done', order, clock, retained: retained.matching(request.filters, clock) }
    const { retained: matching, next } = retained.page(request.filters, clock, request.page)
    if (next !== null || request.page.after !== '') this.parts.namesRetained()
    return { status: 'done', order, clock, retained: [...matching], next }
  }
}
