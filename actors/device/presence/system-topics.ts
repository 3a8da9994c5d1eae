// `$SYS/…`: facts about a client's edge and its own session, each as a retained message of the moment of its SUBSCRIBE. There are no
// counts of all clients or messages: no part of the system could count them.
import { matches } from '../../../src/mqtt/topic.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { Session } from '../../../src/session/session.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import type { Terms } from '../../../src/session/terms.ts'
import type { Platform } from '../../platform.ts'
import { VERSION } from '../../version.ts'

/** By topic. */
export type Facts = Readonly<Record<string, string>>

const NO_BYTES = new Uint8Array(0)

/** Whether a subscription is for these facts, which no leaf has. */
export function isFactFilter(filter: string): boolean {
  return filter.startsWith('$SYS/')
}

/** @param dropped messages that the session's full queue has dropped */
export function factsOf(platform: Platform, session: Session, terms: Terms, dropped: number): Facts {
  const { storedMessages, storedBytes } = session.outgoing.snapshot()
  return {
    '$SYS/broker/version': `starling ${VERSION}`,
    '$SYS/starling/region': platform.region,
    '$SYS/starling/fleet': platform.fleet,
    '$SYS/starling/client/id': platform.address.id,
    '$SYS/starling/client/protocol': terms.protocolVersion === 5 ? '5.0' : '3.1.1',
    '$SYS/starling/client/keepalive': `${terms.keepAliveSeconds}`,
    '$SYS/starling/client/session-expiry': `${session.expirySeconds}`,
    '$SYS/starling/client/subscriptions': `${session.subscriptions.size}`,
    '$SYS/starling/client/queue/messages': `${storedMessages}`,
    '$SYS/starling/client/queue/bytes': `${storedBytes}`,
    '$SYS/starling/client/queue/dropped': `${dropped}`,
  }
}

export function factsFor(subscription: Subscription, facts: Facts): Delivery[] {
  if (!isFactFilter(subscription.filter) || subscription.retainHandling === 2) return []
  return Object.entries(facts)
    .filter(([topic]) => matches(subscription.filter, topic))
    .map(([topic, text]) => ({
      qos: 0,
      retain: true,
      identifiers: subscription.identifier > 0 ? [subscription.identifier] : [],
      share: null,
      message: {
        topic,
        qos: 0,
        retain: true,
        properties: NO_BYTES,
        payload: new TextEncoder().encode(text),
        expiresAt: 0,
      },
    }))
}
