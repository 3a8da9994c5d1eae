// Passes a client's messages to the leaves of their topics: one courier for each root, so that each root's order holds.

import type { ClientId, Root } from '../../../src/id/ids.ts'
import { rootOfTopic } from '../../../src/id/root.ts'
import { canonicalTopic, topicNames } from '../../../src/id/shadow-topic.ts'
import { encodeMessage, type Message } from '../../../src/mqtt/message.ts'
import { type Outcome, reasonOf } from '../../../src/mqtt/outcome.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { matches } from '../../../src/mqtt/topic.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import { Courier } from '../../calls/courier.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import { PUBLISH_COURIERS_MAX } from '../../limits.ts'
import type { Platform } from '../../platform.ts'

interface Retaining {
  readonly topic: string
  readonly posted: Promise<Outcome>
}

export class Publisher {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly own: Leaf
  private readonly noted: (message: Message) => { reason: number | null }
  private readonly couriers = new Map<Root, Courier>()
  /** Retained messages that have no outcome. */
  private readonly retaining = new Set<Retaining>()

  /**
   * @param own the leaf in this actor
   * @param noted remembers a message for `explain`; the publisher sets its reason later
   */
  constructor(
    platform: Platform,
    client: ClientId,
    own: Leaf,
    noted: (message: Message) => { reason: number | null },
  ) {
    this.platform = platform
    this.client = client
    this.own = own
    this.noted = noted
  }

  async publish(message: Message): Promise<ReasonCode> {
    // From here on a shadow's topic has one name.
    const topic = canonicalTopic(message.topic)
    const named = topic === message.topic ? message : { ...message, topic }
    const published = this.noted(named)
    const posted = this.courier(rootOfTopic(topic)).post(encodeMessage(named))
    const outcome = await (message.retain ? this.retained(topic, posted) : posted)
    const reason = reasonOf(outcome)
    published.reason = reason
    return reason
  }

  /** Settles when the retained messages that match a filter, and are on their way now, have their outcomes; null for none. */
  retainedBefore(filters: readonly string[]): Promise<unknown> | null {
    const matching = [...this.retaining].filter(({ topic }) =>
      topicNames(topic).some((name) => filters.some((filter) => matches(filter, name))),
    )
    return matching.length === 0 ? null : Promise.allSettled(matching.map(({ posted }) => posted))
  }

  private async retained(topic: string, posted: Promise<Outcome>): Promise<Outcome> {
    const one = { topic, posted }
    this.retaining.add(one)
    try {
      return await posted
    } finally {
      this.retaining.delete(one)
    }
  }

  private courier(root: Root): Courier {
    let courier = this.couriers.get(root)
    if (courier === undefined) {
      if (this.couriers.size >= PUBLISH_COURIERS_MAX) this.sweep()
      courier = new Courier(this.platform, {
        call: (batch) =>
          root === this.own.root
            ? this.own.publish(this.client, unpackBatch(batch))
            : this.platform.peers.leaf(root).publish(this.client, batch),
        failed: (records, cause) => {
          this.platform.report(`the leaf of ${root} does not answer`, cause)
          return records.map(() => Reason.UnspecifiedError)
        },
      })
      this.couriers.set(root, courier)
    }
    return courier
  }

  private sweep(): void {
    for (const [root, courier] of this.couriers) if (courier.idle) this.couriers.delete(root)
  }
}
