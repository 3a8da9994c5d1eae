// A subscription that begins with history: first the stored messages of its filter, then live ones, none missing and none twice.
// The home answers up to where the store has its messages (a seam). Pages up to the seam are delivered until little is left. Then
// the filter is registered at its leaf, live messages are held, and the rest up to a last seam is delivered. Live messages carry
// the names under which they are stored, so a message that came as history is recognised.
import { parseInstant } from '../../../src/history/duration.ts'
import type { ClientId } from '../../../src/id/ids.ts'
import { decodeMessage, type Message } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { matches, rootOfSubscription } from '../../../src/mqtt/topic.ts'
import type { HistoryMessage, HistoryPlace, HistoryResponse } from '../../../src/relay/history.ts'
import { type Delivery, deliveryBytes } from '../../../src/session/delivery.ts'
import type { Effect } from '../../../src/session/effect.ts'
import type { Session } from '../../../src/session/session.ts'
import type { SubscribeItem, Subscription } from '../../../src/session/subscription.ts'
import { CoreUnreachable } from '../../core/core-client.ts'
import {
  REPLAY_HOLD_MS_MAX,
  REPLAY_MESSAGES_MAX,
  REPLAY_PAGE_MESSAGES,
  REPLAY_ROUNDS_MAX,
} from '../../limits.ts'
import { type MemoryBudget, memoryOf } from '../../memory-budget.ts'
import type { Platform } from '../../platform.ts'
import type { Live } from '../connection/live.ts'
import type { DeviceState } from '../device-state.ts'
import type { Registrar } from '../session/registrar.ts'
import type { Subscribed } from '../session/subscription-requests.ts'
import { clientHasRoom } from './client-room.ts'
import { withTime } from './replay-properties.ts'

type Subscribe = Extract<Effect, { do: 'subscribe' }>

/** Delivers a message of the history to the session; resolves with its outcome. */
type Deliver = (delivery: Delivery) => Promise<Outcome>

interface Held {
  readonly name: string | null
  readonly settle: (outcome: Outcome) => void
  readonly accept: () => void
  readonly bytes: number
}

interface Run {
  readonly item: SubscribeItem
  readonly session: Session
  readonly live: Live
  readonly from: number
  /** Names of messages that were delivered. */
  readonly given: Set<string>
  /** Live messages that wait for the rest of the history; null if they need not wait. */
  held: Held[] | null
  after: HistoryPlace | null
  count: number
}

export class HistoryReplay {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly registrar: Registrar
  private readonly state: DeviceState
  private readonly deliver: Deliver
  private readonly memory: MemoryBudget['messages']
  private readonly runs = new Set<Run>()

  constructor(
    platform: Platform,
    client: ClientId,
    registrar: Registrar,
    state: DeviceState,
    deliver: Deliver,
  ) {
    this.platform = platform
    this.client = client
    this.registrar = registrar
    this.state = state
    this.deliver = deliver
    this.memory = memoryOf(platform).messages
  }

  /** A live message: accepted at once, or after the history, or not at all if it was delivered as history. */
  take(delivery: Delivery, settle: (outcome: Outcome) => void, accept: () => void): void {
    const { message } = delivery
    const name = nameOf(message.kept)
    for (const run of this.runs) {
      if (!matches(run.item.subscription.filter, message.topic)) continue
      if (run.held !== null) {
        const bytes = deliveryBytes(delivery)
        if (this.memory.take(bytes)) run.held.push({ name, settle, accept, bytes })
        // No memory: the replay ends, and with it the wait, as when it takes too long.
        else {
          this.end(run)
          accept()
        }
        return
      }
      if (name === null) continue
      if (run.given.has(name)) {
        settle(Reason.Success)
        return
      }
      run.given.add(name)
    }
    accept()
  }

  /** @param register subscribes the filters that are not refused at their leaves */
  async subscribe(
    session: Session,
    effect: Subscribe,
    register: (effect: Subscribe) => Promise<Subscribed>,
  ): Promise<Subscribed> {
    const { live } = this.state
    const wanted = effect.items.filter(({ from, refused }) => from !== undefined && refused === null)
    if (wanted.length === 0 || live === null) return register(effect)
    const failed = new Map<SubscribeItem, ReasonCode>()
    const runs = wanted.map((item) => this.begin(item, session, live))
    const each = async (work: (run: Run) => Promise<ReasonCode | null>) => {
      for (const run of runs) {
        const reason = failed.has(run.item) ? null : await work(run)
        if (reason !== null) failed.set(run.item, reason)
      }
    }
    let cancel: () => void = () => undefined
    try {
      await each((run) => this.catchUp(run))
      await each(async (run) => (this.isOff(run) ? Reason.ImplementationSpecificError : null))
      for (const run of runs) if (!failed.has(run.item)) run.held = []
      cancel = this.platform.after(REPLAY_HOLD_MS_MAX, () => {
        for (const run of runs) this.end(run)
      })
      const items = effect.items.map((item) => ({ ...item, refused: failed.get(item) ?? item.refused }))
      const subscribed = await register({ ...effect, items })
      effect.items.forEach((item, i) => {
        const reason = subscribed.reasons[i] ?? Reason.UnspecifiedError
        if (isFailure(reason)) failed.set(item, reason)
      })
      await each((run) => this.finish(run))
      const reasons = subscribed.reasons.map((reason, i) => {
        const item = effect.items[i]
        return (item === undefined ? undefined : failed.get(item)) ?? reason
      })
      const off = runs.find((run) => failed.has(run.item) && this.isOff(run))
      return { ...subscribed, reasons, ...(off !== undefined && { said: historyOff(off) }) }
    } finally {
      cancel()
      for (const run of runs) this.end(run)
    }
  }

  private begin(item: SubscribeItem, session: Session, live: Live): Run {
    const from = parseInstant(item.from ?? '', this.platform.now()) ?? 0
    const run = { item, session, live, from, given: new Set<string>(), held: null, after: null, count: 0 }
    this.runs.add(run)
    return run
  }

  /** Accepts the held messages, except those that were delivered as history. */
  private end(run: Run): void {
    if (!this.runs.delete(run)) return
    for (const { name, settle, accept, bytes } of run.held ?? []) {
      this.memory.give(bytes)
      if (name !== null && run.given.has(name)) settle(Reason.Success)
      else accept()
    }
  }

  /** Delivers the history, except what is stored in the meantime. */
  private async catchUp(run: Run): Promise<ReasonCode | null> {
    for (let round = 0; round < REPLAY_ROUNDS_MAX; round++) {
      const before = run.count
      const failed = await this.round(run)
      if (failed !== null || run.count - before < REPLAY_PAGE_MESSAGES) return failed
    }
    return null
  }

  /** Whether the setting HISTORY chooses no topic of the filter. What was stored before a change of the setting is still delivered. */
  private isOff({ item, count }: Run): boolean {
    return count === 0 && !this.platform.settings.history.mayKeep(item.subscription.filter)
  }

  /** Delivers the rest, once the leaf has the filter. If that fails, a new subscription is withdrawn. */
  private async finish(run: Run): Promise<ReasonCode | null> {
    const failed = await this.round(run)
    const reason = failed ?? (this.runs.has(run) ? null : Reason.ImplementationSpecificError)
    if (reason !== null && run.item.isNew)
      await this.registrar.unsubscribe(run.session.id, [run.item.subscription.filter])
    return reason
  }

  /** Delivers the messages that are stored by now. */
  private async round(run: Run): Promise<ReasonCode | null> {
    let seam: HistoryPlace | 'ask' | 'none' = 'ask'
    for (;;) {
      const page = await this.page(run, seam)
      if (page === null || page.status === 'unreachable') return Reason.ImplementationSpecificError
      for (const message of page.messages) {
        if (!(await this.hasRoom(run))) return Reason.UnspecifiedError
        this.give(run, message)
      }
      const last = page.messages.at(-1)
      if (page.next === null) {
        // A message that is stored later has a later time and a higher number.
        if (page.seam !== null && page.seam.number > 0) run.after = page.seam
        else if (last !== undefined) run.after = last
        return null
      }
      if (run.count >= REPLAY_MESSAGES_MAX) return Reason.QuotaExceeded
      run.after = page.next
      seam = page.seam ?? 'none'
    }
  }

  private async page(run: Run, seam: HistoryPlace | 'ask' | 'none'): Promise<HistoryResponse | null> {
    const { filter } = run.item.subscription
    const root = rootOfSubscription(filter)
    if (root === null) return null
    const { fleet, region, core } = this.platform
    const after = run.after && { at: run.after.at, epoch: run.after.epoch, number: run.after.number }
    try {
      return await core.history({
        ...{ fleet, root, region, filter, after, seam, from: run.from, to: Number.MAX_SAFE_INTEGER },
        order: 'oldest',
        limit: REPLAY_PAGE_MESSAGES,
      })
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) throw cause
      this.platform.report(`the history of ${root} was not read`, cause)
      return null
    }
  }

  private give(run: Run, kept: HistoryMessage): void {
    const name = nameOf(kept) ?? ''
    if (run.given.has(name)) return
    run.given.add(name)
    run.count++
    const { subscription } = run.item
    if (subscription.noLocal && kept.publisher === this.client) return // [MQTT-3.8.3-3]
    void this.deliver(deliveryOf(subscription, kept))
  }

  private hasRoom({ session, live }: Run): Promise<boolean> {
    return clientHasRoom(this.platform, this.state, session, live)
  }
}

function historyOff({ item }: Run): string {
  return `the setting HISTORY chooses no topic that matches ${item.subscription.filter}: it has no history`
}

function nameOf(kept: { readonly epoch: number; readonly number: number } | undefined): string | null {
  return kept === undefined ? null : `${kept.epoch} ${kept.number}`
}

function deliveryOf(subscription: Subscription, kept: HistoryMessage): Delivery {
  const { topic, qos, retain, properties, payload } = decodeMessage(kept.record)
  const message: Message = {
    topic,
    qos,
    retain,
    properties: withTime(properties, kept),
    payload,
    expiresAt: 0,
  }
  return {
    qos: subscription.qos < qos ? subscription.qos : qos, // [MQTT-3.8.4-8]
    retain: subscription.retainAsPublished && retain,
    identifiers: subscription.identifier > 0 ? [subscription.identifier] : [],
    share: null,
    message,
  }
}
