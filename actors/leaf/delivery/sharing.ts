// Shared subscriptions: which member of a group gets a message, in which region, and who is next if that member is away.
import type { ClientId, RegionId } from '../../../src/id/ids.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Outcome, packOutcomes } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason } from '../../../src/mqtt/reason.ts'
import { matches, plainFilter } from '../../../src/mqtt/topic.ts'
import { decodeRouted, type ShareTurn } from '../../../src/relay/routed.ts'
import { encodeDelivery } from '../../../src/session/delivery.ts'
import { SHARE_AWAY_MAX, SHARE_AWAY_MS } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { FanOut } from './fan-out.ts'
import type { Subscribed, Subscribers } from './subscribers.ts'

/** The other regions with members of a group. */
export interface ShareRegions {
  /** Whether this actor chooses the member, since it knows the regions of all groups: the root's home, or any WideActor. */
  chooses(): boolean
  /** Shared subscriptions with members in other regions. */
  shares(): Iterable<string>
  /** The other regions with members of a shared subscription. */
  having(share: string): readonly RegionId[]
  /** Passes the turn to another region, or to the home. Resolves with the outcome. */
  pass(to: RegionId | 'home', publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<Outcome>
}

/** The publisher of the server's own messages. Only No Local looks at it, which a shared subscription cannot have. [MQTT-3.8.3-4] */
export const NOBODY = '' as ClientId
const MISSED_MAX = 2

/** After these outcomes the next member has its turn. */
const NEXT: readonly Outcome[] = [
  Outcome.ClientAway,
  Outcome.NoSuchSession,
  Reason.QuotaExceeded,
  Reason.UnspecifiedError,
  Reason.NoMatchingSubscribers,
]

/** These outcomes say more than that no member is there: a member has no room, or was not reached. The first one wins. */
const GRAVE: readonly Outcome[] = [Reason.QuotaExceeded, Reason.UnspecifiedError]

/** The outcome of two members that did not take a message. */
function graver(before: Outcome, now: Outcome): Outcome {
  return GRAVE.find((one) => one === before || one === now) ?? now
}

/** To a member that is there; else to one whose queue has room, also while it is away; else to one that drops its oldest. */
type OfferKind = 'passes' | 'waits' | 'drops'

export class Sharing {
  private readonly platform: Platform
  private readonly subscribers: Subscribers
  private readonly fanOut: FanOut
  private readonly regions: ShareRegions
  /** By shared subscription, the member here that got the last message. For `explain`. */
  readonly takers = new Map<string, ClientId>()
  /** By shared subscription, how many turns there were: members take turns. */
  private readonly turns = new Map<string, number>()
  /** Sessions whose client was away, with the time until which they are asked last. */
  private readonly away = new Map<string, number>()

  constructor(platform: Platform, subscribers: Subscribers, fanOut: FanOut, regions: ShareRegions) {
    this.platform = platform
    this.subscribers = subscribers
    this.fanOut = fanOut
    this.regions = regions
  }

  /** The groups that a message is for, here and elsewhere. */
  matching(topic: string): string[] {
    const found = new Set<string>()
    for (const [share, filter] of this.subscribers.shares) if (matches(filter, topic)) found.add(share)
    for (const share of this.regions.shares()) if (matches(plainFilter(share), topic)) found.add(share)
    return [...found]
  }

  /**
   * One member gets the message. If this actor chooses: a connected member, in this region before others. If none is connected,
   * and the turn is no mere offer: a member that is away, whose session queues the message, in this region before others. If all
   * queues are full: one that drops its oldest.
   * @param giver a session that must not get it
   */
  async give(
    publisher: ClientId,
    record: Uint8Array,
    turn: ShareTurn,
    giver: string | null = null,
  ): Promise<Outcome> {
    const { share, mode, without } = turn
    const here = await this.toMember(share, record, giver, 'passes')
    if (!NEXT.includes(here)) return here
    if (!this.regions.chooses()) return this.regions.pass('home', publisher, record, turn)
    // A member that moves between regions may be missed in both. A region that missed once is asked again, after all others.
    const missed = (region: RegionId) => without.filter((one) => one === region).length
    const others = [...this.regions.having(share)]
      .filter((region) => missed(region) < MISSED_MAX)
      .sort((a, b) => missed(a) - missed(b))
    for (const region of others) {
      const offered = await this.regions.pass(region, publisher, record, { share, mode: 'offer', without })
      if (!NEXT.includes(offered)) return offered
    }
    if (mode === 'offer') return Outcome.ClientAway
    let last = await this.toMember(share, record, null, 'waits')
    if (!NEXT.includes(last)) return last
    for (const region of others) {
      const kept = await this.regions.pass(region, publisher, record, { share, mode: 'keep', without })
      if (!NEXT.includes(kept)) return kept
      last = graver(last, kept)
    }
    if (last === Reason.QuotaExceeded) {
      const dropped = await this.toMember(share, record, null, 'drops')
      if (!NEXT.includes(dropped)) return dropped
    }
    // A group without members has no subscriber.
    return GRAVE.includes(last) ? last : Reason.NoMatchingSubscribers
  }

  /** A turn from the actor that chooses. An offer is for connected members; any other turn is for all members here. */
  async take(publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<Outcome> {
    const { share, mode, without } = turn
    const there = await this.toMember(share, record, null, 'passes')
    if (!NEXT.includes(there) || mode === 'offer') return NEXT.includes(there) ? Outcome.ClientAway : there
    const kept = await this.toMember(share, record, null, 'waits')
    if (kept === Reason.QuotaExceeded) {
      const dropped = await this.toMember(share, record, null, 'drops')
      return NEXT.includes(dropped) ? kept : dropped
    }
    if (!NEXT.includes(kept)) return kept
    // The last member here has gone meanwhile, and nobody else has the message: choose again.
    const anew: ShareTurn = { share, mode: 'choose', without: [...without, this.platform.region] }
    return this.regions.chooses()
      ? this.give(publisher, record, anew)
      : this.regions.pass('home', publisher, record, anew)
  }

  /** A message that waited for a member without a session. Rejects if no other member takes it now. */
  async orphaned(share: string, message: Message): Promise<void> {
    const turn: ShareTurn = { share, mode: 'choose', without: [] }
    const outcome = await this.give(NOBODY, encodeMessage(message), turn)
    if (isFailure(outcome) && outcome !== Outcome.ClientAway)
      throw new Error(`no member of ${share} takes a message (${outcome})`)
  }

  /** Gives messages of a session whose client is away to other members, as each turn says. */
  async share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    const outcomes = routed.map((bytes) => {
      const { publisher, record, turn } = decodeRouted(bytes)
      return turn === null ? Outcome.ClientAway : this.give(publisher, record, turn, session)
    })
    return packOutcomes(await Promise.all(outcomes))
  }

  /** The outcome of the first member in this region that takes the message; the gravest if none does. */
  private async toMember(
    share: string,
    record: Uint8Array,
    giver: string | null,
    how: OfferKind,
  ): Promise<Outcome> {
    let last: Outcome = Outcome.NoSuchSession
    for (const member of this.inTurn(share)) {
      if (member.session === giver) continue
      const outcome = await this.offer(member, share, record, how)
      if (outcome === Outcome.ClientAway) this.wasAway(member.session)
      if (!NEXT.includes(outcome)) {
        this.takers.set(share, member.client)
        return outcome
      }
      last = graver(last, outcome)
    }
    return last
  }

  private offer(member: Subscribed, share: string, record: Uint8Array, how: OfferKind): Promise<Outcome> {
    const message = decodeMessage(record)
    const delivery = {
      qos: member.qos < message.qos ? member.qos : message.qos,
      retain: member.retainAsPublished && message.retain,
      identifiers: member.identifier > 0 ? [member.identifier] : [],
      share: { filter: share, waits: how !== 'passes', ...(how === 'drops' && { drops: true as const }) },
      message,
    }
    return this.fanOut.offer(member.client, member.session, encodeDelivery(delivery, record))
  }

  /** The members in order, from the one whose turn it is. Members that were away a moment ago come last. */
  private inTurn(share: string): Subscribed[] {
    const members = this.subscribers.members(share)
    if (members.length === 0) {
      this.turns.delete(share)
      this.takers.delete(share)
      return []
    }
    const turn = this.turns.get(share) ?? 0
    this.turns.set(share, (turn + 1) % Number.MAX_SAFE_INTEGER)
    const at = turn % members.length
    const now = this.platform.now()
    const there = ({ session }: Subscribed) => (this.away.get(session) ?? 0) <= now
    const inOrder = [...members.slice(at), ...members.slice(0, at)]
    return [...inOrder.filter(there), ...inOrder.filter((member) => !there(member))]
  }

  private wasAway(session: string): void {
    const now = this.platform.now()
    if (this.away.size >= SHARE_AWAY_MAX) {
      for (const [one, until] of this.away) if (until <= now) this.away.delete(one)
      if (this.away.size >= SHARE_AWAY_MAX) this.away.clear()
    }
    this.away.set(session, now + SHARE_AWAY_MS)
  }
}
