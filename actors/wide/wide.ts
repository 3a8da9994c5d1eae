// One shard of a region's wide filters (filters whose root is not literal). Homes of this region pass their messages to the shard.
// It sends each message to local subscribers, and once to each other region that has a matching filter.

import type { Branch, ClientId, RegionId, Root } from '../../src/id/ids.ts'
import { rootOfTopic } from '../../src/id/root.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { type Outcome, outcomeOfAll, packOutcomes, sameOutcome } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { Envelope, EnvelopeResult } from '../../src/relay/envelope.ts'
import type { ExplainAsked, WideFacts } from '../../src/relay/explain.ts'
import { decodeRouted, encodeRouted, type Routed } from '../../src/relay/routed.ts'
import {
  WIDE_FILTERS_MAX,
  type WideAnswer,
  type WideCursor,
  type WideRequest,
  type WorldCursor,
} from '../../src/relay/wide.ts'
import type { Subscription } from '../../src/session/subscription.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import { filtersOf, sharesOf } from '../explain/leaf-facts.ts'
import { FanOut } from '../leaf/delivery/fan-out.ts'
import { Sharing } from '../leaf/delivery/sharing.ts'
import { Subscribers } from '../leaf/delivery/subscribers.ts'
import { ReceivedEnvelopes, runOf } from '../leaf/links/received-envelopes.ts'
import { Uplinks } from '../leaf/links/uplinks.ts'
import { WIDE_FILTERS_CHARACTERS_MAX, WIDE_SOURCES_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { FilterAnnouncer } from './filter-announcer.ts'
import { Grants } from './grants.ts'
import { RemoteFilters } from './remote-filters.ts'
import { RetainedRoots } from './retained-roots.ts'
import type { RetainedPage, WideReply, WideSubscribeReply } from './wide-peer.ts'

export class Wide {
  private readonly platform: Platform
  private readonly subscribers: Subscribers
  private readonly remote: RemoteFilters
  private readonly grants: Grants
  private readonly announcer: FilterAnnouncer
  private readonly retainedRoots: RetainedRoots
  private readonly fanOut: FanOut
  private readonly uplinks: Uplinks
  private readonly sharing: Sharing
  private readonly received: ReceivedEnvelopes

  constructor(platform: Platform, shard: number) {
    this.platform = platform
    this.received = new ReceivedEnvelopes(platform, WIDE_SOURCES_MAX)
    this.subscribers = new Subscribers(platform.storage)
    this.remote = new RemoteFilters(platform.storage)
    this.grants = new Grants(platform)
    this.announcer = new FilterAnnouncer(platform, shard, this.subscribers, this.remote, this.grants)
    this.retainedRoots = new RetainedRoots(platform, shard)
    this.fanOut = new FanOut(
      platform,
      (client, session, batch) => platform.peers.device(client).deliver(session, batch),
      (client, session) => this.unsubscribe(client, session, null),
      (share, message) => this.sharing.orphaned(share, message),
    )
    this.uplinks = new Uplinks(platform, () => null)
    this.sharing = new Sharing(platform, this.subscribers, this.fanOut, {
      shares: () => this.remote.shares,
      having: (share) => this.remote.having(share),
      chooses: () => true,
      pass: (to, publisher, record, turn) => {
        if (to === 'home') throw new Error('a WideActor knows all regions itself')
        const root = rootOfTopic(decodeMessage(record).topic)
        return this.uplinks.post(root, { kind: 'wide', region: to }, encodeRouted(publisher, record, turn))
      },
    })
  }

  /** A home's messages, in its order. */
  async publish(root: Root, batch: Uint8Array): Promise<WideReply> {
    const learning = this.announcer.learning()
    if (learning !== null) await learning
    const records = unpackBatch(batch)
    const reaches = [this.subscribers.reach(root), this.remote.reach(root)]
    // A grant never covers presence: the home passes on every presence event.
    const skipMs = !reaches.includes('any') && this.announcer.synced ? this.grants.give() : 0
    if (reaches.every((reach) => reach === 'nothing')) {
      return { outcomes: sameOutcome(Reason.NoMatchingSubscribers, records.length), skipMs }
    }
    const outcomes = records.map((routed) => {
      const { publisher, record } = decodeRouted(routed)
      const message = decodeMessage(record)
      const receivers = this.subscribers.receivers(message.topic)
      const passed = this.fanOut.spread(receivers, publisher, message, record)
      for (const region of this.remote.wanting(message.topic))
        passed.push(this.uplinks.post(root, { kind: 'wide', region }, routed))
      for (const share of this.sharing.matching(message.topic))
        passed.push(this.sharing.give(publisher, record, { share, mode: 'choose', without: [] }))
      return Promise.all(passed).then(outcomeOfAll)
    })
    return { outcomes: packOutcomes(await Promise.all(outcomes)), skipMs }
  }

  /** From a home in another region. */
  async receive(envelope: Envelope): Promise<EnvelopeResult> {
    const run = runOf(envelope, this.platform.now())
    // Numbers of a source count within one root.
    const source = `${run.source} ${envelope.root}`
    return {
      status: 'done',
      outcomes: await this.received.take({ ...run, source }, (fresh) => this.give(fresh)),
    }
  }

  private give(fresh: readonly Routed[]): Promise<Outcome[]> {
    let wanted = fresh.length === 0
    const outcomes = fresh.map(({ publisher, record, turn }): Promise<Outcome> => {
      if (turn !== null) {
        if (this.subscribers.shares.has(turn.share)) wanted = true
        return this.sharing.take(publisher, record, turn)
      }
      const message = decodeMessage(record)
      const receivers = this.subscribers.receivers(message.topic)
      if (receivers.length > 0) wanted = true
      return Promise.all(this.fanOut.spread(receivers, publisher, message, record)).then(outcomeOfAll)
    })
    if (!wanted) this.announcer.announceAgain()
    return Promise.all(outcomes)
  }

  /** Messages that a session cannot deliver go to other members of its group. Outcome.ClientAway for each if there are none. */
  share(session: string, batch: Uint8Array): Promise<Uint8Array> {
    return this.sharing.share(session, unpackBatch(batch))
  }

  /** Answers when every message that a home accepts from then on reaches this actor (promise 5). */
  async subscribe(
    client: ClientId,
    session: string,
    subscriptions: readonly Subscription[],
  ): Promise<WideSubscribeReply> {
    const fresh = subscriptions.map(({ filter }) => !this.subscribers.has(client, filter))
    const reasons: number[] = subscriptions.map(({ qos }) => qos)
    const rounds = subscriptions.map((subscription, i) => {
      if (!this.fits(subscription.filter)) {
        reasons[i] = Reason.QuotaExceeded
        return 0
      }
      this.subscribers.add(client, session, subscription)
      return this.announcer.added(subscription.filter)
    })
    const round = Math.max(0, ...rounds)
    if (round === 0) return { reasons, fresh }
    try {
      await this.announcer.clear(round)
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      const failed = subscriptions.filter((_, i) => (rounds[i] ?? 0) > 0 && fresh[i])
      this.remove(
        client,
        session,
        failed.map(({ filter }) => filter),
      )
      rounds.forEach((waited, i) => {
        if (waited > 0) reasons[i] = Reason.ImplementationSpecificError
      })
    }
    return { reasons, fresh }
  }

  unsubscribe(client: ClientId, session: string, filters: readonly string[] | null): void {
    if (this.remove(client, session, filters)) this.announcer.announce()
  }

  /** See `WidePeer`. */
  drained(region: RegionId): Promise<void> {
    return this.uplinks.settled('wide', region)
  }

  /** Does not wait for messages under way from other regions: `wide-drained` does. */
  fence(client: ClientId, session: string): Promise<void> {
    return this.fanOut.settled(client, session)
  }

  /** From now on messages are matched against the other region's filters too. */
  learn({ region, version, filters }: WideRequest): WideAnswer {
    this.remote.learn(region, version, filters)
    return { waitMs: this.grants.remainingMs, ...this.announcer.present() }
  }

  retains(branch: Branch, any: boolean): void {
    this.retainedRoots.set(branch, any)
  }

  retained(filters: readonly string[], after: WideCursor | null): Promise<RetainedPage<WideCursor>> {
    return this.retainedRoots.page(filters, after)
  }

  retainedElsewhere(
    filters: readonly string[],
    after: WorldCursor | null,
  ): Promise<RetainedPage<WorldCursor>> {
    return this.retainedRoots.pageElsewhere(filters, after)
  }

  /** See `explain`. */
  explain({ device, topic }: ExplainAsked): WideFacts {
    const mine = filtersOf(this.subscribers, device, topic)
    return {
      filters: mine.map((filter) => ({ filter, settled: this.announcer.isSettled(filter) })),
      synced: this.announcer.synced,
      wanting: [...this.remote.wanting(topic)],
      shares: sharesOf(mine, this.subscribers, this.sharing),
    }
  }

  async alarm(): Promise<void> {
    await this.fanOut.retry()
  }

  /** True if a filter has lost its last subscriber. */
  private remove(client: ClientId, session: string, filters: readonly string[] | null): boolean {
    // In one transaction: a filter without subscribers that stays settled would later be acknowledged without an announcement.
    return this.platform.storage.transaction(() => {
      this.subscribers.remove(client, session, filters)
      return this.announcer.dropUnused()
    })
  }

  private fits(filter: string): boolean {
    if (this.subscribers.hasFilter(filter)) return true
    const { filters } = this.subscribers
    const characters = filters.reduce((sum, { length }) => sum + length, filter.length)
    return filters.length < WIDE_FILTERS_MAX && characters <= WIDE_FILTERS_CHARACTERS_MAX
  }
}
