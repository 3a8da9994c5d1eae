// The home's part: messages in the order in which they are accepted, to all who want them.
import type { ClientId, RegionId, Root } from '../../../src/id/ids.ts'
import { isPresence } from '../../../src/id/root.ts'
import type { ShadowVerb } from '../../../src/id/shadow-topic.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { encodeRouted, type Routed } from '../../../src/relay/routed.ts'
import type { LateShadow } from '../../../src/relay/shadow.ts'
import { type Passed, Recent, traceOf } from '../../explain/recent.ts'
import type { Platform } from '../../platform.ts'
import type { FanOut } from '../delivery/fan-out.ts'
import { NOBODY, type Sharing } from '../delivery/sharing.ts'
import type { Receiver, Subscribers } from '../delivery/subscribers.ts'
import type { Home, HomeHere } from '../home/home.ts'
import type { Interests } from '../home/interests.ts'
import type { Uplinks } from '../links/uplinks.ts'
import type { WideLink } from '../links/wide-link.ts'
import { STORED, worst } from '../outcome.ts'
import type { StoreSync } from '../sync/store-sync.ts'
import { type History, withPlace } from './history.ts'
import type { Retained } from './retained.ts'
import type { Answered, Shadows } from './shadows.ts'

/** What the client whose root it is makes of a message first: it refuses it, or passes it on, perhaps changed. */
export type Heard =
  | { readonly refused: ReasonCode }
  /** `taken`: somebody was waiting for it, subscriber or not. */
  | { readonly message: Message; readonly taken: boolean }
/** What a leaf remembers of a message. */
export interface Accepted extends Passed {
  readonly publisher: ClientId
  readonly retain: boolean
  readonly receivers: readonly Receiver[]
  readonly regions: readonly RegionId[]
}

const NO_REGIONS: readonly RegionId[] = []

/** What of a leaf has a part in it. */
export interface Parts {
  readonly home: Home
  readonly subscribers: Subscribers
  readonly retained: Retained
  readonly shadows: Shadows
  readonly history: History
  readonly interests: Interests
  readonly fanOut: FanOut
  readonly sharing: Sharing
  readonly uplinks: Uplinks
  readonly wide: WideLink
  readonly syncing: StoreSync
  readonly hear: (publisher: ClientId, message: Message) => Heard | null
}

export class Acceptance {
  /** For `explain`. */
  readonly recent: Recent<Accepted>
  private readonly platform: Platform
  private readonly root: Root
  private readonly parts: Parts
  /** Topics that came from the home while a subscription waits for its retained messages, which are older. */
  private readonly overtaken = new Set<Set<string>>()

  constructor(platform: Platform, root: Root, parts: Parts) {
    this.platform = platform
    this.root = root
    this.parts = parts
    this.recent = new Recent(platform.now())
  }

  /** The outcome of each, in order. The order of all is that in which this is called. */
  accept(messages: readonly Routed[]): Promise<number[]> {
    return Promise.all(messages.map((routed) => this.acceptOne(routed)))
  }

  /** What the home has accepted, to the subscribers of this region. */
  deliverLocally(messages: readonly Routed[]): Promise<number[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) =>
        turn === null
          ? Promise.all(this.deliver(publisher, decodeMessage(record), record)).then(worst)
          : this.parts.sharing.take(publisher, record, turn),
      ),
    )
  }

  /** Notes in `topics` what comes until the work is done. */
  async noting<T>(topics: Set<string>, work: () => Promise<T>): Promise<T> {
    this.overtaken.add(topics)
    try {
      return await work()
    } finally {
      this.overtaken.delete(topics)
    }
  }

  /** What a former home had applied to shadows and nobody else knows of: as requests that come late. */
  async acceptLate(shadows: readonly LateShadow[]): Promise<void> {
    const requests = shadows.flatMap((one) => this.parts.shadows.requestsOf(one))
    await Promise.all(
      requests.map((message) => {
        const answered = this.parts.shadows.answer(message)
        if (answered === null) return null
        if (answered.error !== null)
          this.platform.report(`a late change of ${this.root}/${answered.path} was refused`, answered.error)
        return this.acceptRequest(NOBODY, message, encodeMessage(message), answered)
      }),
    )
  }

  /** A request that came by no topic, and so is not published; nor is its refusal. */
  async ask(path: string, verb: ShadowVerb, payload: Uint8Array): Promise<Answered> {
    const answered = this.parts.shadows.apply(path, verb, payload)
    if (answered.changed) await this.announce(answered)
    return answered
  }

  private async acceptOne({ publisher, record, turn }: Routed): Promise<number> {
    const { sharing, shadows, hear } = this.parts
    if (turn !== null) return sharing.give(publisher, record, turn)
    const message = decodeMessage(record)
    // What a home has accepted before is applied, and kept, already.
    const again = message.owed === 'again'
    const heard = again ? null : hear(publisher, message)
    if (heard !== null) {
      if ('refused' in heard) return heard.refused
      const outcome = await this.acceptMessage(publisher, heard.message, encodeMessage(heard.message))
      return heard.taken && outcome === Reason.NoMatchingSubscribers ? Reason.Success : outcome
    }
    const answered = again ? null : shadows.answer(message)
    if (answered !== null) return this.acceptRequest(publisher, message, record, answered)
    return this.acceptMessage(publisher, message, record)
  }

  private async acceptMessage(publisher: ClientId, message: Message, record: Uint8Array): Promise<number> {
    // Nobody is to get what the history cannot have: its publisher is told so, and tries again.
    if (this.parts.history.refuses(message)) return Reason.QuotaExceeded
    if (message.retain && message.owed !== 'again') {
      const kept = this.parts.retained.keep(message, (this.parts.home.knowledge as HomeHere).epoch)
      if (kept !== Reason.Success) return kept
    }
    return this.spread(publisher, message, record)
  }

  /** A message that is kept, if it is to be kept. It takes its place in the order at once. */
  async spread(publisher: ClientId, message: Message, record: Uint8Array): Promise<number> {
    const { wide, syncing } = this.parts
    const outcomes = this.pass(publisher, message, record)
    if (message.retain) {
      outcomes.push(Promise.resolve(STORED), wide.index())
      if (message.global) outcomes.push(syncing.outcome('retained', message.topic))
    }
    return worst(await Promise.all(outcomes))
  }

  /**
   * A request to a shadow, which by now is applied and stored. It is acknowledged when its answers are with their receivers,
   * or durable for them; one that cannot take an answer makes it no failure, since the shadow says the same at any time.
   */
  private async acceptRequest(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    answered: Answered,
  ): Promise<number> {
    const outcomes = this.pass(publisher, message, record)
    const announced = this.announce(answered)
    if (answered.changed) outcomes.push(Promise.resolve(STORED))
    if (message.global && answered.changed) outcomes.push(this.parts.syncing.outcome('shadow', answered.path))
    await announced
    const outcome = worst(await Promise.all(outcomes))
    return outcome === Reason.NoMatchingSubscribers ? Reason.Success : outcome
  }

  private async announce({ messages }: Answered): Promise<void> {
    await Promise.all(messages.flatMap((answer) => this.pass(NOBODY, answer, encodeMessage(answer))))
  }

  /** To all who want it, at once: here, in other regions, one member of each group, wide filters. */
  private pass(publisher: ClientId, message: Message, record: Uint8Array): Promise<number>[] {
    const { epoch } = this.parts.home.knowledge as HomeHere
    const { history, syncing } = this.parts
    const keeping = history.keep(publisher, message, record, epoch)
    if (keeping === null) return this.passOn(publisher, message, record, epoch)
    const { kept, stored } = keeping
    const placed = withPlace(message, kept)
    const outcomes = this.passOn(publisher, placed.message, placed.record, epoch)
    if (stored !== null) outcomes.push(stored.then(() => STORED))
    if (message.global) outcomes.push(syncing.outcome('history', kept.number))
    return outcomes
  }

  private passOn(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    epoch: number,
  ): Promise<number>[] {
    const { interests, uplinks, sharing, wide } = this.parts
    const { regions } = interests
    const outcomes = this.deliver(publisher, message, record, regions)
    for (const region of regions) {
      const to = { kind: 'region', region, epoch } as const
      outcomes.push(uplinks.post(this.root, to, encodeRouted(publisher, record)))
    }
    for (const share of sharing.matching(message.topic))
      outcomes.push(sharing.give(publisher, record, { share, mode: 'choose', without: [] }))
    const widely = wide.pass(publisher, record, isPresence(message.topic))
    if (widely !== null) outcomes.push(widely)
    return outcomes
  }

  /** @param regions where else it goes */
  private deliver(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    regions = NO_REGIONS,
  ): Promise<number>[] {
    const { topic, qos, retain, properties } = message
    for (const topics of this.overtaken) topics.add(topic)
    const receivers = this.parts.subscribers.receivers(topic)
    const at = this.platform.now()
    this.recent.note(topic, {
      at,
      qos,
      retain,
      trace: traceOf(properties),
      publisher,
      receivers,
      regions,
    })
    return this.parts.fanOut.spread(receivers, publisher, message, record)
  }
}
