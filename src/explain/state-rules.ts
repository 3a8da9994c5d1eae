// Rules about the present state: the receiver's session, which leaves know its subscriptions, and what is unreachable.
import type { RegionId } from '../id/ids.ts'
import { parseShared, rootOfSubscription } from '../mqtt/topic.ts'
import type { LeafFacts, ReceiverFacts } from '../relay/explain.ts'
import { offlineQueued, unacknowledged } from './message-rules.ts'
import { type Rule, say } from './rule.ts'
import { ago, count, lasting } from './wording.ts'
import type { Waiting, World } from './world.ts'

type Matching = NonNullable<ReceiverFacts['session']>['matching'][number]

/** The receiver's home region does not answer, or cannot be asked. */
export const receiverUnreachable: Rule = (world) => {
  const { receiver, receiverHome, asked, coreProblem } = world
  if (receiver !== null) return null
  if (receiverHome === null) {
    if (coreProblem === null) return null
    return say(
      'unknown',
      'core-unreachable',
      `The core was not reached, and ${asked.device} is not at home here.`,
    )
  }
  const waits = world.waiting.find(
    ({ lane }) => lane.messages > 0 && (lane.region === receiverHome || lane.kind === 'home'),
  )
  const cause = coreProblem === null ? 'receiver-region-unreachable' : 'core-unreachable'
  const why =
    coreProblem === null
      ? `${receiverHome}, where ${asked.device} is at home, does not answer`
      : 'The core was not reached'
  return waits === undefined
    ? say('unknown', cause, `${why}; nothing of the topic waits for it in the other regions.`)
    : say('waiting', cause, `${why}: ${waitingIn(waits)}.`)
}

/** The receiver has no session. */
export const noSession: Rule = ({ receiver, asked: { device } }) => {
  if (receiver?.session != null) return null
  const ended = newestEnding(receiver)
  if (ended?.why === 'session-expired')
    return say(
      'never-sent',
      'session-expired',
      `${device}'s session expired ${ago(ended.ageMs)}, and its subscriptions with it.`,
    )
  if (receiver !== null && (receiver.presence !== null || ended !== undefined)) {
    const at = ended === undefined ? `at ${receiver.presence?.at}` : ago(ended.ageMs)
    return say(
      'never-sent',
      'session-ended',
      `${device} is not connected, and its session ended with its connection, or by an administrator, ${at}, its subscriptions too.`,
    )
  }
  return say('never-sent', 'never-connected', `${device} has no session, and no connection of it is known.`)
}

export const noSubscription: Rule = ({ receiver, asked: { device, topic } }) => {
  const session = receiver?.session ?? null
  if (session === null || session.matching.length > 0) return null
  const ended = newestEnding(receiver)
  if (ended?.why === 'discarded')
    return say(
      'never-sent',
      'session-discarded',
      `${device} connected with Clean Start ${ago(ended.ageMs)}, which ended its session and the subscriptions; it has not subscribed again.`,
    )
  return say(
    'never-sent',
    'no-subscription',
    `None of ${device}'s ${count(session.subscriptions, 'subscription')} matches '${topic}'.`,
  )
}

export const noLocal: Rule = (world) => {
  const { device, publisher } = world.asked
  const by = publisher ?? world.publication?.publisher ?? null
  const matching = matchingOf(world)
  if (by !== device || matching.length === 0 || !matching.every((one) => one.noLocal)) return null
  return say(
    'never-sent',
    'no-local',
    `${device} published it itself, and subscribed with No Local to '${matching[0]?.filter}'.`,
  )
}

/** The session has the subscription, and a leaf, a wide actor or a region that sends to it does not know. */
export const notRegistered: Rule = (world) => {
  const { asked, receiverHome, topicHome } = world
  const here = world.at(receiverHome)?.facts ?? null
  const home = world.at(topicHome)?.facts ?? null
  const matching = matchingOf(world)
  if (here === null || matching.length === 0) return null
  const narrow = matching.filter(({ filter }) => rootOfSubscription(filter) !== null)
  const wide = matching.filter(({ filter }) => rootOfSubscription(filter) === null)
  const { leaf, wide: filters } = here
  // An actor that does not answer may know the subscription.
  if ((narrow.length > 0 && leaf.facts === null) || (wide.length > 0 && filters.facts === null)) return null
  const known = (one: Matching) =>
    rootOfSubscription(one.filter) === null
      ? filters.facts?.filters.some(({ filter }) => filter === one.filter)
      : leaf.facts?.subscribed.includes(one.filter)
  const registered = matching.filter((one) => one.registered && known(one))
  if (registered.length === 0)
    return say(
      'never-sent',
      'subscription-not-registered',
      `${asked.device}'s subscription to '${matching[0]?.filter}' is not known yet where the topic's messages are given out in ${receiverHome}.`,
    )
  const unsettled = filters.facts?.filters.filter(({ settled }) => !settled) ?? []
  if (registered.every(({ filter }) => unsettled.some((one) => one.filter === filter)))
    return say(
      'never-sent',
      'wide-not-settled',
      `The other regions do not all know '${registered[0]?.filter}' yet: what is published there passes ${asked.device} by.`,
    )
  if (topicHome === null || topicHome === receiverHome || home === null) return null
  const byLeaf = home.leaf.facts?.interested.includes(receiverHome as RegionId) ?? true
  const byWide = home.wide.facts?.wanting.includes(receiverHome as RegionId) ?? true
  const sent = registered.some(({ filter }) => (rootOfSubscription(filter) === null ? byWide : byLeaf))
  return sent
    ? null
    : say(
        'never-sent',
        'interest-not-registered',
        `${topicHome}, the home of the topic, does not know yet that ${receiverHome} wants its messages.`,
      )
}

/** The message waits in an outbox between regions. */
export const underWay: Rule = (world) => {
  const { receiverHome, topicHome, waiting, asked } = world
  const meant = waiting.filter(
    ({ from, lane }) =>
      lane.ofTopic > 0 && (lane.kind === 'home' || (lane.region === receiverHome && from === topicHome)),
  )
  const waits = meant.find(({ lane }) => lane.failingMs !== null) ?? meant[0]
  if (waits === undefined) return null
  if (waits.lane.failingMs === null)
    return say('waiting', 'on-its-way', `It is on its way: ${waitingIn(waits)}.`)
  const to = waits.lane.region
  if (world.coreProblem !== null || to === null)
    return say(
      'waiting',
      'core-unreachable',
      `The core is not reached from ${waits.from}: ${waitingIn(waits)}.`,
    )
  return waits.lane.kind !== 'home'
    ? say(
        'waiting',
        'receiver-region-unreachable',
        `${to}, where ${asked.device} is at home, was not reached: ${waitingIn(waits)}.`,
      )
    : say(
        'waiting',
        'home-unreachable',
        `${to}, the home of '${asked.topic}', was not reached: ${waitingIn(waits)}.`,
      )
}

/** The topic's home does not answer, and only the home sends the topic's messages. */
export const topicUnreachable: Rule = ({ regions, topicHome, asked, coreProblem }) => {
  const home = regions.find(({ region }) => region === topicHome)
  if (topicHome === null) return null
  if (home === undefined)
    return coreProblem === null
      ? null
      : say(
          'unknown',
          'core-unreachable',
          `The core was not reached; the home of '${asked.topic}' is ${topicHome}.`,
        )
  return home.facts !== null
    ? null
    : say(
        'waiting',
        'home-unreachable',
        `${topicHome}, the home of '${asked.topic}', does not answer: what is published elsewhere waits for it.`,
      )
}

/** The receiver's actor did not answer the leaf or wide actor that sends to it. */
export const backlogged: Rule = ({ regions, asked: { device } }) => {
  const found = regions.find(({ facts }) => facts?.leaf.facts?.backlogged === true)
  return found === undefined
    ? null
    : say(
        'waiting',
        'receiver-busy',
        `${device}'s actor did not answer; what is for it waits in ${found.region} and is tried again.`,
      )
}

/** One member of a shared subscription gets each message. */
export const otherMember: Rule = (world) => {
  const { asked, publication, regions } = world
  const matching = matchingOf(world)
  if (publication === null || !matching.every(({ filter }) => parseShared(filter) !== null)) return null
  const shares = regions.flatMap(({ facts }) => [
    ...(facts?.leaf.facts?.shares ?? []),
    ...(facts?.wide.facts?.shares ?? []),
  ])
  const other = shares.find(({ last }) => last !== null && last !== asked.device)?.last
  return say(
    'never-sent',
    'shared-other-member',
    `${asked.device} shares '${matching[0]?.filter}' with others, and ${other ?? 'another member'} got the message.`,
  )
}

export const subscribedAfter: Rule = (world) => {
  const { publication, asked, skewMs } = world
  const matching = matchingOf(world)
  if (publication === null || matching.length === 0) return null
  const since = Math.max(...matching.map(({ ageMs }) => ageMs ?? Number.POSITIVE_INFINITY))
  const wide = matching.some(({ filter }) => rootOfSubscription(filter) === null)
  const wasSent = wide || publication.passed === null || isFor(publication.passed, world)
  if (wasSent && since + skewMs >= publication.ageMs) return null
  const when = Number.isFinite(since) ? ` ${ago(since)}` : ''
  return say(
    'never-sent',
    'subscribed-after',
    `It was published ${ago(publication.ageMs)} and not retained; ${asked.device} subscribed to '${matching[0]?.filter}' after that${when}.`,
  )
}

/** A QoS 0 message to a client that is away is dropped. */
export const away: Rule = (world) => {
  const { publication, receiver, asked } = world
  const session = receiver?.session ?? null
  if (publication === null || session === null || session.connected) return null
  const qos = Math.min(publication.qos, Math.max(0, ...matchingOf(world).map((one) => one.qos)))
  return qos > 0
    ? null
    : say('dropped', 'qos-0-away', `${asked.device} is away, and QoS 0 does not wait for anybody.`)
}

export const queued: Rule = (world) => {
  const session = world.receiver?.session ?? null
  if (session === null || session.queue.ofTopic === 0 || world.asked.trace !== null) return null
  const { ofTopic, expired } = session.queue
  if (ofTopic === expired)
    return say(
      'dropped',
      'expired',
      `${count(expired, 'message')} of '${world.asked.topic}' expired in ${world.asked.device}'s queue.`,
    )
  return session.connected ? unacknowledged(world, session, 'some time ago') : offlineQueued(world, session)
}

/** The home is moving, or began without the state of an unreachable former home. */
export const failingOver: Rule = ({ receiver, regions, asked: { device, topic } }) => {
  const leaf = regions.find(({ facts }) => facts?.leaf.facts?.mayHearLate || facts?.leaf.facts?.moving)
  if (receiver?.mayHearLate !== true && leaf === undefined) return null
  const what = receiver?.mayHearLate === true ? device : `'${topic}'`
  return say(
    'waiting',
    'fail-over',
    `${what} goes on without its former region: the messages that it had not synced arrive after newer ones, when it is back.`,
  )
}

function matchingOf(world: World): readonly Matching[] {
  return world.receiver?.session?.matching ?? []
}

function newestEnding(receiver: ReceiverFacts | null) {
  return receiver?.lost
    .filter(({ why }) => why !== 'expired' && why !== 'too-large')
    .sort((a, b) => a.ageMs - b.ageMs)[0]
}

function isFor({ toReceiver, toRegions }: LeafFacts['passed'][number], world: World): boolean {
  return toReceiver || (world.receiverHome !== null && toRegions.includes(world.receiverHome))
}

function waitingIn({ from, lane }: Waiting): string {
  const failing = lane.failingMs === null ? '' : `, not reached since ${lasting(lane.failingMs)}`
  return `the outbox of ${from} holds ${count(lane.messages, 'message')}, the oldest for ${lasting(lane.oldestMs)}${failing}`
}
