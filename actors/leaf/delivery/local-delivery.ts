// Delivers messages that the leaf has accepted, or that the home has sent, to the subscribers of this region.

import type { ClientId, RegionId } from '../../../src/id/ids.ts'
import { decodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { type Outcome, outcomeOfAll } from '../../../src/mqtt/outcome.ts'
import type { Routed } from '../../../src/relay/routed.ts'
import { type Passed, Recent, traceOf } from '../../explain/recent.ts'
import type { Platform } from '../../platform.ts'
import type { FanOut } from './fan-out.ts'
import type { Sharing } from './sharing.ts'
import type { Receiver, Subscribers } from './subscribers.ts'

/** A message as the leaf remembers it. */
export interface Accepted extends Passed {
  readonly publisher: ClientId
  readonly retain: boolean
  readonly receivers: readonly Receiver[]
  readonly regions: readonly RegionId[]
}

const NO_REGIONS: readonly RegionId[] = []

export class LocalDelivery {
  /** For `explain`. */
  readonly recent: Recent<Accepted>
  private readonly platform: Platform
  private readonly subscribers: Subscribers
  private readonly fanOut: FanOut
  private readonly sharing: Sharing
  /** Topics delivered while a SUBSCRIBE waits for its retained messages, which are older. */
  private readonly overtaken = new Set<Set<string>>()

  constructor(platform: Platform, subscribers: Subscribers, fanOut: FanOut, sharing: Sharing) {
    this.platform = platform
    this.subscribers = subscribers
    this.fanOut = fanOut
    this.sharing = sharing
    this.recent = new Recent(platform.now())
  }

  /** Messages from the home, elsewhere. The outcome of each, in order. */
  deliverAll(messages: readonly Routed[]): Promise<Outcome[]> {
    return Promise.all(
      messages.map(({ publisher, record, turn }) =>
        turn === null
          ? Promise.all(this.deliver(publisher, decodeMessage(record), record)).then(outcomeOfAll)
          : this.sharing.take(publisher, record, turn),
      ),
    )
  }

  /** @param regions the other regions that get the message. @returns the outcome of each receiver */
  deliver(
    publisher: ClientId,
    message: Message,
    record: Uint8Array,
    regions = NO_REGIONS,
  ): Promise<Outcome>[] {
    for (const topics of this.overtaken) topics.add(message.topic)
    const receivers = this.subscribers.receivers(message.topic)
    this.note(publisher, message, receivers, regions)
    return this.fanOut.spread(receivers, publisher, message, record)
  }

  /** Remembers, for `explain`, a message of a root that nobody has: it goes to nobody. */
  noteUnwanted(publisher: ClientId, record: Uint8Array): void {
    this.note(publisher, decodeMessage(record), [], NO_REGIONS)
  }

  private note(
    publisher: ClientId,
    { topic, qos, retain, properties }: Message,
    receivers: readonly Receiver[],
    regions: readonly RegionId[],
  ): void {
    const at = this.platform.now()
    this.recent.note(topic, { at, qos, retain, trace: traceOf(properties), publisher, receivers, regions })
  }

  /** Adds to `topics` the topic of each message that is delivered before the work is done. */
  async noting<T>(topics: Set<string>, work: () => Promise<T>): Promise<T> {
    this.overtaken.add(topics)
    try {
      return await work()
    } finally {
      this.overtaken.delete(topics)
    }
  }
}
