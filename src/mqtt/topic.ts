// Topic names and topic filters: what is valid, and which filter matches which name.
import type { Root } from '../id/ids.ts'
import { rootOfFilter } from '../id/root.ts'
import { STRING_BYTES_MAX } from './limits.ts'
import { utf8Bytes } from './utf8.ts'

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const DOLLAR = 0x24

const SHARE = '$share/'

/** Whether a message may be published to it: 1 to 65,535 bytes, no wildcard, no U+0000. Section 4.7.3 bounds no levels. */
export function isTopicName(topic: string): boolean {
  return isWireText(topic) && !hasWildcard(topic)
}

/** Whether it may be subscribed to; shared subscriptions count. */
export function isTopicFilter(filter: string): boolean {
  if (!isWireText(filter)) return false
  if (!filter.startsWith(SHARE)) return isPlainFilter(filter, 0)
  return parseShared(filter) !== null
}

export interface SharedFilter {
  readonly group: string
  readonly filter: string
}

/** The parts of `$share/group/filter`; null for any other or a malformed filter. */
export function parseShared(filter: string): SharedFilter | null {
  if (!filter.startsWith(SHARE)) return null
  const slash = filter.indexOf('/', SHARE.length)
  // The group has at least one character [MQTT-4.8.2-1], is followed by a filter and holds no wildcard [MQTT-4.8.2-2].
  if (slash <= SHARE.length || slash + 1 === filter.length) return null
  const group = filter.slice(SHARE.length, slash)
  if (hasWildcard(group) || !isPlainFilter(filter, slash + 1)) return null
  return { group, filter: filter.slice(slash + 1) }
}

/** A valid filter without its `$share/group/`, if it has one. */
export function plainFilter(filter: string): string {
  return parseShared(filter)?.filter ?? filter
}

/** The root that all matches of a subscription belong to; null if its filter is wide. See `rootOfFilter`. */
export function rootOfSubscription(filter: string): Root | null {
  return rootOfFilter(plainFilter(filter))
}

/** Whether a valid filter, without its `$share/group/`, matches a valid name. Allocates nothing. */
export function matches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  // [MQTT-4.7.2-1]
  if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) return false
  let t = 0
  for (let f = 0; f < filter.length; f++) {
    const c = filter.charCodeAt(f)
    if (c === HASH) return true
    if (c === PLUS) {
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++
    } else if (t === topic.length) {
      // `sport/#` also matches `sport`: section 4.7.1.2.
      return c === SLASH && filter.charCodeAt(f + 1) === HASH
    } else if (topic.charCodeAt(t) === c) {
      t++
    } else {
      return false
    }
  }
  return t === topic.length
}

/** Whether some topic matches both filters, neither of them shared. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('/'), other.split('/')]
  // A wildcard at the beginning matches no topic that begins with $. [MQTT-4.7.2-1]
  if (isWildcard(a[0]) && other.startsWith('$')) return false
  if (isWildcard(b[0]) && one.startsWith('$')) return false
  for (let i = 0; ; i++) {
    // `#` also matches its parent level: section 4.7.1.2.
    if (a[i] === '#' || b[i] === '#') return true
    if (a[i] === undefined || b[i] === undefined) return a[i] === b[i]
    if (a[i] !== b[i] && a[i] !== '+' && b[i] !== '+') return false
  }
}

function isWildcard(level: string | undefined): boolean {
  return level === '+' || level === '#'
}

export function hasWildcard(topic: string): boolean {
  for (let i = 0; i < topic.length; i++) {
    const c = topic.charCodeAt(i)
    if (c === PLUS || c === HASH) return true
  }
  return false
}

// [MQTT-4.7.3-1], [MQTT-4.7.3-2], [MQTT-4.7.3-3]
function isWireText(text: string): boolean {
  if (text.length === 0 || text.length > STRING_BYTES_MAX) return false
  if (text.includes('\0') || !text.isWellFormed()) return false
  // No UTF-16 unit takes more than three bytes, so only long texts need counting.
  return text.length * 3 <= STRING_BYTES_MAX || utf8Bytes(text) <= STRING_BYTES_MAX
}

/** Whether the wildcards stand where they may, from `start` on. */
function isPlainFilter(filter: string, start: number): boolean {
  for (let i = start; i < filter.length; i++) {
    const c = filter.charCodeAt(i)
    if (c !== PLUS && c !== HASH) continue
    // A wildcard fills its level [MQTT-4.7.1-2], and `#` is the last one. [MQTT-4.7.1-1]
    if (i > start && filter.charCodeAt(i - 1) !== SLASH) return false
    if (i + 1 < filter.length && (c === HASH || filter.charCodeAt(i + 1) !== SLASH)) return false
  }
  return true
}
