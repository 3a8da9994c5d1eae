// Which root a topic or a filter belongs to. A root is what has a home, one order and a leaf per region.
import type { ClientId, Root } from './ids.ts'

/** `devices/<id>` for `devices/<id>/…`, else the first two levels (`rooms/42`), or the only level. */
export function rootOfTopic(topic: string): Root {
  const first = topic.indexOf('/')
  if (first < 0) return topic as Root
  const second = topic.indexOf('/', first + 1)
  return (second < 0 ? topic : topic.slice(0, second)) as Root
}

/**
 * The root that a filter's matches all belong to, or null where the filter is wide: one of its first two levels
 * is a wildcard. `rooms/42/#` and `rooms/42/+` have the root `rooms/42`; `rooms/#` and `+/x` have none.
 *
 * `sport/#` also matches `sport` (the parent level, section 4.7.1.2), so a filter whose second level is `#` is wide.
 */
export function rootOfFilter(filter: string): Root | null {
  const root = rootOfTopic(filter)
  return /(^|\/)[+#]/.test(root) ? null : root
}

const DEVICES = 'devices/'

/** The root that a client is the leaf of. */
export function rootOfClient(client: ClientId): Root {
  return `${DEVICES}${client}` as Root
}

/** The client whose actor is the leaf of this root, or null where the leaf is a TopicActor. */
export function clientOfRoot(root: Root): ClientId | null {
  return root.startsWith(DEVICES) && root.length > DEVICES.length
    ? (root.slice(DEVICES.length) as ClientId)
    : null
}
