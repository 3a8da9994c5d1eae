// SUBSCRIBE and UNSUBSCRIBE of a session: stores subscriptions, registers them at their leaves, and delivers retained messages that
// no newer message has overtaken.

import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { parseShared, rootOfSubscription } from '../../../src/mqtt/topic.ts'
import { type Delivery, decodeDelivery } from '../../../src/session/delivery.ts'
import type { Effect } from '../../../src/session/effect.ts'
import type { Session } from '../../../src/session/session.ts'
import { type Facts, factsFor, isFactFilter } from '../presence/system-topics.ts'
import type { FirstRetained, RetainedReplay } from '../replay/retained-replay.ts'
import type { ShadowDeltas } from '../shadow/shadow-deltas.ts'
import type { Registrar } from './registrar.ts'
import type { SessionStore } from './session-store.ts'

type Subscribe = Extract<Effect, { do: 'subscribe' }>
type Unsubscribe = Extract<Effect, { do: 'unsubscribe' }>

export interface Subscribed {
  readonly reasons: readonly ReasonCode[]
  readonly retained: FirstRetained
  /** Reason String of the SUBACK, if the reason codes do not name the cause. */
  readonly said?: string
}

export class SubscriptionRequests {
  private readonly store: SessionStore
  private readonly registrar: Registrar
  private readonly ownDeltas: ShadowDeltas
  private readonly changed: (filters: readonly string[]) => void
  private readonly replay: RetainedReplay
  /** For each SUBSCRIBE that waits for its leaves: the topics of live messages that arrived since. */
  private readonly overtaken = new Set<Set<string>>()
  /** How many SUBSCRIBEs wait for the leaf of a filter. */
  private readonly open = new Map<string, number>()

  /** @param changed gets each filter that the client of a persistent session subscribes to or unsubscribes from */
  constructor(
    store: SessionStore,
    registrar: Registrar,
    ownDeltas: ShadowDeltas,
    changed: (filters: readonly string[]) => void,
    replay: RetainedReplay,
  ) {
    this.store = store
    this.registrar = registrar
    this.ownDeltas = ownDeltas
    this.changed = changed
    this.replay = replay
  }

  /** A live message has arrived for the session. */
  arrived(topic: string): void {
    for (const topics of this.overtaken) topics.add(topic)
    this.replay.arrived(topic)
  }

  /** Registers at the leaves. Returns a reason for each item, and the retained messages that no live message has overtaken. */
  async subscribe(session: Session, { items }: Subscribe): Promise<Subscribed> {
    const wanted = items.flatMap(({ refused, subscription }) => (refused === null ? [subscription] : []))
    const fresh = new Set(items.flatMap(({ isNew, subscription }) => (isNew ? [subscription.filter] : [])))
    // Stored first: if the process dies, the next one can still unsubscribe at a leaf that has the subscription.
    if (session.persistent) {
      this.changed(wanted.map(({ filter }) => filter))
      for (const one of wanted) this.store.saveSubscription(one, true)
    }
    const overtaken = new Set<string>()
    this.overtaken.add(overtaken)
    for (const { filter } of wanted) this.open.set(filter, (this.open.get(filter) ?? 0) + 1)
    const { reasons, retained, rest } = await this.registrar.subscribe(session.id, wanted)
    for (const { filter } of wanted) this.ended(filter)
    this.overtaken.delete(overtaken)
    const failed = wanted.filter(
      ({ filter }, i) =>
        isFailure(reasons[i] ?? Reason.UnspecifiedError) &&
        !this.open.has(filter) &&
        fresh.has(filter) &&
        rootOfSubscription(filter) !== null,
    )
    // A leaf whose answer was lost may have the subscription; the registrar tells shards of wide filters. Before SUBACK: a repeated SUBSCRIBE must come after this.
    if (failed.length > 0)
      await this.registrar.unsubscribe(
        session.id,
        failed.map(({ filter }) => filter),
      )
    let next = 0
    return {
      reasons: items.map(({ refused }) => refused ?? reasons[next++] ?? Reason.UnspecifiedError),
      retained: {
        deliveries: retained.map(decodeDelivery).filter(({ message }) => !overtaken.has(message.topic)),
        rest,
      },
    }
  }

  private ended(filter: string): void {
    const others = (this.open.get(filter) ?? 1) - 1
    if (others === 0) this.open.delete(filter)
    else this.open.set(filter, others)
  }

  /**
   * After SUBACK: delivers the deltas of the client's own shadows and the messages of `$SYS`, then the retained messages, page by
   * page. A page is read after SUBACK, so it is newer than any live message that arrived before SUBACK.
   * @param facts the messages of `$SYS`
   * @param give resolves when the delivery is acknowledged or durable
   */
  async giveRetained(
    session: Session,
    { items }: Subscribe,
    { reasons, retained }: Subscribed,
    facts: Facts,
    give: (delivery: Delivery) => Promise<Outcome>,
  ): Promise<void> {
    for (const delivery of this.ownDeltas.onSubscribe(session, items, reasons)) void give(delivery)
    const granted = items.filter((_, i) => !isFailure(reasons[i] ?? Reason.UnspecifiedError))
    for (const { subscription } of granted)
      for (const delivery of factsFor(subscription, facts)) void give(delivery)
    const wanted = granted.flatMap(({ subscription, isNew }) => {
      const { filter, retainHandling } = subscription
      const asked = retainHandling === 0 || (retainHandling === 1 && isNew) // [MQTT-3.3.1-9] [MQTT-3.3.1-10]
      return asked && parseShared(filter) === null && !isFactFilter(filter) ? [subscription] : []
    })
    await this.replay.begin(session, wanted, retained)
  }

  /** After the outcome: deletes the rows of subscriptions that failed or ended, unless the client has subscribed again. */
  settled(session: Session, effect: Subscribe | Unsubscribe): void {
    if (effect.do === 'unsubscribe') this.replay.unsubscribed(effect.filters)
    if (!session.persistent) return
    const filters =
      effect.do === 'subscribe' ? effect.items.map(({ subscription }) => subscription.filter) : effect.filters
    if (effect.do === 'unsubscribe') this.changed(filters)
    for (const filter of filters)
      if (!session.subscriptions.has(filter)) this.store.removeSubscription(filter)
  }
}
