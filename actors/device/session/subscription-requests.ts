// SUBSCRIBE and UNSUBSCRIBE of a session: stores subscriptions, registers them at their leaves, and delivers retained messages that
// no newer message has overtaken.

import { decodeMessage } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { parseShared, rootOfSubscription } from '../../../src/mqtt/topic.ts'
import { type Delivery, decodeDelivery } from '../../../src/session/delivery.ts'
import type { Effect } from '../../../src/session/effect.ts'
import type { Session } from '../../../src/session/session.ts'
import { retainedDeliveries } from '../../leaf/stages/retained.ts'
import { WIDE_RETAINED_MESSAGES_MAX } from '../../limits.ts'
import { type Facts, factsFor, isFactFilter } from '../presence/system-topics.ts'
import type { ShadowDeltas } from '../shadow/shadow-deltas.ts'
import type { GivenRetained } from './given-retained.ts'
import type { Registrar } from './registrar.ts'
import type { SessionStore } from './session-store.ts'

type Subscribe = Extract<Effect, { do: 'subscribe' }>
type Unsubscribe = Extract<Effect, { do: 'unsubscribe' }>

export interface Subscribed {
  readonly reasons: readonly ReasonCode[]
  readonly retained: readonly Delivery[]
  /** Reason String of the SUBACK, if the reason codes do not name the cause. */
  readonly said?: string
}

export class SubscriptionRequests {
  private readonly store: SessionStore
  private readonly registrar: Registrar
  private readonly ownDeltas: ShadowDeltas
  private readonly changed: (filters: readonly string[]) => void
  private readonly given: GivenRetained
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
    given: GivenRetained,
  ) {
    this.store = store
    this.registrar = registrar
    this.ownDeltas = ownDeltas
    this.changed = changed
    this.given = given
  }

  /** A live message has arrived for the session. */
  arrived(topic: string): void {
    for (const topics of this.overtaken) topics.add(topic)
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
    const { reasons, retained } = await this.registrar.subscribe(session.id, wanted)
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
      retained: retained.map(decodeDelivery).filter(({ message }) => !overtaken.has(message.topic)),
    }
  }

  private ended(filter: string): void {
    const others = (this.open.get(filter) ?? 1) - 1
    if (others === 0) this.open.delete(filter)
    else this.open.set(filter, others)
  }

  /**
   * After SUBACK: delivers the retained messages of the leaves' replies, the deltas of the client's own shadows, then the
   * retained messages that match wide filters, page by page. A page is read after SUBACK, so it is newer than any live message
   * that arrived before SUBACK.
   * @param facts the messages of `$SYS`
   * @param give resolves when the delivery is acknowledged or durable; null if the session is no longer the current one
   */
  async giveRetained(
    session: Session,
    { items }: Subscribe,
    { reasons, retained }: Subscribed,
    facts: Facts,
    give: (delivery: Delivery) => Promise<Outcome> | null,
  ): Promise<void> {
    for (const delivery of retained) void give(delivery)
    for (const delivery of this.ownDeltas.onSubscribe(session, items, reasons)) void give(delivery)
    for (const [i, { subscription }] of items.entries()) {
      if (isFailure(reasons[i] ?? Reason.UnspecifiedError)) continue
      for (const delivery of factsFor(subscription, facts)) void give(delivery)
    }
    const wanted = items.flatMap(({ subscription, isNew }, i) => {
      const { filter, retainHandling } = subscription
      const asked = retainHandling === 0 || (retainHandling === 1 && isNew) // [MQTT-3.3.1-9] [MQTT-3.3.1-10]
      const granted = !isFailure(reasons[i] ?? Reason.UnspecifiedError)
      if (isFactFilter(filter)) return []
      return asked && granted && parseShared(filter) === null && rootOfSubscription(filter) === null
        ? [subscription]
        : []
    })
    if (wanted.length === 0) return
    const overtaken = new Set<string>()
    this.overtaken.add(overtaken)
    try {
      let given = 0
      for await (const page of this.registrar.wide.retained(wanted.map(({ filter }) => filter))) {
        const records = page.slice(0, WIDE_RETAINED_MESSAGES_MAX - given)
        given += records.length
        const messages = records.map((record) => ({ topic: decodeMessage(record).topic, record }))
        const taken = retainedDeliveries(wanted, messages, overtaken).map((bytes) => {
          const delivery = decodeDelivery(bytes)
          const outcome = give(delivery)
          if (outcome !== null) this.given.note(delivery, outcome)
          return outcome
        })
        await Promise.all(taken)
        if (taken.includes(null) || given === WIDE_RETAINED_MESSAGES_MAX) return
      }
    } finally {
      this.overtaken.delete(overtaken)
    }
  }

  /** After the outcome: deletes the rows of subscriptions that failed or ended, unless the client has subscribed again. */
  settled(session: Session, effect: Subscribe | Unsubscribe): void {
    if (!session.persistent) return
    const filters =
      effect.do === 'subscribe' ? effect.items.map(({ subscription }) => subscription.filter) : effect.filters
    if (effect.do === 'unsubscribe') this.changed(filters)
    for (const filter of filters)
      if (!session.subscriptions.has(filter)) this.store.removeSubscription(filter)
  }
}
