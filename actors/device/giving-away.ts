// What came to a client by shared subscriptions and it has not acknowledged goes to other members of the group when its
// connection ends, and certainly when its session does. [MQTT-4.8.2-6]
import type { ClientId } from '../../src/id/ids.ts'
import { rootOfTopic } from '../../src/id/root.ts'
import { encodeMessage } from '../../src/mqtt/message.ts'
import { isFailure } from '../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../src/mqtt/topic.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { encodeRouted } from '../../src/relay/routed.ts'
import { CLIENT_AWAY } from '../../src/session/delivery.ts'
import type { StoredDelivery } from '../../src/session/outgoing-effect.ts'
import type { Session } from '../../src/session/session.ts'
import { GIVE_AWAY_RECORDS_MAX, GIVE_AWAY_RETRY_MS } from '../limits.ts'
import type { Platform, SharingPeer } from '../platform.ts'
import type { SessionStore } from './session-store.ts'

export class GivingAway {
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly store: SessionStore
  private givingOrphans: Promise<void> | null = null

  constructor(platform: Platform, client: ClientId, store: SessionStore) {
    this.platform = platform
    this.client = client
    this.store = store
  }

  /**
   * The connection has ended, the session goes on: other members that are there get what this one has not acknowledged.
   * What was sent with QoS 2, and may have arrived, stays. [MQTT-4.8.2-4]
   * @param current false once the session is somebody else's affair
   * @param given to be told what others have got
   */
  async whileAway(
    session: Session,
    current: () => boolean,
    given: (rows: readonly StoredDelivery[]) => void,
  ): Promise<void> {
    for (let after = 0; current(); ) {
      const rows = this.store.queuedShared(after, GIVE_AWAY_RECORDS_MAX)
      after = rows.at(-1)?.position ?? 0
      if (after === 0) return
      const outcomes = await this.give(
        session.id,
        rows.filter(({ delivery }) => delivery.qos === 1),
      )
      const gone = [...outcomes].flatMap(([row, outcome]) => (isFailure(outcome) ? [] : [row]))
      if (gone.length > 0 && current()) given(gone)
    }
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

  /** Gives away what ended sessions have left; tries again later where a group cannot be reached. */
  orphans(): Promise<void> {
    this.givingOrphans ??= this.giveOrphans().finally(() => {
      this.givingOrphans = null
    })
    return this.givingOrphans
  }

  private async giveOrphans(): Promise<void> {
    for (;;) {
      const rows = this.store.orphans(GIVE_AWAY_RECORDS_MAX)
      const last = rows.at(-1)
      if (last === undefined) return
      const outcomes = await this.give('', rows)
      // Refused, or no member left: then nobody is subscribed any more. Not reached: later.
      if (outcomes.size < rows.length) {
        this.platform.wakeBy(this.platform.now() + GIVE_AWAY_RETRY_MS)
        return
      }
      this.store.removeOrphans(last.position)
    }
  }

  /** The outcomes of those whose group was reached. */
  private async give(session: string, rows: readonly StoredDelivery[]): Promise<Map<StoredDelivery, number>> {
    const outcomes = new Map<StoredDelivery, number>()
    const groups = new Map<string, { readonly peer: SharingPeer; readonly rows: StoredDelivery[] }>()
    for (const row of rows) {
      const { share, message } = row.delivery
      if (share === null) continue
      const root = rootOfSubscription(share.filter)
      const key = root ?? `wide ${rootOfTopic(message.topic)}`
      const group = groups.get(key)
      if (group !== undefined) group.rows.push(row)
      else {
        const { peers } = this.platform
        groups.set(key, {
          peer: root === null ? peers.wide(rootOfTopic(message.topic)) : peers.leaf(root),
          rows: [row],
        })
      }
    }
    await Promise.all(
      [...groups.values()].map(async ({ peer, rows: those }) => {
        const records = those.map(({ delivery }) =>
          encodeRouted(this.client, encodeMessage(delivery.message), {
            share: delivery.share?.filter ?? '',
            tried: [],
            waits: false,
          }),
        )
        try {
          const answers = await peer.share(session, packBatch(records))
          those.forEach((row, i) => {
            outcomes.set(row, answers[i] ?? CLIENT_AWAY)
          })
        } catch (cause) {
          this.platform.report('the members of a shared subscription were not reached', cause)
        }
      }),
    )
    return outcomes
  }
}
