// Gives a session the retained messages that match its new subscriptions, page by page, as the client takes them. Each
// subscription remembers from where on messages are still to come: a session that outlives its connection goes on from there when
// its client is back, in another region too.
import { decodeMessage } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
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
  readonly filter: string
  /** As `Subscription.retainedAfter`. */
  after: string
  /** Whether the subscription says so. */
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
  private readonly changed: () => void
  private session: Session | null = null
  /** By filter, in the order of SUBSCRIBE. */
  private readonly rests = new Map<string, Rest>()
  private run: Promise<void> | null = null
  /** The connection that the run gives messages to. */
  private runFor: Live | null = null

  /**
   * @param deliver resolves when the delivery is acknowledged or durable
   * @param changed the connection's attachment is to be written
   */
  constructor(
    platform: Platform,
    state: DeviceState,
    rows: SessionStore,
    registrar: Registrar,
    given: GivenRetained,
    deliver: (delivery: Delivery) => Promise<Outcome>,
    changed: () => void,
  ) {
    this.platform = platform
    this.state = state
    this.rows = rows
    this.registrar = registrar
    this.given = given
    this.deliver = deliver
    this.changed = changed
  }

  /** A live message has arrived for the session. */
  arrived(topic: string): void {
    for (const { filter, overtaken } of this.rests.values()) {
      if (!matches(filter, topic)) continue
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
    for (const { filter } of wanted) {
      const isWide = rootOfSubscription(filter) === null
      const again = isWide || waiting.some((topic) => matches(filter, topic))
      const after = again ? '' : first.rest.get(filter)
      // All come anew: the rest of an earlier SUBSCRIBE is void.
      if (this.rests.delete(filter) && after === undefined) this.save(filter, null)
      if (after === undefined) continue
      const rest = { filter, after, stored: false, overtaken: new Set<string>() }
      this.rests.set(filter, rest)
      // Most wide filters have few retained messages, which follow at once.
      if (!isWide) this.store(rest)
    }
    return this.goOn(session)
  }

  /**
   * With each packet of the client, which may have made room. Without room nothing runs: a client that only sends PINGREQs keeps no
   * actor in memory.
   */
  goOn(session: Session): Promise<void> {
    this.enter(session)
    const { live } = this.state
    if (this.rests.size === 0) return Promise.resolve()
    if (this.run === null && (live === null || !takesMore(session, live))) {
      this.storeAll()
      return Promise.resolve()
    }
    this.run ??= this.giveAll().finally(() => {
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
    for (const { filter, retainedAfter } of session.retaining)
      this.rests.set(filter, { filter, after: retainedAfter ?? '', stored: true, overtaken: new Set() })
  }

  private async giveAll(): Promise<void> {
    do {
      const { session, live } = this.state
      this.runFor = live
      if (session === null || live === null) return
      this.enter(session)
      await this.givePages(session, live)
      // Another connection may have taken the session over meanwhile: it has room of its own.
    } while (this.state.live !== this.runFor)
  }

  private async givePages(session: Session, live: Live): Promise<void> {
    while (this.rests.size > 0 && (await this.hasRoom(session, live))) {
      const rests = this.next()
      const page = await this.read(rests, () => this.isCurrent(session, live))
      if (page === null || !(await this.givePage(session, live, rests, page))) break
    }
    if (this.state.session === session) this.storeAll()
  }

  private isCurrent(session: Session, live: Live): boolean {
    return this.state.session === session && this.state.live === live
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
    const root = rootOfSubscription(first.filter)
    return [
      first,
      ...others.filter(({ filter, after }) => after === first.after && rootOfSubscription(filter) === root),
    ]
  }

  /** Null if the page could not be read for long, or `isThere` became false. */
  private async read(rests: readonly Rest[], isThere: () => boolean): Promise<RetainedRecords | null> {
    const filters = rests.map(({ filter }) => filter)
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

  /**
   * Resolves when what was given is acknowledged or durable, so that a process that dies gives it again. False if the client, or
   * the queue, does not take all of it.
   */
  private async givePage(
    session: Session,
    live: Live,
    rests: readonly Rest[],
    { records, next }: RetainedRecords,
  ): Promise<boolean> {
    const outcomes: Promise<Outcome>[] = []
    let given: string | null = null
    let isWhole = true
    for (const record of records) {
      isWhole = await this.giveRecord(session, live, rests, record, outcomes)
      if (!isWhole) break
      given = decodeMessage(record).topic
    }
    if ((await Promise.all(outcomes)).some(isFailure)) return false
    const isWide = rootOfSubscription(rests[0]?.filter ?? '') === null
    if (isWhole) for (const rest of rests) this.progress(rest, next)
    // Within a root pages go by topics, so the next one may begin in the middle of this one.
    else if (given !== null && !isWide) for (const rest of rests) this.progress(rest, given)
    return isWhole
  }

  /** To each of the subscriptions that match. False if the client has no room for one of them. */
  private async giveRecord(
    session: Session,
    live: Live,
    rests: readonly Rest[],
    record: Uint8Array,
    outcomes: Promise<Outcome>[],
  ): Promise<boolean> {
    const { topic } = decodeMessage(record)
    for (const rest of rests) {
      if (!matches(rest.filter, topic)) continue
      if (!(await this.hasRoom(session, live))) return false
      // The client may have unsubscribed, or subscribed again, while it had no room.
      const subscription = session.subscriptions.get(rest.filter)
      if (subscription === undefined || this.rests.get(rest.filter) !== rest) continue
      if (rest.overtaken.has(topic)) continue
      const delivery = retainedDelivery(subscription, record)
      const outcome = this.deliver(delivery)
      this.given.note(delivery, outcome)
      outcomes.push(outcome)
    }
    return true
  }

  private progress(rest: Rest, next: string | null): void {
    const { filter } = rest
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
    this.save(rest.filter, rest.after)
  }

  /** In the row of a session that outlives its connection, else in the connection's attachment. @param after null: the client got all */
  private save(filter: string, after: string | null): void {
    const { session } = this
    session?.step({ type: 'retained-sent', filter, after })
    const subscription = session?.subscriptions.get(filter)
    if (session?.persistent === true && subscription !== undefined) this.rows.saveOptions(subscription)
    this.changed()
  }
}
