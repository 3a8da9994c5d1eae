// Shared subscriptions: which member of a group gets a message, in which region, and who is next where that one is away.

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

/** The other regions as seen from where a group's messages are shared out. */
export interface ShareRegions {
  /** Whether this place knows the groups' members in all regions: the root's home, or any WideActor. */
  chooses(): boolean
  /** Shared subscriptions with members elsewhere. */
  shares(): Iterable<string>
  /** Where else a shared subscription has members. */
  having(share: string): readonly RegionId[]
  /** Gives the turn to a region, or to the home from elsewhere. Resolves with the outcome. */
  pass(to: RegionId | 'home', publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<Outcome>
}

/** Publishes what the server itself says. No Local, for which alone it matters, shared subscriptions do not have. [MQTT-3.8.3-4] */
export const NOBODY = '' as ClientId
const MISSED_MAX = 2

/** Outcomes that make it the next one's turn. */
const NEXT: readonly Outcome[] = [
  Outcome.ClientAway,
  Outcome.NoSuchSession,
  Reason.QuotaExceeded,
  Reason.UnspecifiedError,
  Reason.NoMatchingSubscribers,
]

/** Of these the first: somebody is a member, who has no room, or whom an actor on the way did not reach. */
const GRAVE: readonly Outcome[] = [Reason.QuotaExceeded, Reason.UnspecifiedError]

/** What to say of two who did not take it. */
function graver(before: Outcome, now: Outcome): Outcome {
  return GRAVE.find((one) => one === before || one === now) ?? now
}

export class Sharing {
  private readonly platform: Platform
  private readonly subscribers: Subscribers
  private readonly fanOut: FanOut
  private readonly regions: ShareRegions
  /** Of each shared subscription the member here that took the last message; for who asks why another did not get it. */
  readonly takers = new Map<string, ClientId>()
  /** Counts the turns of each group, so that members take them one after another. */
  private readonly turns = new Map<string, number>()
  /** Sessions whose client was away, and until when they are not asked first. */
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
   * One member gets the message. Where this place chooses: one that is there, in this region before others; with none
   * there, unless it is only an offer, one that is away and whose session keeps it, here before elsewhere.
   * @param giver a session that is not to get it
   */
  async give(
    publisher: ClientId,
    record: Uint8Array,
    turn: ShareTurn,
    giver: string | null = null,
  ): Promise<Outcome> {
    const { share, mode, without } = turn
    const here = await this.toMember(share, record, giver, false)
    if (!NEXT.includes(here)) return here
    if (!this.regions.chooses()) return this.regions.pass('home', publisher, record, turn)
    // A member that moves may be where it was just missed: such a region is asked a second time, after all others.
    const missed = (region: RegionId) => without.filter((one) => one === region).length
    const others = [...this.regions.having(share)]
      .filter((region) => missed(region) < MISSED_MAX)
      .sort((a, b) => missed(a) - missed(b))
    for (const region of others) {
      const offered = await this.regions.pass(region, publisher, record, { share, mode: 'offer', without })
      if (!NEXT.includes(offered)) return offered
    }
    if (mode === 'offer') return Outcome.ClientAway
    let last = await this.toMember(share, record, null, true)
    if (!NEXT.includes(last)) return last
    for (const region of others) {
      const kept = await this.regions.pass(region, publisher, record, { share, mode: 'keep', without })
      if (!NEXT.includes(kept)) return kept
      last = graver(last, kept)
    }
    // Without a member anywhere nobody has subscribed.
    return GRAVE.includes(last) ? last : Reason.NoMatchingSubscribers
  }

  /** From where the choice is made: an offer is for those who are there; what is to be kept is for anybody here. */
  async take(publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<Outcome> {
    const { share, mode, without } = turn
    const there = await this.toMember(share, record, null, false)
    if (!NEXT.includes(there) || mode === 'offer') return NEXT.includes(there) ? Outcome.ClientAway : there
    const kept = await this.toMember(share, record, null, true)
    if (!NEXT.includes(kept) || kept === Reason.QuotaExceeded) return kept
    // The last member has gone meanwhile. It is on nobody else's hands any more, so it is chosen anew.
    const anew: ShareTurn = { share, mode: 'choose', without: [...without, this.platform.region] }
    return this.regions.chooses()
      ? this.give(publisher, record, anew)
      : this.regions.pass('home', publisher, record, anew)
  }

  /** What was kept for a member that is no more. Rejects where the group does not take it now. */
  async orphaned(share: string, message: Message): Promise<void> {
    const turn: ShareTurn = { share, mode: 'choose', without: [] }
    const outcome = await this.give(NOBODY, encodeMessage(message), turn)
    if (isFailure(outcome) && outcome !== Outcome.ClientAway)
      throw new Error(`the members of ${share} take nothing (${outcome})`)
  }

  /** What a session whose client is away holds goes to others, as each turn says. */
  async share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    const outcomes = routed.map((bytes) => {
      const { publisher, record, turn } = decodeRouted(bytes)
      return turn === null ? Outcome.ClientAway : this.give(publisher, record, turn, session)
    })
    return packOutcomes(await Promise.all(outcomes))
  }

  /** The outcome of the first member in this region who takes it, or the last one's. */
  private async toMember(
    share: string,
    record: Uint8Array,
    giver: string | null,
    waits: boolean,
  ): Promise<Outcome> {
    let last: Outcome = Outcome.NoSuchSession
    for (const member of this.inTurn(share)) {
      if (member.session === giver) continue
      const outcome = await this.offer(member, share, record, waits)
      if (outcome === Outcome.ClientAway) this.wasAway(member.session)
      if (!NEXT.includes(outcome)) {
        this.takers.set(share, member.client)
        return outcome
      }
      last = graver(last, outcome)
    }
    return last
  }

  private offer(member: Subscribed, share: string, record: Uint8Array, waits: boolean): Promise<Outcome> {
    const message = decodeMessage(record)
    const delivery = {
      qos: member.qos < message.qos ? member.qos : message.qos,
      retain: member.retainAsPublished && message.retain,
      identifiers: member.identifier > 0 ? [member.identifier] : [],
      share: { filter: share, waits },
      message,
    }
    return this.fanOut.offer(member.client, member.session, encodeDelivery(delivery, record))
  }

  /** The members from the one whose turn it is on; those that were away a moment ago come last. */
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
