// SUBSCRIBE and UNSUBSCRIBE of a session: what storage keeps of them, and which retained messages are still news.
import { Reason, type ReasonCode } from '../../src/mqtt/reason.ts'
import { type Delivery, decodeDelivery } from '../../src/session/delivery.ts'
import type { Effect, Session } from '../../src/session/session.ts'
import type { Registrar } from './registrar.ts'
import type { SessionStore } from './session-store.ts'

type Subscribe = Extract<Effect, { do: 'subscribe' }>
type Unsubscribe = Extract<Effect, { do: 'unsubscribe' }>

export class Subscribing {
  private readonly store: SessionStore
  private readonly registrar: Registrar
  /** For each SUBSCRIBE that waits for its leaves: the topics that have come meanwhile. */
  private readonly overtaken = new Set<Set<string>>()

  constructor(store: SessionStore, registrar: Registrar) {
    this.store = store
    this.registrar = registrar
  }

  /** A live message has come for the session. */
  arrived(topic: string): void {
    for (const topics of this.overtaken) topics.add(topic)
  }

  /** Registers at the leaves. A reason for each item, and the retained messages that no newer one has overtaken. */
  async subscribe(
    session: Session,
    { items }: Subscribe,
  ): Promise<{ readonly reasons: readonly ReasonCode[]; readonly retained: readonly Delivery[] }> {
    const wanted = items.flatMap(({ refused, subscription }) => (refused === null ? [subscription] : []))
    // Kept first: should the process die, what a leaf learnt is known here and can be taken back.
    if (session.persistent) for (const one of wanted) this.store.saveSubscription(one, true)
    const overtaken = new Set<string>()
    this.overtaken.add(overtaken)
    const { reasons, retained } = await this.registrar.subscribe(session.id, wanted)
    this.overtaken.delete(overtaken)
    let next = 0
    return {
      reasons: items.map(({ refused }) => refused ?? reasons[next++] ?? Reason.UnspecifiedError),
      retained: retained.map(decodeDelivery).filter(({ message }) => !overtaken.has(message.topic)),
    }
  }

  /** Storage follows the session, which by now has dropped what failed or was left, unless it was taken up again. */
  settled(session: Session, effect: Subscribe | Unsubscribe): void {
    if (!session.persistent) return
    const filters =
      effect.do === 'subscribe' ? effect.items.map(({ subscription }) => subscription.filter) : effect.filters
    for (const filter of filters)
      if (!session.subscriptions.has(filter)) this.store.removeSubscription(filter)
  }
}
