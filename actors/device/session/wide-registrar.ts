// A session's wide filters, subscribed at every WideActor of the region, since any root may match.
import type { ClientId } from '../../../src/id/ids.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { WideCursor, WorldCursor } from '../../../src/relay/wide.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { withRetries } from '../../calls/waits.ts'
import type { Platform } from '../../platform.ts'
import type { RetainedPage, WideSubscribeReply } from '../../wide/wide-peer.ts'

export class WideRegistrar {
  private readonly platform: Platform
  private readonly client: ClientId
  private turn: Promise<void> = Promise.resolve()

  constructor(platform: Platform, client: ClientId) {
    this.platform = platform
    this.client = client
  }

  /** The worst reason of all WideActors for each subscription. A new subscription that one of them refused is ended at all. */
  async subscribe(session: string, subscriptions: readonly Subscription[]): Promise<ReasonCode[]> {
    if (subscriptions.length === 0) return []
    return this.inTurn(() => this.ask(session, subscriptions))
  }

  /** Never rejects. A WideActor that is not reached learns of the end with its next delivery: `NoSuchSession`. */
  async unsubscribe(session: string, filters: readonly string[]): Promise<void> {
    if (filters.length > 0) await this.inTurn(() => this.takeBack(session, filters))
  }

  /**
   * Resolves when this actor has all deliveries that WideActors sent to this region alone. The new home registered its wide
   * filters before it asked the old home to release (`Home.tryToFinish`), so a message that reaches a WideActor from now on goes
   * to the new region too. Rejects if a region is not reached.
   */
  async fence(session: string): Promise<void> {
    const { core, fleet, region } = this.platform
    await core.wideDrained({ fleet, region })
    // After that: this region's WideActors have received the messages of other regions, and must deliver them.
    await Promise.all(this.platform.peers.wideShards().map((shard) => shard.fence(this.client, session)))
  }

  /**
   * Pages of retained records: of this region's homes, then of the other regions'. A page that fails is asked for again: the
   * client has its SUBACK, so it will not subscribe again.
   */
  async *retained(filters: readonly string[]): AsyncGenerator<Uint8Array[]> {
    const shards = this.platform.peers.wideShards()
    for (const shard of shards) yield* this.pages<WideCursor>((after) => shard.retained(filters, after))
    for (const shard of shards)
      yield* this.pages<WorldCursor>((after) => shard.retainedElsewhere(filters, after))
  }

  private async *pages<Cursor>(
    ask: (after: Cursor | null) => Promise<RetainedPage<Cursor>>,
  ): AsyncGenerator<Uint8Array[]> {
    let after: Cursor | null = null
    do {
      const page: RetainedPage<Cursor> = await withRetries(this.platform, () => ask(after))
      yield unpackBatch(page.records)
      after = page.next
    } while (after !== null)
  }

  private async ask(session: string, subscriptions: readonly Subscription[]): Promise<ReasonCode[]> {
    const replies = await Promise.all(
      this.platform.peers.wideShards().map(async (shard): Promise<WideSubscribeReply> => {
        try {
          return await shard.subscribe(this.client, session, subscriptions)
        } catch (cause) {
          this.platform.report('a WideActor did not answer a subscribe', cause)
          return { reasons: subscriptions.map(() => Reason.UnspecifiedError), fresh: [] }
        }
      }),
    )
    const reasons = subscriptions.map(({ qos }, i) => {
      const failed = replies.find((reply) => isFailure(reply.reasons[i] ?? Reason.UnspecifiedError))
      return (failed === undefined ? qos : (failed.reasons[i] ?? Reason.UnspecifiedError)) as ReasonCode
    })
    const refused = subscriptions.filter(
      (_, i) =>
        isFailure(reasons[i] ?? Reason.UnspecifiedError) && replies.some(({ fresh }) => fresh[i] === true),
    )
    if (refused.length === 0) return reasons
    await this.takeBack(
      session,
      refused.map(({ filter }) => filter),
    )
    return reasons
  }

  private async takeBack(session: string, filters: readonly string[]): Promise<void> {
    await Promise.all(
      this.platform.peers.wideShards().map(async (shard) => {
        try {
          await shard.unsubscribe(this.client, session, filters)
        } catch (cause) {
          this.platform.report('a WideActor did not answer an unsubscribe', cause)
        }
      }),
    )
  }

  /** One after another: the end of a refused subscription must not end the same filter of a later SUBSCRIBE. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }
}
