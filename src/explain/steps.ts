// The actors that were asked and their answers, in the order in which a message passes them.
import type { RegionId } from '../id/ids.ts'
import type {
  LeafFacts,
  PublisherFacts,
  ReceiverFacts,
  RegionFacts,
  Said,
  UplinkFacts,
  WideFacts,
} from '../relay/explain.ts'
import type { Step } from './explanation.ts'
import { ago, code, count, lasting } from './wording.ts'
import type { Gathered } from './world.ts'

export function stepsOf({ region, here, core }: Gathered): Step[] {
  const { facts } = core
  const homes = facts?.homes ?? null
  const known =
    homes === null
      ? 'the directory did not answer'
      : `receiver at home in ${homes.receiver?.region ?? 'no region'}, topic in ${homes.topic?.region ?? 'no region'}`
  return [
    {
      region: null,
      part: 'core',
      said: facts === null ? '' : known,
      tookMs: core.tookMs,
      problem: core.problem,
    },
    ...regionSteps(region, here),
    ...(facts?.regions ?? []).flatMap((one): Step[] =>
      one.facts === null
        ? [{ region: one.region, part: 'region', said: '', tookMs: one.tookMs, problem: one.problem }]
        : regionSteps(one.region, one.facts),
    ),
  ]
}

function regionSteps(region: RegionId, facts: RegionFacts): Step[] {
  const step = <Facts>(part: Step['part'], said: Said<Facts>, tell: (facts: Facts) => string): Step => ({
    region,
    part,
    said: said.facts === null ? '' : tell(said.facts),
    tookMs: said.tookMs,
    problem: said.problem,
  })
  return [
    ...(facts.publisher === null ? [] : [step('publisher', facts.publisher, publisherSaid)]),
    step('topic', facts.leaf, leafSaid),
    step('uplink', facts.uplink, uplinkSaid),
    step('wide', facts.wide, wideSaid),
    step('receiver', facts.receiver, receiverSaid),
  ]
}

function publisherSaid({ connected, published, home }: PublisherFacts): string {
  const last = published.at(-1)
  const what =
    last === undefined
      ? 'no publish is remembered'
      : `published ${ago(last.ageMs)} with QoS ${last.qos}, ${last.reason === null ? 'under way' : `answered ${code(last.reason)}`}`
  return `${connected ? 'connected' : 'not connected'}${at(home)}, ${what}`
}

function leafSaid({ home, moving, subscribed, interested, passed, retained, backlogged }: LeafFacts): string {
  const last = passed.at(-1)
  return sentence([
    home.at === 'here' ? `home, epoch ${home.epoch}` : `not the home${at(home)}`,
    moving && 'moving',
    subscribed.length > 0 && `the receiver subscribed ${subscribed.join(', ')}`,
    interested.length > 0 && `sends to ${interested.join(', ')}`,
    retained && 'retains a message',
    backlogged && 'holds deliveries for the receiver',
    last !== undefined && `last message ${ago(last.ageMs)} by ${last.publisher}`,
  ])
}

function uplinkSaid({ lanes, outboxMessages }: UplinkFacts): string {
  const waits = lanes.map(({ kind, region, messages, oldestMs, failingMs }) => {
    const to = kind === 'home' ? `the home${region === null ? '' : ` in ${region}`}` : region
    const failing = failingMs === null ? '' : `, not reached since ${lasting(failingMs)}`
    return `${count(messages, 'message')} for ${to}, the oldest for ${lasting(oldestMs)}${failing}`
  })
  return sentence([
    waits.length === 0 ? 'nothing of the topic waits' : waits.join('; '),
    outboxMessages > 0 && `outbox ${outboxMessages}`,
  ])
}

function wideSaid({ filters, synced, wanting }: WideFacts): string {
  const mine = filters.map(({ filter, settled }) => `${filter}${settled ? '' : ' (not settled)'}`)
  return sentence([
    mine.length === 0 ? 'no wide filter of the receiver matches' : `the receiver has ${mine.join(', ')}`,
    !synced && 'the other regions are not known yet',
    wanting.length > 0 && `sends to ${wanting.join(', ')}`,
  ])
}

function receiverSaid({ home, session, presence, received, lost }: ReceiverFacts): string {
  const last = received.at(-1)
  return sentence([
    home.at !== 'here' && `not at home here${at(home)}`,
    session === null && 'no session',
    session !== null &&
      (session.connected ? 'connected' : `away${presence === null ? '' : ` since ${presence.at}`}`),
    session !== null && `${session.matching.length} of ${session.subscriptions} subscriptions match`,
    session !== null &&
      session.queue.messages > 0 &&
      `queue ${session.queue.messages}, ${session.queue.ofTopic} of the topic`,
    session?.window != null &&
      session.window.inFlight > 0 &&
      `${session.window.inFlight} of ${session.window.size} in flight`,
    last !== undefined && `last message ${ago(last.ageMs)}: ${last.fate}`,
    ...lost.map(({ why, messages, ageMs }) => `${why} ${ago(ageMs)}${messages > 0 ? ` (${messages})` : ''}`),
  ])
}

function at({ at: where, region }: LeafFacts['home']): string {
  return where === 'elsewhere' && region !== null ? `, that is ${region}` : ''
}

function sentence(parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => typeof part === 'string').join(', ')
}
