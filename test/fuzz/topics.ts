// Fuzz: topic filters against a reference that splits at each slash, and roots against matching.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { rootOfFilter, rootOfTopic } from '../../src/id/root.ts'
import { isTopicFilter, isTopicName, matches, parseShared } from '../../src/mqtt/topic.ts'
import { fuzz } from './fuzz.ts'

const level = fc.constantFrom('', 'a', 'b', 'ab', '$', '$SYS', 'devices', 'ключ', '🐦', ' ')
const topics = fc
  .array(level, { minLength: 1, maxLength: 6 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '')

/** A filter that has much in common with the topic, so that a match is likely. */
const pairs = fc
  .tuple(
    topics,
    fc.array(fc.constantFrom('keep', 'keep', 'keep', '+', 'other'), { minLength: 1, maxLength: 7 }),
    fc.constantFrom('', '', '#', '/#', '/', '/a'),
    level,
  )
  .map(([topic, changes, end, other]) => {
    const levels = topic.split('/')
    const kept = changes.map((change, i) =>
      change === 'keep' ? (levels[i] ?? '') : change === '+' ? '+' : other,
    )
    const filter = end === '#' ? [...kept.slice(0, -1), '#'].join('/') : kept.join('/') + end
    return { topic, filter: filter === '' ? '+' : filter }
  })

function referenceMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false
  for (const [i, one] of wanted.entries()) {
    if (one === '#') return true
    if (i === levels.length || (one !== '+' && one !== levels[i])) return false
    if (i === levels.length - 1 && wanted.length === i + 2 && wanted[i + 1] === '#') return true
  }
  return wanted.length === levels.length
}

const anyText = fc.oneof(
  fc
    .array(fc.constantFrom('+', '#', '/', 'a', '$', '$share', '$share/g', '\0', '\ud800', 'ж'), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
  fc.nat(200).map((slashes) => `a${'/'.repeat(slashes)}`),
  fc.constantFrom(65_535, 65_536, 21_845, 21_846).map((length) => 'ж'.repeat(length / 2)),
)

function referenceFilter(filter: string): boolean {
  if (filter.startsWith('$share/')) {
    const [, group = '', ...rest] = filter.split('/')
    return group !== '' && !/[+#]/.test(group) && rest.length > 0 && isOnWire(filter) && plainFilter(rest)
  }
  return isOnWire(filter) && plainFilter(filter.split('/'))
}

function plainFilter(levels: readonly string[]): boolean {
  if (levels.join('/') === '') return false
  return levels.every(
    (one, i) => one === '+' || (one === '#' && i === levels.length - 1) || !/[+#]/.test(one),
  )
}

function isOnWire(text: string): boolean {
  const bytes = Buffer.byteLength(text)
  return bytes >= 1 && bytes <= 65_535 && !/\0/.test(text) && text.isWellFormed()
}

export const TOPICS = [
  fuzz('matches', 14, pairs, ({ topic, filter }) => {
    assert.ok(isTopicFilter(filter) && isTopicName(topic))
    const match = matches(filter, topic)
    assert.equal(match, referenceMatches(filter, topic))
    // A subscription is kept where its root is: all that it matches must belong to that root.
    const root = rootOfFilter(filter)
    if (match && root !== null) assert.equal(rootOfTopic(topic), root)
  }),
  fuzz('topic-syntax', 6, anyText, (text) => {
    assert.equal(isTopicFilter(text), referenceFilter(text))
    const name = isOnWire(text) && !/[+#]/.test(text)
    assert.equal(isTopicName(text), name)
    // What cannot come over the wire is never asked about.
    if (!isOnWire(text)) return
    const shared = parseShared(text)
    assert.equal(shared !== null, text.startsWith('$share/') && referenceFilter(text))
    if (shared !== null) assert.equal(`$share/${shared.group}/${shared.filter}`, text)
  }),
]
