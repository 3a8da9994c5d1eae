// The deltas of a device's shadows, as the device itself gets them: while it is away they are not queued, since the shadows have
// them. When the device returns, it gets the current delta of each shadow.
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

  /** Whether the delivery is a delta for a client that is away: it gets this delta, or a newer one, when it returns. */
  comesOnReturn(session: Session, { share, message }: Delivery): boolean {
    if (session.outgoing.online || share !== null) return false
    const topic = parseShadowTopic(canonicalTopic(message.topic))
    return topic !== null && topic.client === this.client && topic.rest === DELTA
  }

  /** For a client that returns to its session, or begins a new one. */
  onReturn(session: Session): Delivery[] {
    return this.for([...session.subscriptions.values()], session)
  }

  /** For granted filters that are new in a session: the client may not have the deltas that were published before. */
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
