// A leaf's facts about one receiver and one topic, for `explain`.
import type { ClientId } from '../../src/id/ids.ts'
import { topicNames } from '../../src/id/shadow-topic.ts'
import { matches, parseShared, plainFilter } from '../../src/mqtt/topic.ts'
import type { ExplainAsked, LeafFacts } from '../../src/relay/explain.ts'
import type { Sharing } from '../leaf/delivery/sharing.ts'
import type { Subscribers } from '../leaf/delivery/subscribers.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { homeFacts } from './home-facts.ts'

export function leafFacts(leaf: Leaf, { device, topic, trace }: ExplainAsked, now: number): LeafFacts {
  const { home, subscribers, interests, retained, fanOut, sharing } = leaf
  const { recent } = leaf.local
  const mine = filtersOf(subscribers, device, topic)
  const interested = interests.all.filter(
    ({ plain, shares }) => plain || shares.some((share) => matches(plainFilter(share), topic)),
  )
  return {
    memoryMs: Math.max(0, now - recent.begun),
    home: homeFacts(home),
    moving: home.settled === null && home.knowledge.at !== 'unknown',
    mayHearLate: home.awaitsRemainder,
    subscribed: mine,
    interested: home.knowledge.at === 'here' ? interested.map(({ region }) => region) : [],
    retained: home.knowledge.at === 'here' && retained.one(topic) !== null,
    backlogged: fanOut.waitsFor(device),
    shares: sharesOf(mine, subscribers, sharing),
    passed: recent
      .of(topic, trace)
      .map(({ at, qos, trace: traced, publisher, retain, receivers, regions }) => ({
        ageMs: Math.max(0, now - at),
        qos,
        trace: traced,
        publisher,
        retain,
        toReceiver: receivers.some(({ client }) => client === device),
        toRegions: [...regions],
      })),
  }
}

/** A client's filters that match, of shared subscriptions too. */
export function filtersOf(subscribers: Subscribers, client: ClientId, topic: string): string[] {
  return subscribers.filters.filter(
    (filter) =>
      topicNames(topic).some((name) => matches(plainFilter(filter), name)) && subscribers.has(client, filter),
  )
}

/** The member that last got a message of each of these shared subscriptions in this region. */
export function sharesOf(
  filters: readonly string[],
  subscribers: Subscribers,
  sharing: Sharing,
): LeafFacts['shares'] {
  return filters
    .filter((filter) => parseShared(filter) !== null)
    .map((share) => ({
      share,
      members: subscribers.members(share).length,
      last: sharing.takers.get(share) ?? null,
    }))
}
