// What a device's shadows ask it to change, as the device itself is told: while it is away its shadows remember that, not
// its queue, and when it is back it gets one delta of each.
import type { ClientId } from '../../../src/id/ids.ts'
import { canonicalTopic, parseShadowTopic, topicNames } from '../../../src/id/shadow-topic.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import { isFailure, Reason } from '../../../src/mqtt/reason.ts'
import { matches } from '../../../src/mqtt/topic.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { Session } from '../../../src/session/session.ts'
import type { SubscribeItem, Subscription } from '../../../src/session/subscription.ts'
import { NOBODY } from '../../leaf/delivery/sharing.ts'
import { deliveryFor } from '../../leaf/delivery/subscribers.ts'
import type { Shadows } from './shadows.ts'

const DELTA = 'update/delta'

export class ShadowDeltas {
  private readonly client: ClientId
  private readonly shadows: Shadows

  constructor(client: ClientId, shadows: Shadows) {
    this.client = client
    this.shadows = shadows
  }

  /** A delivery to a session that is not connected and need not be kept: what it says, or newer, comes with the return. */
  needless(session: Session, { share, message }: Delivery): boolean {
    if (session.outgoing.online || share !== null) return false
    const topic = parseShadowTopic(canonicalTopic(message.topic))
    return topic !== null && topic.client === this.client && topic.rest === DELTA
  }

  /** For a session that is taken up again. */
  onReturn(session: Session): Delivery[] {
    return this.for([...session.subscriptions.values()], session)
  }

  /** For filters that are new in a session and were granted: it may have missed what was published before. */
  onSubscribe(session: Session, items: readonly SubscribeItem[], reasons: readonly number[]): Delivery[] {
    const granted = items.filter(
      ({ isNew, subscription }, i) =>
        isNew && subscription.retainHandling !== 2 && !isFailure(reasons[i] ?? Reason.UnspecifiedError),
    )
    return this.for(
      granted.map(({ subscription }) => subscription),
      session,
    )
  }

  private for(subscriptions: readonly Subscription[], session: Session): Delivery[] {
    return subscriptions.length === 0
      ? []
      : this.shadows.store
          .deltas()
          .flatMap((message) =>
            topicNames(message.topic).flatMap(
              (topic) => this.delivery({ ...message, topic }, subscriptions, session) ?? [],
            ),
          )
  }

  private delivery(
    message: Message,
    subscriptions: readonly Subscription[],
    session: Session,
  ): Delivery | null {
    const matching = subscriptions.filter(({ filter }) => matches(filter, message.topic))
    const receiver = {
      client: this.client,
      session: session.id,
      topic: message.topic,
      subscriptions: matching.map((one) => ({ ...one, client: this.client, session: session.id })),
    }
    return deliveryFor(receiver, message, NOBODY)
  }
}
