// Decides one cause from the gathered facts. Each rule checks one possible cause, and the first that applies decides: rules
// about this very message come before rules about the present state.
import { isPresence } from '../id/root.ts'
import { isShadowTopic } from '../id/shadow-topic.ts'
import { Reason } from '../mqtt/reason.ts'
import { refusal } from '../session/publish-refusal.ts'
import type { Decision } from './explanation.ts'
import { lossKnown, received, refusedPublish } from './message-rules.ts'
import { type Rule, say } from './rule.ts'
import {
  away,
  backlogged,
  failingOver,
  noLocal,
  noSession,
  noSubscription,
  notRegistered,
  otherMember,
  queued,
  receiverUnreachable,
  subscribedAfter,
  topicUnreachable,
  underWay,
} from './state-rules.ts'
import { ago, code, lasting } from './wording.ts'
import type { World } from './world.ts'

/** No client may publish to the topic. */
const forbidden: Rule = ({ asked: { topic, publisher } }) => {
  const refused = refusal(topic)
  if (refused === null) return null
  // The server itself publishes to these topics.
  if (publisher === null && (isPresence(topic) || isShadowTopic(topic))) return null
  return refused === Reason.NotAuthorized
    ? say(
        'refused',
        'not-authorized',
        `Only the server may publish to '${topic}': clients are answered 0x87.`,
      )
    : say('refused', 'topic-invalid', `Nothing can be published to '${topic}': clients get ${code(refused)}.`)
}

/** No actor remembers a publish. */
const nothingPublished: Rule = ({ publication, publishers, asked, topicHome, topicMemoryMs }) => {
  if (publication !== null) return null
  const { topic, publisher, trace } = asked
  const what = trace === null ? `to '${topic}'` : `to '${topic}' with the trace '${trace}'`
  if (publisher !== null) {
    const isKnown = ({ presence, connected, home }: (typeof publishers)[number]) =>
      presence !== null || connected || home.at !== 'unknown'
    if (publishers.length > 0 && !publishers.some(isKnown))
      return say('never-sent', 'publisher-never-connected', `${publisher} has never connected.`)
    const memoryMs = Math.max(0, ...publishers.map((one) => one.memoryMs))
    return say(
      'never-sent',
      'nothing-published',
      `${publisher} has published nothing ${what} that is remembered; its actor's memory begins ${ago(memoryMs)}.`,
    )
  }
  if (topicHome === null)
    return say('never-sent', 'nothing-published', `Nobody has ever published ${what}, nor subscribed there.`)
  const since =
    topicMemoryMs === null ? '' : `; the memory of its home, ${topicHome}, begins ${ago(topicMemoryMs)}`
  return say('never-sent', 'nothing-published', `No publish ${what} is remembered${since}.`)
}

const notRemembered: Rule = ({ asked: { device, topic }, publication, receiver }) => {
  const memory = receiver === null ? '' : ` (it reaches back ${lasting(receiver.memoryMs)})`
  const when = publication === null ? '' : ` published ${ago(publication.ageMs)}`
  return say(
    'unknown',
    'not-remembered',
    `A message on '${topic}'${when} was sent towards ${device}, whose actor does not remember it${memory}.`,
  )
}

const RULES: readonly Rule[] = [
  forbidden,
  received,
  lossKnown,
  receiverUnreachable,
  refusedPublish,
  noSession,
  noSubscription,
  noLocal,
  notRegistered,
  underWay,
  topicUnreachable,
  backlogged,
  otherMember,
  subscribedAfter,
  away,
  queued,
  failingOver,
  nothingPublished,
  notRemembered,
]

export function decide(world: World): Decision {
  for (const rule of RULES) {
    const decision = rule(world)
    if (decision !== null) return decision
  }
  return say('unknown', 'not-remembered', 'Nothing is known of this.')
}
