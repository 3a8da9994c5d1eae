// Gives a session the retained messages that match its new subscriptions, page by page, as the client takes them. Each
// subscription remembers from where on messages are still to come: a session that outlives its connection goes on from there when
// its client is back, in another region too.
import { decodeMessage } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { matches, rootOfSubscription } from '../../../src/mqtt/topic.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { Session } from '../../../src/session/session.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { retainedDelivery } from '../../leaf/stages/retained.ts'
import { REPLAY_OVERTAKEN_TOPICS_MAX, REPLAY_STALL_MS, RETAINED_REPLAY_RETRY_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from '../connection/live.ts'
import type { DeviceState } from '../device-state.ts'
import type { Registrar, RetainedRecords } from '../session/registrar.ts'
import type { SessionStore } from '../session/session-store.ts'
import { clientHasRoom, takesMore } from './client-room.ts'
import type { GivenRetained } from './given-retained.ts'

/** What a subscription still is to get. */
interface Rest {
  readonly subscription: Subscription
  /** As `Subscription.retainedAfter`. */
  after: string
  /** Whether the subscription's row says so. */
  stored: boolean
  /** Topics of live messages that came since the SUBSCRIBE: their retained message is no news. */
  readonly overtaken: Set<string>
}

/** The first retained messages, which came with the replies of the leaves. */
export interface FirstRetained {
  readonly deliveries: readonly Delivery[]
  /** By filter, from where on further ones follow. */
  readonly rest: ReadonlyMap<string, string>
}

export class RetainedReplay {
  private readonly platform: Platform
  private readonly state: DeviceState
  private readonly rows: SessionStore
  private readonly registrar: Registrar
  private readonly given: GivenRetained
  private readonly deliver: (delivery: Delivery) => Promise<Outcome>
  private session: Session | null = null
  /** By filter, in the order of SUBSCRIBE. */
  private readonly rests = new Map<string, Rest>()
  private run: Promise<void> | null = null

  constructor(
    platform: Platform,
    state: DeviceState,
    rows: SessionStore,
    registrar: Registrar,
    given: GivenRetained,
    deliver: (delivery: Delivery) => Promise<Outcome>,
  ) {
    this.platform = platform
    this.state = state
    this.rows = rows
    this.registrar = registrar
    this.given = given
    this.deliver = deliver
  }

  /** A live message has arrived for the session. */
  arrived(topic: string): void {
    for (const { subscription, overtaken } of this.rests.values()) {
      if (!matches(subscription.filter, topic)) continue
      const [oldest] = overtaken
      if (overtaken.size >= REPLAY_OVERTAKEN_TOPICS_MAX && oldest !== undefined) overtaken.delete(oldest)
      overtaken.add(topic)
    }
  }

  /**
   * After SUBACK. Resolves when the client has been sent all, or goes on later.
   * @param wanted the subscriptions that were granted and get retained messages
   */
  begin(session: Session, wanted: readonly Subscription[], first: FirstRetained): Promise<void> {
    this.enter(session)
    const { live } = this.state
    const atOnce = live !== null && this.rests.size === 0 && takesMore(session, live)
    if (atOnce) for (const delivery of first.deliveries) void this.deliver(delivery)
    const waiting = atOnce ? [] : first.deliveries.map(({ message }) => message.topic)
    for (const subscription of wanted) {
      const { filter } = subscription
      const isWide = rootOfSubscription(filter) === null
      const again = isWide || waiting.some((topic) => matches(filter, topic))
      const after = again ? '' : first.rest.get(filter)
      if (after === undefined) continue
      this.rests.delete(filter)
      const rest = { subscription, after, stored: false, overtaken: new Set<string>() }
      this.rests.set(filter, rest)
      // Most wide filters have few retained messages, which follow at once.
      if (!isWide) this.store(rest)
    }
    return this.goOn(session)
  }

  /** The client is there, and may take more. */
  goOn(session: Session): Promise<void> {
    this.enter(session)
    if (this.rests.size === 0) return Promise.resolve()
    this.run ??= this.giveAll(session).finally(() => {
      this.run = null
    })
    return this.run
  }

  unsubscribed(filters: readonly string[]): void {
    for (const filter of filters) this.rests.delete(filter)
  }

  private enter(session: Session): void {
    if (this.session === session) return
    this.session = session
    this.rests.clear()
    for (const subscription of session.subscriptions.values())
      if (subscription.retainedAfter !== undefined)
        this.rests.set(subscription.filter, {
          subscription,
          after: subscription.retainedAfter,
          stored: true,
          overtaken: new Set(),
        })
  }

  private async giveAll(session: Session): Promise<void> {
    const { live } = this.state
    while (live !== null && this.rests.size > 0) {
      if (!(await this.hasRoom(session, live))) break
      const rests = this.next()
      const page = await this.read(rests, () => this.state.session === session && this.state.live === live)
      if (page === null || !(await this.givePage(session, rests, page))) break
      for (const rest of rests) this.progress(rest, page.next)
    }
    // A session that ends with its connection forgets what its client does not take.
    if (this.session === session && !session.persistent && this.state.live === live) this.rests.clear()
    else this.storeAll()
  }

  /** A row before each wait: the process may die meanwhile. */
  private hasRoom(session: Session, live: Live): Promise<boolean> {
    if (!takesMore(session, live)) this.storeAll()
    return clientHasRoom(this.platform, this.state, session, live)
  }

  /** The first subscription, and those that can be served by the same pages. */
  private next(): Rest[] {
    const [first, ...others] = this.rests.values()
    if (first === undefined) return []
    const root = rootOfSubscription(first.subscription.filter)
    return [
      first,
      ...others.filter(
        ({ subscription, after }) =>
          after === first.after && rootOfSubscription(subscription.filter) === root,
      ),
    ]
  }

  /** Null if the page could not be read for long, or `isThere` became false. */
  private async read(rests: readonly Rest[], isThere: () => boolean): Promise<RetainedRecords | null> {
    const filters = rests.map(({ subscription }) => subscription.filter)
    const end = this.platform.now() + REPLAY_STALL_MS
    for (;;) {
      try {
        return await this.registrar.retained(filters, rests[0]?.after ?? '')
      } catch (cause) {
        this.platform.report(`retained messages of ${filters[0]} were not read`, cause)
      }
      if (!isThere() || this.platform.now() >= end) return null
      await new Promise<void>((go) => void this.platform.after(RETAINED_REPLAY_RETRY_MS, go))
    }
  }

  /** False if the client does not take all of it. */
  private async givePage(
    session: Session,
    rests: readonly Rest[],
    { records }: RetainedRecords,
  ): Promise<boolean> {
    const { live } = this.state
    for (const record of records) {
      const { topic } = decodeMessage(record)
      for (const rest of rests) {
        const { subscription, overtaken } = rest
        if (!matches(subscription.filter, topic)) continue
        if (live === null || !(await this.hasRoom(session, live))) return false
        // The client may have unsubscribed, or subscribed again, while it had no room.
        if (overtaken.has(topic) || this.rests.get(subscription.filter) !== rest) continue
        const delivery = retainedDelivery(subscription, record)
        this.given.note(delivery, this.deliver(delivery))
      }
    }
    return true
  }

  private progress(rest: Rest, next: string | null): void {
    const { filter } = rest.subscription
    if (this.rests.get(filter) !== rest) return
    if (next === null) this.rests.delete(filter)
    else rest.after = next
    if (rest.stored) this.save(filter, next)
  }

  private storeAll(): void {
    for (const rest of this.rests.values()) if (!rest.stored) this.store(rest)
  }

  private store(rest: Rest): void {
    rest.stored = true
    this.save(rest.subscription.filter, rest.after)
  }

  /** @param after null: the client got all */
  private save(filter: string, after: string | null): void {
    const subscription = this.session?.subscriptions.get(filter)
    if (this.session?.persistent !== true || subscription === undefined) return
    const { retainedAfter: _, ...options } = subscription
    this.rows.saveOptions(after === null ? options : { ...options, retainedAfter: after })
  }
}
