// Performs a session's effects in order. Effects that arise from a performed effect are performed after those that wait.
import type { ServerPacket } from '../../../src/mqtt/packet.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { deliveryBytes } from '../../../src/session/delivery.ts'
import type { Effect, SubscribeEffect } from '../../../src/session/effect.ts'
import { QUEUE_MEMORY_BYTES_MAX } from '../../../src/session/limits.ts'
import type { Session } from '../../../src/session/session.ts'
import { memoryOf } from '../../memory-budget.ts'
import type { Platform } from '../../platform.ts'
import type { AttachmentWriter } from '../connection/attachment-writer.ts'
import type { DeviceState } from '../device-state.ts'
import type { DeviceFacts } from '../explain/device-facts.ts'
import type { LastWill } from './last-will.ts'
import { MovableTimer } from './movable-timer.ts'
import type { OpenDeliveries } from './open-deliveries.ts'
import type { Publisher } from './publisher.ts'
import { RequestTurns } from './request-turns.ts'
import type { SessionStore } from './session-store.ts'
import type { SessionWriter } from './session-writer.ts'

/** The parts of a device that effects work on. */
export interface EffectPorts {
  readonly store: SessionStore
  readonly writer: SessionWriter
  readonly facts: DeviceFacts
  readonly attachmentWriter: AttachmentWriter
  readonly publisher: Publisher
  readonly will: LastWill
  readonly deliveries: OpenDeliveries
  readonly state: DeviceState
  reply(packet: ServerPacket): void
  close(reason: ReasonCode | null): void
  /** A message at QoS 0 was dropped: the client does not read. */
  stalled(): void
  subscribe(session: Session, effect: Extract<Effect, { do: 'subscribe' }>): Promise<void>
  unsubscribe(session: Session, effect: Extract<Effect, { do: 'unsubscribe' }>): Promise<void>
}

interface Undone {
  readonly effect: Effect
  readonly session: Session | null
  readonly pending: Promise<void>[]
}

export class EffectPerformer {
  private readonly platform: Platform
  private readonly device: EffectPorts
  private readonly wake: MovableTimer
  private readonly turns: RequestTurns
  private readonly undone: Undone[] = []
  private busy = false

  constructor(platform: Platform, device: EffectPorts) {
    this.platform = platform
    this.device = device
    this.turns = new RequestTurns(platform)
    this.wake = new MovableTimer(platform, () => {
      const { session } = device.state
      if (session !== null)
        this.perform(session.step({ type: 'ack-wait-over', now: platform.now() }), session)
    })
  }

  /**
   * @param session whose effects they are
   * @returns a promise for each publish and subscribe among them, which resolves with its outcome. A call from inside another
   * call returns an empty array, which the outer call fills
   */
  perform(effects: readonly Effect[], session: Session | null): readonly Promise<void>[] {
    const pending: Promise<void>[] = []
    for (const effect of effects) this.undone.push({ effect, session, pending })
    if (this.busy) return pending
    this.busy = true
    try {
      for (let next = this.undone.shift(); next !== undefined; next = this.undone.shift()) {
        const more = this.performOne(next.effect, next.session)
        if (more !== null)
          next.pending.push(more.catch((cause) => this.platform.report('an effect failed', cause)))
      }
    } finally {
      this.busy = false
      memoryOf(this.platform).client.set(this.device.state.session?.heldBytes ?? 0)
    }
    return pending
  }

  /**
   * @param session whose effect it is; by now another session may have replaced it
   * @returns resolves when a publish or subscribe has its outcome; null for an effect that is performed at once
   */
  private performOne(effect: Effect, session: Session | null): Promise<void> | null {
    const { device, platform } = this
    const { live } = device.state
    const current = session !== null && device.state.has(session)
    switch (effect.do) {
      case 'send': {
        const sent = live?.publish(effect.delivery, effect.packetId, effect.dup, platform.now()) ?? 'sent'
        if (sent === 'no-room') device.stalled()
        if (sent === 'unsendable') device.facts.unsent(effect.delivery)
        if (sent === 'unsendable' && effect.packetId > 0 && current) {
          this.perform(session.step({ type: 'skipped', packetId: effect.packetId }), session)
        }
        device.attachmentWriter.plan()
        return null
      }
      case 'outcome':
        device.deliveries.settle(effect.number, effect.outcome)
        return null
      case 'store': {
        device.writer.perform(effect, current ? session : null)
        const last = effect.entries.at(-1)?.position
        for (const number of effect.numbers) device.deliveries.settle(number, 'stored', last)
        return null
      }
      case 'forget':
      case 'sent-up-to':
      case 'release':
      case 'complete':
      case 'received':
      case 'dismissed':
        device.writer.perform(effect, current ? session : null)
        return null
      case 'pubrel':
        device.reply({ type: 'pubrel', packetId: effect.packetId, reason: Reason.Success, properties: {} })
        return null
      case 'refill':
        if (current) {
          device.writer.behind.flush()
          const rows = device.store.queuedInto(effect.after, QUEUE_MEMORY_BYTES_MAX, effect.limit)
          // Fewer rows than the limit are the last, unless their bytes were the bound.
          const isFull =
            rows.reduce((sum, one) => sum + deliveryBytes(one.delivery), 0) >= QUEUE_MEMORY_BYTES_MAX
          const limit = isFull ? rows.length : effect.limit
          this.perform(session.step({ type: 'refill', rows, limit, now: platform.now() }), session)
        }
        return null
      case 'drop-oldest':
        if (current) {
          device.writer.behind.flush()
          const rows = device.store.oldest(effect)
          this.perform(session.step({ type: 'dropped', asked: effect, rows }), session)
        }
        return null
      case 'dropped':
        device.facts.queueDropped(effect.deliveries)
        return null
      case 'wake':
        this.wake.at(effect.at)
        return null
      case 'reply':
        device.reply(effect.packet)
        return null
      case 'close':
        device.close(effect.reason)
        return null
      case 'discard-will':
        device.will.discard()
        return null
      case 'publish':
        return device.publisher.publish(device.writer.named(effect, live, session)).then(async (reason) => {
          if (effect.number === 0 || session === null || !device.state.has(session)) return
          const effects = session.step({ type: 'published', number: effect.number, reason })
          // Packets that waited may follow: the actor must not hibernate before they are done.
          await Promise.all(this.perform(effects, session))
        })
      case 'subscribe':
        return current
          ? this.inTurn(session, retainedBefore(device, effect), () => device.subscribe(session, effect))
          : null
      case 'unsubscribe':
        return current ? this.inTurn(session, null, () => device.unsubscribe(session, effect)) : null
      default:
        return effect satisfies never
    }
  }

  private inTurn(
    session: Session,
    before: Promise<unknown> | null,
    begin: () => Promise<void>,
  ): Promise<void> {
    // Another session may replace this one while the request waits.
    return this.turns.take(before, async () => {
      if (this.device.state.has(session)) await begin()
    })
  }
}

/** What a SUBSCRIBE waits for. */
function retainedBefore({ publisher }: EffectPorts, { items }: SubscribeEffect): Promise<unknown> | null {
  return publisher.retainedBefore(items.map(({ subscription }) => subscription.filter))
}
