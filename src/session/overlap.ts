// A message that a narrow and a wide filter of one session match comes by two ways: from the leaf of its root, and from a WideActor.
// The session makes one delivery of it, as a leaf does where all matching filters are its own. [MQTT-3.3.4-2] [MQTT-3.3.4-3]
import type { QoS } from '../mqtt/packet.ts'
import { matches, parseShared, rootOfSubscription } from '../mqtt/topic.ts'
import type { Delivery } from './delivery.ts'
import type { Subscription } from './subscription.ts'

export interface Overlap {
  /** With the highest QoS and every identifier: the same by both ways. */
  readonly delivery: Delivery
  /** Names the message: what comes by the other way has the same name. */
  readonly name: string
}

/**
 * Null if the message comes by one way only, or if it has no origin, or if a filter with No Local matches: a delivery does not say
 * who published. Then the client gets a copy for each way.
 */
export function overlapOf(
  delivery: Delivery,
  {
    byFilter,
    wide,
  }: { readonly byFilter: ReadonlyMap<string, Subscription>; readonly wide: readonly string[] },
): Overlap | null {
  const { message, share } = delivery
  const { topic, origin } = message
  if (share !== null || origin === undefined || !wide.some((filter) => matches(filter, topic))) return null
  const matching = [...byFilter.values()].filter(
    ({ filter }) => parseShared(filter) === null && matches(filter, topic),
  )
  const narrow = matching.some(({ filter }) => rootOfSubscription(filter) !== null)
  if (!narrow || matching.some(({ noLocal }) => noLocal)) return null
  const highest = Math.max(...matching.map(({ qos }) => qos)) as QoS
  return {
    name: `${origin} overlap`,
    delivery: {
      qos: highest < message.qos ? highest : message.qos,
      retain: message.retain && matching.some(({ retainAsPublished }) => retainAsPublished), // [MQTT-3.3.1-13]
      identifiers: matching.flatMap(({ identifier }) => (identifier > 0 ? [identifier] : [])),
      share: null,
      message,
    },
  }
}
