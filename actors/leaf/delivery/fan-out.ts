// From a leaf to the subscribers of its region: one courier each, and a backlog for those whose actors do not answer.

import type { ClientId } from '../../../src/id/ids.ts'
import { encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../../src/relay/batch.ts'
import { decodeDelivery, encodeDelivery } from '../../../src/session/delivery.ts'
import { Courier } from '../../calls/courier.ts'
import {
  BACKLOG_MESSAGES_MAX,
  BACKLOG_RETRY_MS,
  BACKLOG_RETRY_MS_MAX,
  FAN_OUT_COURIERS_MAX,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { deliveryFor, type Receiver } from './subscribers.ts'

/** How a delivery reaches a session: by a call to the client's actor, or directly where the leaf is that actor. */
export type DeliverCall = (client: ClientId, session: string, batch: Uint8Array) => Promise<Uint8Array>

export class FanOut {
  private readonly platform: Platform
  private readonly call: DeliverCall
  private readonly gone: (client: ClientId, session: string) => void
  private readonly orphaned: (share: string, message: Message) => Promise<void>
  private readonly couriers = new Map<string, Courier>()
  private readonly backlogged = new Set<string>()
  private backlogMessages = 0
  private tries = 0

  /**
   * @param gone a subscriber's session no longer exists
   * @param orphaned what was kept for it as a member of a group is for another; rejects where that cannot be now
   */
  constructor(
    platform: Platform,
    call: DeliverCall,
    gone: (client: ClientId, session: string) => void,
    orphaned: (share: string, message: Message) => Promise<void>,
  ) {
    this.platform = platform
    this.call = call
    this.gone = gone
    this.orphaned = orphaned
    for (const row of platform.storage.exec(
      'SELECT client, session, count(*) AS n FROM backlog GROUP BY client, session',
    )) {
      this.backlogged.add(keyOf(String(row.client) as ClientId, String(row.session)))
      this.backlogMessages += Number(row.n)
    }
    if (this.backlogMessages > 0) platform.wakeBy(platform.now() + BACKLOG_RETRY_MS)
  }

  /** The outcomes of a message, one for each who gets it. */
  spread(
    receivers: readonly Receiver[],
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
  ): Promise<Outcome>[] {
    const outcomes: Promise<Outcome>[] = []
    let renamed: { readonly message: Message; readonly record: Uint8Array } | null = null
    for (const receiver of receivers) {
      let sent = { message, record }
      if (receiver.topic !== message.topic) {
        renamed ??= renameTo(receiver.topic, message)
        sent = renamed
      }
      const delivery = deliveryFor(receiver, sent.message, publisher)
      if (delivery === null) continue
      outcomes.push(this.deliver(receiver.client, receiver.session, encodeDelivery(delivery, sent.record)))
    }
    return outcomes
  }

  /** The outcome of one delivery; Success when the receiver has it or it is stored for it, or exists no more. */
  async deliver(client: ClientId, session: string, delivery: Uint8Array): Promise<Outcome> {
    const outcome = await this.offer(client, session, delivery)
    return outcome === Outcome.NoSuchSession ? Reason.Success : outcome
  }

  /** As `deliver`, but says where there is no such session any more. */
  async offer(client: ClientId, session: string, delivery: Uint8Array): Promise<Outcome> {
    const key = keyOf(client, session)
    // What waits for the receiver goes first, so this waits behind it.
    if (this.backlogged.has(key)) return this.keep(client, session, [delivery])[0] ?? Reason.UnspecifiedError
    const outcome = await this.courier(client, session).post(delivery)
    if (outcome !== Outcome.NoSuchSession) return outcome
    this.gone(client, session)
    this.couriers.delete(key)
    return outcome
  }

  /** All that was sent to the session so far has its outcome. Rejects where that takes long. */
  async settled(client: ClientId, session: string): Promise<void> {
    const key = keyOf(client, session)
    await this.couriers.get(key)?.settled()
    if (this.backlogged.has(key)) throw new Error(`deliveries to ${client} still wait`)
  }

  /** Whether something waits here for a client whose actor did not answer. */
  waitsFor(client: ClientId): boolean {
    return [...this.backlogged].some((key) => (JSON.parse(key) as string[])[0] === client)
  }

  /** Tries again what waits for receivers that did not answer. */
  async retry(): Promise<void> {
    for (const key of this.backlogged) {
      const [client, session] = JSON.parse(key) as [ClientId, string]
      try {
        await this.retryOne(client, session)
        this.backlogged.delete(key)
        this.tries = 0
      } catch (cause) {
        this.platform.report(`deliveries to ${client} wait`, cause)
        const pause = Math.min(BACKLOG_RETRY_MS * 2 ** this.tries++, BACKLOG_RETRY_MS_MAX)
        this.platform.wakeBy(this.platform.now() + pause)
      }
    }
  }

  private async retryOne(client: ClientId, session: string): Promise<void> {
    const { storage } = this.platform
    for (;;) {
      const rows = storage.exec(
        'SELECT id, delivery FROM backlog WHERE client = ? AND session = ? ORDER BY id LIMIT 256',
        client,
        session,
      )
      if (rows.length === 0) return
      const batch = packBatch(rows.map((row) => new Uint8Array(row.delivery as ArrayBuffer)))
      const outcomes = await this.call(client, session, batch)
      if (outcomes.includes(Outcome.NoSuchSession)) this.gone(client, session)
      for (const [i, row] of rows.entries()) {
        if (outcomes[i] !== Outcome.NoSuchSession) continue
        const delivery = decodeDelivery(new Uint8Array(row.delivery as ArrayBuffer))
        if (delivery.share !== null) await this.orphaned(delivery.share.filter, delivery.message)
      }
      storage.exec(
        'DELETE FROM backlog WHERE client = ? AND session = ? AND id <= ?',
        client,
        session,
        Number(rows.at(-1)?.id),
      )
      this.backlogMessages -= rows.length
    }
  }

  private courier(client: ClientId, session: string): Courier {
    const key = keyOf(client, session)
    let courier = this.couriers.get(key)
    if (courier === undefined) {
      if (this.couriers.size >= FAN_OUT_COURIERS_MAX) this.sweep()
      courier = new Courier(this.platform, {
        // What is still to be posted when the receiver was given up goes behind what was kept for it.
        call: (batch) =>
          this.backlogged.has(key)
            ? Promise.resolve(Uint8Array.from(this.keep(client, session, unpackBatch(batch))))
            : this.call(client, session, batch),
        failed: (deliveries, cause) => {
          this.platform.report(`no answer from ${client}`, cause)
          return this.keep(client, session, deliveries)
        },
      })
      this.couriers.set(key, courier)
    }
    return courier
  }

  private keep(client: ClientId, session: string, deliveries: readonly Uint8Array[]): Outcome[] {
    this.backlogged.add(keyOf(client, session))
    this.platform.wakeBy(this.platform.now() + BACKLOG_RETRY_MS)
    return this.platform.storage.transaction(() =>
      deliveries.map((delivery) => {
        const decoded = decodeDelivery(delivery)
        const { qos, share, message } = decoded
        // An offer is for who is there; the one who made it has the message.
        if (share?.waits === false) return Outcome.ClientAway
        if (qos === 0) return Reason.Success
        if (this.backlogMessages >= BACKLOG_MESSAGES_MAX && message.owed === undefined)
          return Reason.QuotaExceeded
        this.backlogMessages++
        this.platform.storage.exec(
          'INSERT INTO backlog (client, session, delivery) VALUES (?, ?, ?)',
          client,
          session,
          // From now on it is acknowledged: its receiver takes it although its queue may be full by then.
          encodeDelivery({ ...decoded, message: { ...message, owed: 'new' } }),
        )
        // Its publisher waits for more than this region; it will hear that it cannot have that now.
        return message.global ? Reason.ImplementationSpecificError : Outcome.Stored
      }),
    )
  }

  /** Forgets the couriers that have nothing to do. */
  private sweep(): void {
    for (const [key, courier] of this.couriers) if (courier.idle) this.couriers.delete(key)
  }
}

/** A shadow's topic has one other name, under which a QoS 2 message is another one. */
function renameTo(topic: string, message: Message) {
  const { origin } = message
  const renamed = { ...message, topic, ...(origin !== undefined && { origin: `${origin} ${topic}` }) }
  return { message: renamed, record: encodeMessage(renamed) }
}

function keyOf(client: ClientId, session: string): string {
  return JSON.stringify([client, session])
}
