// A session's wide filters, subscribed at every WideActor of the region, since any root may match.
import type { ClientId, RegionId } from '../../../src/id/ids.ts'
import { isFailure, Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { WideCursor, WorldCursor } from '../../../src/relay/wide.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { withRetries } from '../../calls/waits.ts'
import type { Platform } from '../../platform.ts'
import type { RetainedPage, WideSubscribeReply } from '../../wide/wide-peer.ts'
import type { RetainedRecords } from './registrar.ts'

/** Where a page of retained messages begins. */
interface Place {
  /** The region whose order of pages this is. */
  readonly region: RegionId
  readonly shard: number
  readonly elsewhere: boolean
  readonly cursor: WideCursor | WorldCursor | null
}

function placeOf(after: string, region: RegionId, shards: number): Place {
  const first: Place = { region, shard: 0, elsewhere: false, cursor: null }
  if (after === '') return first
  const place = JSON.parse(after) as Place
  return place.region === region && place.shard < shards ? place : first
}

/** Null after the last page of the last shard. */
function following(place: Place, cursor: Place['cursor'], shards: number): Place | null {
  if (cursor !== null) return { ...place, cursor }
  if (place.shard + 1 < shards) return { ...place, shard: place.shard + 1, cursor: null }
  return place.elsewhere ? null : { ...place, shard: 0, elsewhere: true, cursor: null }
}

function textOf(place: Place | null): string | null {
  return place === null ? null : JSON.stringify(place)
}

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
   * A page of retained records: of this region's homes, then of the other regions', one shard after another.
   * @param after '' for the first page, or a page's `next`. Of another region: the first page, since pages go by regions
   */
  async retained(filters: readonly string[], after: string): Promise<RetainedRecords> {
    const shards = this.platform.peers.wideShards()
    const { region } = this.platform
    const place = placeOf(after, region, shards.length)
    const shard = shards[place.shard]
    if (shard === undefined) return { records: [], next: null }
    const page: RetainedPage<WideCursor | WorldCursor> = await withRetries(this.platform, () =>
      place.elsewhere
        ? shard.retainedElsewhere(filters, place.cursor as WorldCursor | null)
        : shard.retained(filters, place.cursor),
    )
    return { records: unpackBatch(page.records), next: textOf(following(place, page.next, shards.length)) }
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
