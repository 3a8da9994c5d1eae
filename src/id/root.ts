// Which root a topic or a filter belongs to. A root is what has a home, one order and a leaf per region.
import type { ClientId, Root } from './ids.ts'
import { thingOf } from './shadow-topic.ts'

const DEVICES = 'devices/'

/** An actor's name holds its root, and the platform's names have 1,024 bytes. */
export const ROOT_BYTES_MAX = 900

/** Whether a root is too long to have an actor. */
export function isRootTooLong(root: Root): boolean {
  // No UTF-16 unit takes more than three bytes, so only long roots need counting.
  return root.length * 3 > ROOT_BYTES_MAX && new TextEncoder().encode(root).length > ROOT_BYTES_MAX
}

/**
 * `devices/<id>` for `devices/<id>/…` and for `$aws/things/<id>/…`, AWS IoT's names of its shadows' topics; else the first
 * two levels (`rooms/42`), or the only level.
 */
export function rootOfTopic(topic: string): Root {
  const thing = thingOf(topic)
  if (thing !== null) return `${DEVICES}${thing}` as Root
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

/** Whether a filter matches some topic of the root: the root itself or, where it has two levels, one below it. */
export function couldMatchRoot(filter: string, root: Root): boolean {
  if (filter.startsWith('$aws/')) {
    const client = clientOfRoot(root)
    return client !== null && couldMatch(filter, `$aws/things/${client}`)
  }
  return couldMatch(filter, root)
}

function couldMatch(filter: string, root: string): boolean {
  if (root.startsWith('$') && /^[+#]/.test(filter)) return false // [MQTT-4.7.2-1]
  const wanted = filter.split('/')
  const levels = root.split('/')
  for (const [i, level] of levels.entries()) {
    if (wanted[i] === '#') return true
    if (wanted[i] !== '+' && wanted[i] !== level) return false
  }
  // Below two levels there is everything; below one there are only other roots, but `sport/#` matches `sport`.
  return levels.length > 1 || wanted.length === 1 || (wanted.length === 2 && wanted[1] === '#')
}

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
