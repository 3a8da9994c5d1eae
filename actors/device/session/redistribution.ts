// What came to a client by shared subscriptions and it has not acknowledged goes to other members of the group when its
// connection ends, and certainly when its session does. [MQTT-4.8.2-6]

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
import type { SessionStore } from './session-store.ts'

/** The session that is left, as long as it is this device's affair. */
export interface AbandonedSession {
  readonly id: string
  /** Its client is still away, and its home here. */
  away(): boolean
  /** Writes what is still to be written of its queue. */
  flush(): void
  /** Others have got these; those that are still in the queue are to be forgotten. */
  given(rows: readonly StoredDelivery[]): void
}

export class Redistribution {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly store: SessionStore
  private givingOrphans: Promise<void> | null = null
  private giving = false
  private tries = 0

  constructor(platform: Platform, client: ClientId, store: SessionStore) {
    this.platform = platform
    this.client = client
    this.store = store
  }

  /**
   * The connection has ended, the session goes on: other members that are there get what this one has not acknowledged.
   * Begins a moment later, since the session may be taken up again in this very event. What was sent with QoS 2, and may
   * have arrived, stays. [MQTT-4.8.2-4]
   */
  whileAway(left: AbandonedSession): void {
    if (this.giving) return
    this.giving = true
    this.platform.after(0, () => {
      this.offerAll(left)
        .catch((cause) => this.platform.report('what is shared was not given away', cause))
        .finally(() => {
          this.giving = false
        })
    })
  }

  /** While the client is connected: one that does not acknowledge what is shared may be gone. */
  lookAgain(lastActivityAt: number): void {
    if (this.store.queuedShared(0, 1).length === 0) return
    const now = this.platform.now()
    this.platform.wakeBy(now + Math.max(SHARE_CHECK_MS, now - lastActivityAt))
  }

  /** In the transaction that ends the session: nobody but other members can get these now. */
  sessionEnds(sentUpTo: number): void {
    for (let after = 0; ; ) {
      const rows = this.store.queuedShared(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) return
      // Once begun, a QoS 2 delivery is this session's or nobody's. [MQTT-4.8.2-5]
      this.store.leave(rows.filter(({ position, delivery }) => delivery.qos === 1 || position > sentUpTo))
      this.platform.wakeBy(this.platform.now() + GIVE_AWAY_RETRY_MS)
    }
  }

  /** It came from a former home, for a session that has ended here: nobody but other members can get it. */
  late(deliveries: readonly Delivery[]): void {
    const shared = deliveries.flatMap((delivery) => (delivery.share === null ? [] : [{ delivery }]))
    if (shared.length === 0) return
    this.platform.storage.transaction(() => this.store.leave(shared))
    this.platform.wakeBy(this.platform.now() + GIVE_AWAY_RETRY_MS)
    void this.orphans()
  }

  /** Gives away what ended sessions have left; tries again later where a group does not take it. */
  orphans(): Promise<void> {
    this.givingOrphans ??= this.giveOrphans().finally(() => {
      this.givingOrphans = null
    })
    return this.givingOrphans
  }

  private async offerAll(left: AbandonedSession): Promise<void> {
    left.flush()
    for (let after = 0; left.away(); left.flush()) {
      const rows = this.store.queuedShared(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) return
      const outcomes = await this.give(
        left.id,
        'offer',
        rows.filter(({ delivery }) => delivery.qos === 1),
      )
      left.given([...outcomes].flatMap(([row, outcome]) => (isFailure(outcome) ? [] : [row])))
    }
  }

  private async giveOrphans(): Promise<void> {
    for (let after = 0; ; ) {
      const rows = this.store.orphans(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) break
      const outcomes = await this.give('', 'choose', rows)
      // Without any member left nobody is subscribed any more; a failure may pass.
      const over = [...outcomes].flatMap(([row, outcome]) =>
        isFailure(outcome) && outcome !== Outcome.ClientAway ? [] : [row.position],
      )
      this.store.removeOrphans(over)
    }
    if (this.store.orphans(0, 1).length === 0) {
      this.tries = 0
    } else {
      const pause = Math.min(GIVE_AWAY_RETRY_MS * 2 ** this.tries++, GIVE_AWAY_RETRY_MS_MAX)
      this.platform.wakeBy(this.platform.now() + pause)
    }
  }

  /** The outcomes of those whose group was reached. */
  private async give(
    session: string,
    mode: 'offer' | 'choose',
    rows: readonly StoredDelivery[],
  ): Promise<Map<StoredDelivery, Outcome>> {
    const outcomes = new Map<StoredDelivery, Outcome>()
    await Promise.all(
      [...this.byPeer(rows)].map(async ([peer, those]) => {
        const records = those.map(({ delivery }) =>
          encodeRouted(this.client, encodeMessage(delivery.message), {
            share: delivery.share?.filter ?? '',
            mode,
            without: [],
          }),
        )
        try {
          const answers = await peer.share(session, packBatch(records))
          those.forEach((row, i) => {
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
    return new Map([...byName.values()].map(({ peer, rows: those }) => [peer, those]))
  }
}
