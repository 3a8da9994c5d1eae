// A client's recent messages, in memory, and its state: the answer to `explain`, which asks why a message arrived or did not.
import { topicNames } from '../../../src/id/shadow-topic.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import { isFailure, Reason } from '../../../src/mqtt/reason.ts'
import { matches, plainFilter } from '../../../src/mqtt/topic.ts'
import type { ExplainAsked, Fate, PublisherFacts, ReceiverFacts } from '../../../src/relay/explain.ts'
import type { Delivery, DeliveryOutcome } from '../../../src/session/delivery.ts'
import type { Effect } from '../../../src/session/effect.ts'
import { QUEUE_BYTES_MAX } from '../../../src/session/limits.ts'
import type { Session } from '../../../src/session/session.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import { homeFacts } from '../../explain/home-facts.ts'
import { type Passed, Recent, traceOf } from '../../explain/recent.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import { EXPLAIN_LOOK_MAX, SUBSCRIBED_AT_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import type { DeviceState } from '../device-state.ts'
import type { Presence } from '../presence/presence.ts'
import { ALL_TOPICS, DroppedMessages, type Why } from '../session/dropped-messages.ts'
import type { SessionStore } from '../session/session-store.ts'

/** Why a session ended. */
export type Ending = Exclude<Why, 'expired' | 'too-large' | 'queue-full'>

interface Received extends Passed {
  fate: Fate
}

interface Published extends Passed {
  /** Null while it is under way. */
  reason: number | null
}

export class DeviceFacts {
  private readonly platform: Platform
  private readonly store: SessionStore
  private readonly leaf: Leaf
  private readonly presence: Presence
  private readonly state: DeviceState
  private readonly received: Recent<Received>
  private readonly sent: Recent<Published>
  private readonly lost: DroppedMessages
  private readonly subscribedAt = new Map<string, number>()
  /** The filters of the last session that ended since this memory began; null if none has. */
  private endedWith: readonly string[] | null = null
  private takenOverAt: number | null = null

  constructor(platform: Platform, store: SessionStore, leaf: Leaf, presence: Presence, state: DeviceState) {
    this.platform = platform
    this.store = store
    this.leaf = leaf
    this.presence = presence
    this.state = state
    this.received = new Recent(platform.now())
    this.sent = new Recent(platform.now())
    this.lost = new DroppedMessages(platform)
  }

  // Events -----------------------------------------------------------------------------------------------------------

  /** A delivery is passed to the session. @returns a function that gets its outcome */
  delivering(session: Session, { qos, message }: Delivery, now: number): (outcome: DeliveryOutcome) => void {
    const one: Received = { at: now, qos, trace: traceOf(message.properties), fate: 'open' }
    this.received.note(message.topic, one)
    const { online } = session.outgoing
    return (outcome) => {
      if (one.fate === 'open') one.fate = fateOf(outcome, qos, online, session.persistent)
    }
  }

  /** The client's own publish. The caller sets its `reason` later. */
  publishing({ topic, qos, properties }: Message): Published {
    const one: Published = { at: this.platform.now(), qos, trace: traceOf(properties), reason: null }
    this.sent.note(topic, one)
    return one
  }

  /** A delivery was dropped instead of sent: it exceeds the client's Maximum Packet Size, or has expired. */
  unsent({ qos, message }: Delivery): void {
    const { expiresAt, topic } = message
    const why = expiresAt > 0 && expiresAt <= this.platform.now() ? 'expired' : 'too-large'
    const ones = this.received.of(topic, null)
    const last = ones.findLast(
      ({ fate }) => fate === 'open' || fate === (qos === 0 ? 'sent' : 'acknowledged'),
    )
    const one = ones.at(-1) === last ? last : (ones.find(({ fate }) => fate === 'stored') ?? last)
    if (one !== undefined) one.fate = why
    this.lost.note(why, topic, 1, qos > 0 && this.state.session?.persistent === true)
  }

  /** These deliveries expired in the queue. */
  expired(rows: readonly StoredDelivery[]): void {
    const persistent = this.state.session?.persistent === true
    for (const { delivery } of rows) {
      const { topic } = delivery.message
      const one = this.received.of(topic, null).find(({ fate }) => fate === 'stored')
      if (one !== undefined) one.fate = 'expired'
      this.lost.note('expired', topic, 1, persistent)
    }
  }

  /** The oldest of a full queue were dropped for newer ones. */
  queueDropped(deliveries: readonly Delivery[]): void {
    const persistent = this.state.session?.persistent === true
    for (const { message } of deliveries) {
      // Without a trace the memory cannot tell the dropped message from newer ones of its topic.
      const trace = traceOf(message.properties)
      const one = trace === null ? undefined : this.received.of(message.topic, trace)[0]
      if (one !== undefined) one.fate = 'queue-full'
      this.lost.note('queue-full', message.topic, 1, persistent)
    }
    this.lost.noteDropped(deliveries.length, persistent)
  }

  /** Messages that the session's full queue has dropped. */
  get dropped(): number {
    return this.lost.dropped
  }

  subscribed({ items }: Extract<Effect, { do: 'subscribe' }>, reasons: readonly number[]): void {
    items.forEach(({ subscription: { filter }, isNew }, i) => {
      if (!isNew || isFailure(reasons[i] ?? Reason.UnspecifiedError)) return
      this.subscribedAt.delete(filter)
      const [oldest] = this.subscribedAt.keys()
      if (this.subscribedAt.size >= SUBSCRIBED_AT_MAX && oldest !== undefined)
        this.subscribedAt.delete(oldest)
      this.subscribedAt.set(filter, this.platform.now())
    })
  }

  /** The connection is closed since a newer one takes the session over, here or in another region. */
  takenOver(): void {
    this.takenOverAt = this.platform.now()
  }

  /** A session ends. A session that ends with its connection writes nothing. */
  sessionEnds(session: Session, why: Ending): void {
    const { storedMessages } = session.outgoing.snapshot()
    const stored = session.persistent && (why === 'session-expired' || storedMessages > 0)
    this.lost.note(why, ALL_TOPICS, storedMessages, stored)
    this.lost.sessionEnded()
    this.endedWith = [...session.subscriptions.keys()]
    this.subscribedAt.clear()
  }

  // Answers ----------------------------------------------------------------------------------------------------------

  receiver({ topic, trace }: ExplainAsked): ReceiverFacts {
    const now = this.platform.now()
    const ageMs = (at: number) => Math.max(0, now - at)
    const { session } = this.state
    const wanted = (filters: readonly string[]) => filters.filter((filter) => isFor(filter, topic))
    return {
      memoryMs: ageMs(this.received.begun),
      home: homeFacts(this.leaf.home),
      mayHearLate: this.leaf.home.awaitsRemainder,
      presence: this.presence.last(),
      takenOverMs: this.takenOverAt === null ? null : ageMs(this.takenOverAt),
      session: session === null ? null : this.sessionFacts(session, topic, now),
      received: this.received
        .of(topic, trace)
        .map(({ at, qos, trace: traced, fate }) => ({ ageMs: ageMs(at), qos, trace: traced, fate })),
      lost: this.lost
        .of(topic)
        // An ended session that was not subscribed to the topic is not the cause.
        .filter(({ why }) => !isEnding(why) || this.endedWith === null || wanted(this.endedWith).length > 0)
        .map(({ why, messages, at }) => ({ why, messages, ageMs: ageMs(at) })),
    }
  }

  publisher({ topic, trace }: ExplainAsked): PublisherFacts {
    const now = this.platform.now()
    return {
      memoryMs: Math.max(0, now - this.received.begun),
      home: homeFacts(this.leaf.home),
      connected: this.state.live !== null,
      presence: this.presence.last(),
      published: this.sent.of(topic, trace).map(({ at, qos, trace: traced, reason }) => ({
        ageMs: Math.max(0, now - at),
        qos,
        trace: traced,
        reason,
      })),
    }
  }

  private sessionFacts(session: Session, topic: string, now: number): NonNullable<ReceiverFacts['session']> {
    const { live } = this.state
    const { outgoing } = session
    const { storedMessages, storedBytes } = outgoing.snapshot()
    const row = this.store.session()
    const unregistered = new Set(this.store.unregistered().map(({ filter }) => filter))
    const waiting = this.store
      .queued(0, Number.MAX_SAFE_INTEGER, EXPLAIN_LOOK_MAX)
      .filter(({ delivery }) => delivery.message.topic === topic)
    const hasExpired = ({ delivery: { message } }: StoredDelivery) =>
      message.expiresAt > 0 && message.expiresAt <= now
    return {
      connected: live !== null,
      disconnectedMs:
        row === null || row.disconnectedAt === null ? null : Math.max(0, now - row.disconnectedAt),
      expirySeconds: session.expirySeconds,
      subscriptions: session.subscriptions.size,
      matching: [...session.subscriptions.values()]
        .filter(({ filter }) => isFor(filter, topic))
        .map(({ filter, qos, noLocal }) => {
          const at = this.subscribedAt.get(filter)
          const ageMs = at === undefined ? null : Math.max(0, now - at)
          return { filter, qos, noLocal, registered: !unregistered.has(filter), ageMs }
        }),
      queue: {
        messages: storedMessages,
        bytes: storedBytes,
        full: storedMessages >= this.platform.settings.queue.messagesMax || storedBytes >= QUEUE_BYTES_MAX,
        ofTopic: waiting.length,
        expired: waiting.filter(hasExpired).length,
      },
      window:
        live === null
          ? null
          : {
              size: live.terms.outgoingWindow,
              free: Math.max(0, outgoing.free),
              inFlight: outgoing.inflightPacketIds.length,
            },
      maximumPacketSize: live?.terms.maximumPacketSize ?? null,
    }
  }
}

function isEnding(why: Why): why is Ending {
  return why !== 'expired' && why !== 'too-large' && why !== 'queue-full'
}

function isFor(filter: string, topic: string): boolean {
  return topicNames(topic).some((name) => matches(plainFilter(filter), name))
}

function fateOf(outcome: DeliveryOutcome, qos: number, online: boolean, persistent: boolean): Fate {
  switch (outcome) {
    case 'queue-full':
    case 'dropped':
      return 'queue-full'
    case 'client-away':
      return 'passed-on'
    case 'stored':
      return 'stored'
    case 'accepted':
      if (qos === 0) return online ? 'sent' : 'away'
      return persistent ? 'acknowledged' : 'sent'
    default:
      return outcome satisfies never
  }
}
