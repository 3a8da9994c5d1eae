// Which root a topic or a filter belongs to. A root is what has a home, one order and a leaf per region.
import type { Branch, ClientId, Root } from './ids.ts'
import { thingOf } from './shadow-topic.ts'

const DEVICES = 'devices/'
const PRESENCE = 'presence/'

/** An actor's name holds its root, and the platform's names have 1,024 bytes. */
export const ROOT_BYTES_MAX = 900

/** Whether a root is too long to have an actor. */
export function isRootTooLong(root: Root): boolean {
  // No UTF-16 unit takes more than three bytes, so only long roots need counting.
  return root.length * 3 > ROOT_BYTES_MAX && new TextEncoder().encode(root).length > ROOT_BYTES_MAX
}

/**
 * `devices/<id>` for `devices/<id>/…`, for `presence/<id>/…` (the client's own actor publishes there) and for
 * `$aws/things/<id>/…` (AWS IoT's names for shadow topics); else the first two levels (`rooms/42`), or the only level.
 */
export function rootOfTopic(topic: string): Root {
  const thing = thingOf(topic)
  return thing === null ? rootOfBranch(branchOfTopic(topic)) : (`${DEVICES}${thing}` as Root)
}

/** The first two levels, or the only one. A client's root has two branches: `devices/<id>` and `presence/<id>`. */
export function branchOfTopic(topic: string): Branch {
  const first = topic.indexOf('/')
  if (first < 0) return topic as Branch
  const second = topic.indexOf('/', first + 1)
  return (second < 0 ? topic : topic.slice(0, second)) as Branch
}

export function rootOfBranch(branch: Branch): Root {
  return isPresence(branch) && branch.length > PRESENCE.length
    ? (`${DEVICES}${branch.slice(PRESENCE.length)}` as Root)
    : (branch as Root)
}

/** The branch `presence/<id>` of a client's root; null for any other root. */
export function presenceBranch(root: Root): Branch | null {
  const client = clientOfRoot(root)
  return client === null ? null : (presenceTopic(client) as Branch)
}

/** The topic of a client's presence events. */
export function presenceTopic(client: ClientId): string {
  return `${PRESENCE}${client}`
}

/** Whether only the server publishes to this topic, about a client. */
export function isPresence(topic: string): boolean {
  return topic.startsWith(PRESENCE)
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

/** Whether a filter matches some topic of the root, of a client's presence too. */
export function couldMatchRoot(filter: string, root: Root): boolean {
  const presence = presenceBranch(root)
  return couldMatchBranch(filter, root) || (presence !== null && couldMatchBranch(filter, presence))
}

/** Whether a filter matches some topic of the branch: the branch itself or, where it has two levels, one below it. */
export function couldMatchBranch(filter: string, branch: Branch): boolean {
  if (!filter.startsWith('$aws/')) return couldMatch(filter, branch)
  const client = clientOfRoot(rootOfBranch(branch))
  return client !== null && !isPresence(branch) && couldMatch(filter, `$aws/things/${client}`)
}

function couldMatch(filter: string, branch: string): boolean {
  if (branch.startsWith('$') && /^[+#]/.test(filter)) return false // [MQTT-4.7.2-1]
  const wanted = filter.split('/')
  const levels = branch.split('/')
  for (const [i, level] of levels.entries()) {
    if (wanted[i] === '#') return true
    if (wanted[i] !== '+' && wanted[i] !== level) return false
  }
  // A branch of two levels holds all topics below it. A branch of one level holds only itself, and `sport/#` matches `sport`.
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

/** Which branches of a root the filters could match: none, only a client's presence, or also other topics. */
export type Reach = 'nothing' | 'presence' | 'any'

export function reachOf(filters: readonly string[], root: Root): Reach {
  if (filters.some((filter) => couldMatchBranch(filter, root))) return 'any'
  return filters.some((filter) => couldMatchRoot(filter, root)) ? 'presence' : 'nothing'
}
