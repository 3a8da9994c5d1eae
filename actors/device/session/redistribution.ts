// Messages of shared subscriptions that a client has not acknowledged: other members of the group get them after the client's
// connection ends if one of them is connected, and in any case after its session ends. [MQTT-4.8.2-6]

import type { ClientId } from '../../../src/id/ids.ts'
import { rootOfTopic } from '../../../src/id/root.ts'
import { encodeMessage } from '../../../src/mqtt/message.ts'
import { Outcome, outcomeOf } from '../../../src/mqtt/outcome.ts'
import { isFailure } from '../../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../../src/mqtt/topic.ts'
import { packBatch } from '../../../src/relay/batch.ts'
import { encodeRouted } from '../../../src/relay/routed.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { StoredDelivery } from '../../../src/session/stored-delivery.ts'
import type { SharingPeer } from '../../leaf/leaf-peer.ts'
import {
  GIVE_AWAY_RECORDS_MAX,
  GIVE_AWAY_RETRY_MS,
  GIVE_AWAY_RETRY_MS_MAX,
  SHARE_CHECK_MS,
} from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { LeftDeliveries } from './left-deliveries.ts'
import type { SessionStore } from './session-store.ts'

/** A session without its client. */
export interface AwaySession {
  readonly id: string
  /** Whether the client is still away and its home here. */
  away(): boolean
  /** Writes delayed changes of its queue. */
  flush(): void
  /** Other members have these: removes those that are still in the queue. */
  redistributed(rows: readonly StoredDelivery[]): void
}

export class Redistribution {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly store: SessionStore
  private readonly left: LeftDeliveries
  private givingLeft: Promise<void> | null = null
  private offering = false
  private tries = 0

  constructor(platform: Platform, client: ClientId, store: SessionStore) {
    this.platform = platform
    this.client = client
    this.store = store
    this.left = new LeftDeliveries(platform.storage)
  }

  /**
   * The connection has ended, the session has not: offers its messages to connected members. Begins after this event, in
   * which the client may resume the session. QoS 2 messages stay: the client may have them. [MQTT-4.8.2-4]
   */
  offer(session: AwaySession): void {
    if (this.offering) return
    this.offering = true
    this.platform.after(0, () => {
      this.offerAll(session)
        .catch((cause) => this.platform.report('messages of shared subscriptions were not offered', cause))
        .finally(() => {
          this.offering = false
        })
    })
  }

  /** While the client is connected: sets an alarm, since a client that acknowledges nothing may be gone. */
  watch(lastActivityAt: number): void {
    if (this.store.queuedShared(0, 1).length === 0) return
    const now = this.platform.now()
    this.platform.wakeBy(now + Math.max(SHARE_CHECK_MS, now - lastActivityAt))
  }

  /** In the transaction that ends the session: leaves its messages to the other members. */
  sessionEnds(sentUpTo: number): void {
    for (let after = 0; ; ) {
      const rows = this.store.queuedShared(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) return
      // A QoS 2 delivery that was sent must not go to another session. [MQTT-4.8.2-5]
      this.left.add(rows.filter(({ position, delivery }) => delivery.qos === 1 || position > sentUpTo))
      this.platform.wakeBy(this.platform.now() + GIVE_AWAY_RETRY_MS)
    }
  }

  /** Deliveries that a former home sent for a session that has ended here. */
  add(deliveries: readonly Delivery[]): void {
    const shared = deliveries.flatMap((delivery) => (delivery.share === null ? [] : [{ delivery }]))
    if (shared.length === 0) return
    this.platform.storage.transaction(() => this.left.add(shared))
    this.platform.wakeBy(this.platform.now() + GIVE_AWAY_RETRY_MS)
    void this.giveLeft()
  }

  /** Gives the messages that ended sessions have left to other members. Retries later if a group is not reached. */
  giveLeft(): Promise<void> {
    this.givingLeft ??= this.giveAllLeft().finally(() => {
      this.givingLeft = null
    })
    return this.givingLeft
  }

  private async offerAll(session: AwaySession): Promise<void> {
    session.flush()
    for (let after = 0; session.away(); session.flush()) {
      const rows = this.store.queuedShared(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) return
      const outcomes = await this.give(
        session.id,
        'offer',
        rows.filter(({ delivery }) => delivery.qos === 1),
      )
      session.redistributed([...outcomes].flatMap(([row, outcome]) => (isFailure(outcome) ? [] : [row])))
    }
  }

  private async giveAllLeft(): Promise<void> {
    for (let after = 0; ; ) {
      const rows = this.left.after(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) break
      const outcomes = await this.give('', 'choose', rows)
      // A group without members has no subscription any more. Any other failure may pass.
      const done = [...outcomes].flatMap(([row, outcome]) =>
        isFailure(outcome) && outcome !== Outcome.ClientAway ? [] : [row.position],
      )
      this.left.remove(done)
    }
    if (this.left.after(0, 1).length === 0) {
      this.tries = 0
    } else {
      const pause = Math.min(GIVE_AWAY_RETRY_MS * 2 ** this.tries++, GIVE_AWAY_RETRY_MS_MAX)
      this.platform.wakeBy(this.platform.now() + pause)
    }
  }

  /** The outcomes of the rows whose group was reached. */
  private async give(
    session: string,
    mode: 'offer' | 'choose',
    rows: readonly StoredDelivery[],
  ): Promise<Map<StoredDelivery, Outcome>> {
    const outcomes = new Map<StoredDelivery, Outcome>()
    await Promise.all(
      [...this.byPeer(rows)].map(async ([peer, ofPeer]) => {
        const records = ofPeer.map(({ delivery }) =>
          encodeRouted(this.client, encodeMessage(delivery.message), {
            share: delivery.share?.filter ?? '',
            mode,
            without: [],
          }),
        )
        try {
          const answers = await peer.share(session, packBatch(records))
          ofPeer.forEach((row, i) => {
            outcomes.set(row, i < answers.length ? outcomeOf(answers[i]) : Outcome.ClientAway)
          })
        } catch (cause) {
          this.platform.report('the members of a shared subscription were not reached', cause)
        }
      }),
    )
    return outcomes
  }

  private byPeer(rows: readonly StoredDelivery[]): Map<SharingPeer, StoredDelivery[]> {
    const { peers } = this.platform
    const byName = new Map<string, { readonly peer: SharingPeer; readonly rows: StoredDelivery[] }>()
    for (const row of rows) {
      const { share, message } = row.delivery
      if (share === null) continue
      const root = rootOfSubscription(share.filter)
      const topicRoot = rootOfTopic(message.topic)
      const name = root ?? `wide ${topicRoot}`
      const found = byName.get(name)
      if (found !== undefined) found.rows.push(row)
      else byName.set(name, { peer: root === null ? peers.wide(topicRoot) : peers.leaf(root), rows: [row] })
    }
    return new Map([...byName.values()].map(({ peer, rows: ofPeer }) => [peer, ofPeer]))
  }
}
