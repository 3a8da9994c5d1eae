// From a leaf to the subscribers of its region: a courier for each session, and a backlog for sessions whose actors do not answer.
import type { ClientId } from '../../../src/id/ids.ts'
import { encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import { packBatch, unpackBatch } from '../../../src/relay/batch.ts'
import { inOnePiece, Pieces } from '../../../src/relay/pieces.ts'
import { type Delivery, decodeDelivery, deliveryHead, encodeDelivery } from '../../../src/session/delivery.ts'
import { Courier } from '../../calls/courier.ts'
import {
  BACKLOG_RETRY_MS,
  BACKLOG_RETRY_MS_MAX,
  FAN_OUT_COURIERS_MAX,
  SHARED_RECORD_BYTES_MIN,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { Backlog, type Destination } from './backlog.ts'
import { deliveryFor, type Receiver } from './subscribers.ts'

/** Delivers to a session: by a call to the client's actor, or directly if the leaf belongs to that actor. */
export type DeliverCall = (client: ClientId, session: string, batch: Uint8Array) => Promise<Uint8Array>

export class FanOut {
  private readonly platform: Platform
  private readonly call: DeliverCall
  private readonly gone: (client: ClientId, session: string) => void
  private readonly orphaned: (share: string, message: Message) => Promise<void>
  private readonly couriers = new Map<string, Courier>()
  private readonly backlog: Backlog
  private tries = 0

  /**
   * @param gone called if a subscriber's session no longer exists
   * @param orphaned gives a message that waited for a group member without a session to another member; rejects if no member
   * takes it now
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
    this.backlog = new Backlog(platform)
    if (!this.backlog.isEmpty) platform.wakeBy(platform.now() + BACKLOG_RETRY_MS)
  }

  /** @returns an outcome for each receiver that gets the message */
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
      outcomes.push(this.deliver(receiver.client, receiver.session, bytesOf(delivery, sent.record)))
    }
    return outcomes
  }

  /** The outcome of one delivery. Success also if the session no longer exists. */
  async deliver(client: ClientId, session: string, delivery: Uint8Array | Pieces): Promise<Outcome> {
    const outcome = await this.offer(client, session, delivery)
    return outcome === Outcome.NoSuchSession ? Reason.Success : outcome
  }

  /** As `deliver`, but `NoSuchSession` if the session no longer exists. */
  async offer(client: ClientId, session: string, delivery: Uint8Array | Pieces): Promise<Outcome> {
    const key = keyOf(client, session)
    // The receiver's backlog is delivered first, so this delivery follows it.
    if (this.backlog.has({ client, session }))
      return this.store(client, session, [delivery])[0] ?? Reason.UnspecifiedError
    const outcome = await this.courier(client, session).post(delivery)
    if (outcome !== Outcome.NoSuchSession) return outcome
    this.gone(client, session)
    this.couriers.delete(key)
    return outcome
  }

  /** Resolves when each delivery sent to the session so far has its outcome. Rejects if that takes long. */
  async settled(client: ClientId, session: string): Promise<void> {
    await this.couriers.get(keyOf(client, session))?.settled()
    if (this.backlog.has({ client, session })) throw new Error(`deliveries to ${client} wait in the backlog`)
  }

  /** Whether the backlog has deliveries for the client, whose actor did not answer. */
  waitsFor(client: ClientId): boolean {
    return this.backlog.waitsFor(client)
  }

  /** Sends the backlog again. */
  async retry(): Promise<void> {
    for (const destination of this.backlog.destinations) {
      try {
        await this.retryOne(destination)
        this.backlog.end(destination)
        this.tries = 0
      } catch (cause) {
        this.platform.report(`deliveries to ${destination.client} wait in the backlog`, cause)
        const pause = Math.min(BACKLOG_RETRY_MS * 2 ** this.tries++, BACKLOG_RETRY_MS_MAX)
        this.platform.wakeBy(this.platform.now() + pause)
      }
    }
  }

  private async retryOne(destination: Destination): Promise<void> {
    const { client, session } = destination
    for (;;) {
      const rows = this.backlog.oldest(destination)
      const last = rows.at(-1)
      if (last === undefined) return
      const batch = packBatch(rows.map(({ delivery }) => delivery))
      const outcomes = await this.call(client, session, batch)
      if (outcomes.includes(Outcome.NoSuchSession)) this.gone(client, session)
      for (const [i, row] of rows.entries()) {
        if (outcomes[i] !== Outcome.NoSuchSession) continue
        const delivery = decodeDelivery(row.delivery)
        if (delivery.share !== null) await this.orphaned(delivery.share.filter, delivery.message)
      }
      this.backlog.removeUpTo(destination, last.id)
    }
  }

  private courier(client: ClientId, session: string): Courier {
    const key = keyOf(client, session)
    let courier = this.couriers.get(key)
    if (courier === undefined) {
      if (this.couriers.size >= FAN_OUT_COURIERS_MAX) this.sweep()
      courier = new Courier(this.platform, {
        // The receiver was given up: its next deliveries follow its backlog.
        call: (batch) =>
          this.backlog.has({ client, session })
            ? Promise.resolve(Uint8Array.from(this.store(client, session, unpackBatch(batch))))
            : this.call(client, session, batch),
        failed: (deliveries, cause) => {
          this.platform.report(`no answer from ${client}`, cause)
          return this.store(client, session, deliveries)
        },
      })
      this.couriers.set(key, courier)
    }
    return courier
  }

  /** Adds deliveries to the backlog. @returns the outcome of each */
  private store(client: ClientId, session: string, deliveries: readonly (Uint8Array | Pieces)[]): Outcome[] {
    this.backlog.begin({ client, session })
    this.platform.wakeBy(this.platform.now() + BACKLOG_RETRY_MS)
    return this.platform.storage.transaction(() =>
      deliveries.map((delivery) => {
        const decoded = decodeDelivery(inOnePiece(delivery))
        const { qos, share, message } = decoded
        // An offer is for a connected member; the leaf that made the offer has the message.
        if (share?.waits === false) return Outcome.ClientAway
        if (qos === 0) return Reason.Success
        // It is acknowledged from now on: the receiver must take it even if its queue is full by then.
        const acknowledged = { ...decoded, message: { ...message, acknowledged: 'new' as const } }
        this.backlog.add({ client, session }, encodeDelivery(acknowledged))
        // `durability: global`: this region's storage is not enough for its publisher.
        return message.global ? Reason.ImplementationSpecificError : Outcome.Stored
      }),
    )
  }

  /** Forgets idle couriers. */
  private sweep(): void {
    for (const [key, courier] of this.couriers) if (courier.idle) this.couriers.delete(key)
  }
}

/** Of a large message its receivers share the one copy of the record. */
function bytesOf(delivery: Delivery, record: Uint8Array): Uint8Array | Pieces {
  return record.length < SHARED_RECORD_BYTES_MIN
    ? encodeDelivery(delivery, record)
    : new Pieces([deliveryHead(delivery), record])
}

/** A shadow's topic has a second name. Under that name a QoS 2 message counts as another message, with an origin of its own. */
function renameTo(topic: string, message: Message) {
  const { origin } = message
  const renamed = { ...message, topic, ...(origin !== undefined && { origin: `${origin} ${topic}` }) }
  return { message: renamed, record: encodeMessage(renamed) }
}

function keyOf(client: ClientId, session: string): string {
  return JSON.stringify([client, session])
}
