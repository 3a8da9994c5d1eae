// The subscriptions of a session: what SUBSCRIBE and UNSUBSCRIBE change, what is refused without a leaf, what is answered.
import { canReplay, historyRequestOf } from '../history/replay.ts'
import { isRootTooLong } from '../id/root.ts'
import type { SubscribePacket, SubscriptionRequest, UnsubscribePacket } from '../mqtt/packet.ts'
import { isFailure, Reason, type ReasonCode } from '../mqtt/reason.ts'
import { isTopicFilter, parseShared, rootOfSubscription } from '../mqtt/topic.ts'
import type { Effect } from './effect.ts'
import { FilterQuota } from './filter-quota.ts'
import type { SubscribeItem, Subscription } from './subscription.ts'

interface OpenSubscribe {
  readonly items: readonly SubscribeItem[]
  /** Further filters of the packet, which are refused. */
  readonly excess: number
  readonly packetId: number
}

interface OpenUnsubscribe {
  readonly reasons: readonly ReasonCode[]
  readonly packetId: number
}

export class Subscriptions {
  /** By filter, those included whose leaf has not answered. */
  private readonly all: Map<string, Subscription>
  /** Filters that a leaf has granted: a SUBSCRIBE that fails does not end these. */
  private readonly granted: Set<string>
  /** Filters of `all` that are wide and not shared; null after a change. */
  private wideFilters: readonly string[] | null = null
  /** Those of `all` whose retained messages the client still is to get; null after a change. */
  private incomplete: readonly Subscription[] | null = null
  private readonly nextNumber: () => number
  private readonly subscribes = new Map<number, OpenSubscribe>()
  private readonly unsubscribes = new Map<number, OpenUnsubscribe>()
  /** Numbers from here on belong to the live connection: only its requests are answered. */
  private connectedFrom = 0

  constructor(subscriptions: readonly Subscription[], nextNumber: () => number) {
    this.all = new Map(subscriptions.map((one) => [one.filter, one]))
    this.granted = new Set(this.all.keys())
    this.nextNumber = nextNumber
  }

  get byFilter(): ReadonlyMap<string, Subscription> {
    return this.all
  }

  /** The filters whose root is not literal, but for shared ones. */
  get wide(): readonly string[] {
    this.wideFilters ??= [...this.all.keys()].filter(
      (filter) => rootOfSubscription(filter) === null && parseShared(filter) === null,
    )
    return this.wideFilters
  }

  /** The subscriptions whose retained messages the client still is to get. */
  get retaining(): readonly Subscription[] {
    this.incomplete ??= [...this.all.values()].filter(({ retainedAfter }) => retainedAfter !== undefined)
    return this.incomplete
  }

  /** @param after from where on retained messages are still to come; null: the client got all */
  retainedSent(filter: string, after: string | null): void {
    const before = this.all.get(filter)
    if (before === undefined) return
    const { retainedAfter: _, ...subscription } = before
    this.all.set(filter, after === null ? subscription : { ...subscription, retainedAfter: after })
    this.incomplete = null
  }

  /** The connection has ended: nobody waits for an answer to what it asked. */
  disconnected(): void {
    this.connectedFrom = this.nextNumber()
  }

  /** A former home had granted this subscription, or ended it (null), and this home did not know. */
  learn(filter: string, subscription: Subscription | null): void {
    this.changed()
    if (subscription === null) {
      this.all.delete(filter)
      this.granted.delete(filter)
    } else {
      this.all.set(filter, subscription)
      this.granted.add(filter)
    }
  }

  subscribe({ packetId, subscriptions, excess = 0, properties }: SubscribePacket): Effect[] {
    const identifier = properties.subscriptionIdentifier ?? 0
    this.changed()
    const items: SubscribeItem[] = []
    const quota = new FilterQuota(this.all.keys())
    for (const given of subscriptions) {
      const asked = historyRequestOf(given.filter, properties.userProperties)
      const { filter, from } = asked
      // Send no retained message beside the history, which has it too.
      const request = from === null ? given : { ...given, filter, retainHandling: 2 as const }
      // A shared subscription with No Local is a protocol error. [MQTT-3.8.3-4]
      if (request.noLocal && request.filter.startsWith('$share/'))
        return [{ do: 'close', reason: Reason.ProtocolError }]
      const before = this.all.get(request.filter)
      const isNew = before === undefined
      // What an earlier SUBSCRIBE of the filter still is to bring comes all the same.
      const retainedAfter = before?.retainedAfter
      const subscription = { ...request, identifier, ...(retainedAfter !== undefined && { retainedAfter }) }
      const unreplayable = from !== null && !canReplay(asked)
      const refused = unreplayable ? Reason.TopicFilterInvalid : refusalOf(request, isNew, quota)
      items.push({ subscription, isNew, refused, ...(from !== null && { from }) })
      if (refused !== null) continue
      this.all.set(request.filter, subscription)
      if (isNew) quota.add(request.filter)
    }
    const number = this.nextNumber()
    this.subscribes.set(number, { items, excess, packetId })
    return [{ do: 'subscribe', number, items }]
  }

  /**
   * The leaves have answered the SUBSCRIBE with this number.
   * @param reasons one for each item, in order
   * @param said the Reason String, where the reasons alone do not say the cause
   */
  subscribed(number: number, reasons: readonly ReasonCode[], said?: string): Effect[] {
    const open = this.subscribes.get(number)
    if (open === undefined) return []
    this.subscribes.delete(number)
    this.changed()
    open.items.forEach(({ subscription }, i) => {
      const { filter } = subscription
      const failed = isFailure(reasons[i] ?? Reason.UnspecifiedError)
      // A later SUBSCRIBE may have replaced the subscription meanwhile.
      if (failed && !this.granted.has(filter) && this.all.get(filter) === subscription)
        this.all.delete(filter)
      if (!failed) this.granted.add(filter)
    })
    if (number < this.connectedFrom) return []
    const properties = said === undefined ? {} : { reasonString: said }
    const { packetId, excess } = open
    const all =
      excess === 0 ? reasons : [...reasons, ...new Array<ReasonCode>(excess).fill(Reason.QuotaExceeded)]
    return [{ do: 'reply', packet: { type: 'suback', packetId, reasons: all, properties } }]
  }

  unsubscribe({ packetId, filters }: UnsubscribePacket): Effect[] {
    const named = filters.map((filter) => historyRequestOf(filter, undefined).filter)
    this.changed()
    const reasons = named.map((filter) => {
      if (!isTopicFilter(filter)) return Reason.TopicFilterInvalid
      this.granted.delete(filter)
      return this.all.delete(filter) ? Reason.Success : Reason.NoSubscriptionExisted
    })
    const ended = named.filter((_, i) => reasons[i] === Reason.Success)
    if (ended.length === 0) return [unsuback(packetId, reasons)]
    const number = this.nextNumber()
    this.unsubscribes.set(number, { reasons, packetId })
    return [{ do: 'unsubscribe', number, filters: ended }]
  }

  /** The leaves have ended the subscriptions of the UNSUBSCRIBE with this number. */
  unsubscribed(number: number): Effect[] {
    const open = this.unsubscribes.get(number)
    if (open === undefined) return []
    this.unsubscribes.delete(number)
    return number < this.connectedFrom ? [] : [unsuback(open.packetId, open.reasons)]
  }

  private changed(): void {
    this.wideFilters = null
    this.incomplete = null
  }
}

function refusalOf({ filter }: SubscriptionRequest, isNew: boolean, quota: FilterQuota): ReasonCode | null {
  if (!isTopicFilter(filter)) return Reason.TopicFilterInvalid
  const root = rootOfSubscription(filter)
  if (root !== null && isRootTooLong(root)) return Reason.TopicFilterInvalid
  // AWS IoT's names of a shadow's topics are for single subscribers: a group's message has one topic.
  if (parseShared(filter)?.filter.startsWith('$aws/') === true) return Reason.TopicFilterInvalid
  return isNew && !quota.hasRoomFor(filter) ? Reason.QuotaExceeded : null
}

function unsuback(packetId: number, reasons: readonly ReasonCode[]): Effect {
  return { do: 'reply', packet: { type: 'unsuback', packetId, reasons, properties: {} } }
}
