// Rules about this very message, from the memory of its receiver's actor and of its publisher's.
import { isFailure, Reason } from '../mqtt/reason.ts'
import type { Lost, ReceiverFacts } from '../relay/explain.ts'
import type { Decision } from './explanation.ts'
import { type Rule, say } from './rule.ts'
import { ago, code, count, lasting } from './wording.ts'
import type { World } from './world.ts'

type Session = NonNullable<ReceiverFacts['session']>

/** A takeover within this time explains why the holder of the older connection sees no message. */
const TAKEN_OVER_TOLD_MS = 5 * 60_000

/** The message has reached the receiver's actor. */
export const received: Rule = (world) => {
  const { receiver, publication, asked } = world
  const last = receiver?.received.at(-1)
  if (receiver === null || last === undefined) return null
  if (publication !== null && last.ageMs > publication.ageMs + world.skewMs) return null
  const { device } = asked
  const { session } = receiver
  const when = ago(last.ageMs)
  switch (last.fate) {
    case 'acknowledged':
      return delivered(world, last.ageMs, 'acknowledged', `${device} acknowledged it; it was sent ${when}.`)
    case 'sent':
      if (last.qos > 0 && session?.window?.free === 0) return windowFull(world, session)
      return last.qos === 0
        ? delivered(
            world,
            last.ageMs,
            'sent-qos-0',
            `It was sent to ${device} with QoS 0 ${when}, which nobody acknowledges.`,
          )
        : delivered(
            world,
            last.ageMs,
            'sent-unconfirmed',
            `It was sent to ${device} ${when}; of a session that ends with its connection no acknowledgement is kept.`,
          )
    case 'open':
      return session === null ? null : unacknowledged(world, session, when)
    case 'stored':
      return session === null ? null : stored(world, last.ageMs, session, when)
    case 'queue-full':
      return queueFull(world, session)
    case 'away':
      return say('dropped', 'qos-0-away', `${device} was away ${when}, and QoS 0 does not wait for anybody.`)
    case 'expired':
      return say(
        'dropped',
        'expired',
        `It reached ${device}'s session ${when} and expired before it was sent.`,
      )
    case 'too-large':
      return tooLarge(world, session)
    case 'passed-on':
      return say(
        'never-sent',
        'shared-other-member',
        `${device} was away ${when}, and another member of the shared subscription gets it.`,
      )
    default:
      return last.fate satisfies never
  }
}

/** The actor remembers, or has stored, a dropped message of this topic, and no newer message. */
export const lossKnown: Rule = (world) => {
  const { receiver, publication, asked } = world
  if (receiver === null || asked.trace !== null) return null
  const newest = receiver.lost
    .filter(({ why }) => why === 'expired' || why === 'too-large' || why === 'queue-full')
    .sort((a, b) => a.ageMs - b.ageMs)[0]
  if (newest === undefined || (publication !== null && newest.ageMs > publication.ageMs + world.skewMs))
    return null
  if (receiver.session !== null && receiver.session.queue.ofTopic > receiver.session.queue.expired)
    return null
  if (newest.why === 'too-large') return tooLarge(world, receiver.session)
  if (newest.why === 'queue-full') return queueDropped(world, newest)
  return say(
    'dropped',
    'expired',
    `It expired while it waited for ${asked.device}: ${count(newest.messages, 'message')} of this topic, the last ${ago(newest.ageMs)}.`,
  )
}

/** The publisher got a reason code for a failure. */
export const refusedPublish: Rule = (world) => {
  const { publication, receiver, asked, waiting } = world
  const reason = publication?.reason ?? null
  if (publication === null || reason === null || !isFailure(reason)) return null
  const who = publication.publisher ?? 'The publisher'
  const when = ago(publication.ageMs)
  if (reason === Reason.NotAuthorized)
    return say(
      'refused',
      'not-authorized',
      `${who} may not publish to '${asked.topic}': it got 0x87 ${when}.`,
    )
  if (reason === Reason.QuotaExceeded) {
    if (receiver?.session?.queue.full === true) return queueFull(world, receiver.session)
    const full = waiting.find(({ lane }) => lane.full)
    if (full !== undefined)
      return say(
        'refused',
        'outbox-full',
        `${full.from} holds all it may for ${full.lane.region ?? 'other regions'}: ${who} was answered 0x97 ${when}.`,
      )
  }
  return say(
    'refused',
    'publish-refused',
    `${who} was answered ${code(reason)} ${when}: not every receiver could have the message.`,
  )
}

export function windowFull({ asked: { device } }: World, { window }: Session): Decision {
  return say(
    'waiting',
    'receive-maximum',
    `${device} has ${count(window?.inFlight ?? 0, 'message')} that it does not acknowledge, as many as it takes at once: later messages wait.`,
  )
}

function queueDropped({ asked: { device } }: World, { messages, ageMs }: Lost): Decision {
  return say(
    'dropped',
    'queue-full',
    `${device}'s queue dropped messages, since it was full or an administrator emptied it: ${count(messages, 'message')} of this topic, the last ${ago(ageMs)}.`,
  )
}

/** A full queue drops its oldest, unless the deployment says that it refuses. */
export function queueFull(world: World, session: Session | null): Decision {
  const { device } = world.asked
  const dropped = world.receiver?.lost.find(({ why }) => why === 'queue-full')
  if (dropped !== undefined) return queueDropped(world, dropped)
  const held = session === null ? '' : ` (${count(session.queue.messages, 'message')})`
  return say('refused', 'queue-full', `${device}'s queue is full${held}: the publisher was answered 0x97.`)
}

/** The message is in flight, or waits for its turn. */
export function unacknowledged(world: World, session: Session, when: string): Decision {
  if (session.window?.free === 0) return windowFull(world, session)
  return say(
    'waiting',
    'not-acknowledged',
    `It was sent to ${world.asked.device} ${when}, which has not acknowledged it yet.`,
  )
}

export function offlineQueued({ asked: { device } }: World, session: Session): Decision {
  const since = session.disconnectedMs === null ? '' : ` since ${lasting(session.disconnectedMs)}`
  const { ofTopic, messages } = session.queue
  return say(
    'waiting',
    'offline-queued',
    `${device} is away${since}; its session waits, and holds ${ofTopic} of this topic among ${count(messages, 'message')}.`,
  )
}

function stored(world: World, ageMs: number, session: Session, when: string): Decision {
  const { device } = world.asked
  const { ofTopic, expired } = session.queue
  if (ofTopic > expired)
    return session.connected ? unacknowledged(world, session, when) : offlineQueued(world, session)
  if (expired > 0)
    return say(
      'dropped',
      'expired',
      `It was stored for ${device} ${when} and has expired while that is away.`,
    )
  return delivered(
    world,
    ageMs,
    'acknowledged',
    `It was stored for ${device} ${when}, which has acknowledged it since.`,
  )
}

function tooLarge({ asked: { device } }: World, session: Session | null): Decision {
  const bound = session?.maximumPacketSize ?? null
  const most = bound === null ? '' : ` of ${bound} bytes`
  return say(
    'dropped',
    'too-large',
    `It is larger than ${device}'s Maximum Packet Size${most}, so it was not sent.`,
  )
}

function delivered(
  { receiver, asked: { device } }: World,
  ageMs: number,
  cause: 'acknowledged' | 'sent-qos-0' | 'sent-unconfirmed',
  sentence: string,
): Decision {
  const takenOverMs = receiver?.takenOverMs ?? null
  if (takenOverMs === null || takenOverMs < ageMs || takenOverMs > TAKEN_OVER_TOLD_MS)
    return say('delivered', cause, sentence)
  return say(
    'delivered',
    'taken-over',
    `${sentence} That was on the connection that took over ${device}'s session ${ago(takenOverMs)}; the older one was closed with 0x8E.`,
  )
}
