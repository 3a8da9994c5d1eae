// Shared subscriptions: which member of a group gets a message, in which region, and who is next where that one is away.
import type { ClientId, RegionId } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { matches, plainFilter } from '../../src/mqtt/topic.ts'
import { decodeRouted, type ShareTurn } from '../../src/relay/routed.ts'
import { CLIENT_AWAY, encodeDelivery } from '../../src/session/delivery.ts'
import { SHARE_AWAY_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { FanOut } from './fan-out.ts'
import { NO_SUCH_SESSION } from './outcome.ts'
import type { Subscribed, Subscribers } from './subscribers.ts'

/** The other regions as seen from where a group's messages are shared out. */
export interface ShareRegions {
  /** Shared subscriptions with members elsewhere that this place may choose from. */
  shares(): Iterable<string>
  /** Where else a shared subscription has members. */
  having(share: string): readonly RegionId[]
  /** Gives the turn to a region; `home` where only that knows the others. Resolves with the outcome. */
  pass(to: RegionId | 'home', publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<number>
  /** Whether the home is to be asked once nobody is there in this region: this place does not know the others. */
  asksHome(): boolean
}

/** What a member may answer that makes it the next one's turn. */
const NEXT: readonly number[] = [CLIENT_AWAY, NO_SUCH_SESSION, Reason.QuotaExceeded]

export class Sharing {
  private readonly platform: Platform
  private readonly subscribers: Subscribers
  private readonly fanOut: FanOut
  private readonly regions: ShareRegions
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
   * One member gets the message: one that is there, in this region before others; with none there, one that is away and
   * whose session waits for it. Resolves with the outcome of the one who has it.
   */
  async give(publisher: ClientId, record: Uint8Array, turn: ShareTurn): Promise<number> {
    const { share, tried } = turn
    for (const member of this.inTurn(share)) {
      const outcome = await this.offer(member, share, record, false)
      if (!NEXT.includes(outcome)) return outcome
      if (outcome === CLIENT_AWAY) this.away.set(member.session, this.platform.now() + SHARE_AWAY_MS)
    }
    const here = this.platform.region
    if (!turn.waits) {
      const others = this.regions.having(share)
      const next = others.find((region) => !tried.includes(region))
      const further = { share, tried: [...tried, here], waits: false }
      if (next !== undefined) return this.regions.pass(next, publisher, record, further)
      if (this.regions.asksHome()) return this.regions.pass('home', publisher, record, further)
    }
    let refused: number = Reason.NoMatchingSubscribers
    for (const member of this.inTurn(share)) {
      const outcome = await this.offer(member, share, record, true)
      if (!NEXT.includes(outcome)) return outcome
      if (outcome === Reason.QuotaExceeded) refused = outcome
    }
    const [elsewhere] = turn.waits ? [] : this.regions.having(share)
    // Without a member anywhere nobody has subscribed.
    if (elsewhere === undefined) return refused
    return this.regions.pass(elsewhere, publisher, record, { share, tried: [], waits: true })
  }

  /** What a session whose client is away holds goes to others; CLIENT_AWAY for each where there are none. */
  async share(session: string, routed: readonly Uint8Array[]): Promise<Uint8Array> {
    const outcomes = routed.map((bytes) => {
      const { publisher, record, turn } = decodeRouted(bytes)
      if (turn === null || !this.hasOthers(turn.share, session)) return CLIENT_AWAY
      return this.give(publisher, record, turn)
    })
    return Uint8Array.from(await Promise.all(outcomes))
  }

  /** Whether anybody but this session could have a turn. */
  private hasOthers(share: string, session: string): boolean {
    if (this.regions.asksHome() || this.regions.having(share).length > 0) return true
    return this.subscribers.members(share).some((member) => member.session !== session)
  }

  private offer(member: Subscribed, share: string, record: Uint8Array, waits: boolean): Promise<number> {
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
    if (members.length === 0) return []
    const turn = this.turns.get(share) ?? 0
    this.turns.set(share, (turn + 1) % Number.MAX_SAFE_INTEGER)
    const at = turn % members.length
    const now = this.platform.now()
    const there = ({ session }: Subscribed) => (this.away.get(session) ?? 0) <= now
    const inOrder = [...members.slice(at), ...members.slice(0, at)]
    return [...inOrder.filter(there), ...inOrder.filter((member) => !there(member))]
  }
}
