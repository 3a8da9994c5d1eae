// Subscribes and unsubscribes a session at the leaves and WideActors of its region.
import type { ClientId, Root } from '../../../src/id/ids.ts'
import { Reason, type ReasonCode } from '../../../src/mqtt/reason.ts'
import { rootOfSubscription } from '../../../src/mqtt/topic.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { withRetries } from '../../calls/waits.ts'
import type { Leaf } from '../../leaf/leaf.ts'
import type { SubscribeReply } from '../../leaf/leaf-peer.ts'
import type { Platform } from '../../platform.ts'
import { isFactFilter } from '../presence/system-topics.ts'
import { WideRegistrar } from './wide-registrar.ts'

export interface Registered {
  /** One for each subscription, in order. */
  readonly reasons: readonly ReasonCode[]
  /** Deliveries, encoded: the first retained messages. */
  readonly retained: readonly Uint8Array[]
  /** By filter: the topic after which further retained messages follow. */
  readonly rest: ReadonlyMap<string, string>
}

/** A page of retained messages. */
export interface RetainedRecords {
  readonly records: readonly Uint8Array[]
  /** From where on the next page is to be asked for; null after the last page. */
  readonly next: string | null
}

export class Registrar {
  readonly wide: WideRegistrar
  private readonly platform: Platform
  private readonly client: ClientId
  private readonly own: Leaf

  constructor(platform: Platform, client: ClientId, own: Leaf) {
    this.platform = platform
    this.client = client
    this.own = own
    this.wide = new WideRegistrar(platform, client)
  }

  async subscribe(session: string, subscriptions: readonly Subscription[]): Promise<Registered> {
    const reasons = subscriptions.map((): ReasonCode => Reason.UnspecifiedError)
    const retained: Uint8Array[] = []
    const rest = new Map<string, string>()
    subscriptions.forEach(({ filter, qos }, i) => {
      if (isFactFilter(filter)) reasons[i] = qos
    })
    const wide = subscriptions.flatMap((one, at) => (isWide(one.filter) ? [{ one, at }] : []))
    const wideReasons = this.wide.subscribe(
      session,
      wide.map(({ one }) => one),
    )
    const roots = this.byRoot(subscriptions.map(({ filter }) => filter))
    // What all replies bring together is bounded: the rest is asked for page by page.
    const bytesMax = Math.floor(this.platform.settings.pageBytesMax / Math.max(1, roots.size))
    await Promise.all(
      [...roots].map(async ([root, indices]) => {
        const wanted = indices.flatMap((i) => subscriptions[i] ?? [])
        try {
          const reply = await this.ask(root, session, wanted, bytesMax)
          indices.forEach((at, i) => {
            reasons[at] = (reply.reasons[i] ?? Reason.UnspecifiedError) as ReasonCode
          })
          retained.push(...unpackBatch(reply.retained))
          const { retainedNext = null } = reply
          if (retainedNext !== null) for (const { filter } of wanted) rest.set(filter, retainedNext)
        } catch (cause) {
          this.platform.report(`the leaf of ${root} did not answer a subscribe`, cause)
        }
      }),
    )
    for (const [i, reason] of (await wideReasons).entries()) reasons[wide[i]?.at ?? -1] = reason
    return { reasons, retained, rest }
  }

  /**
   * A page of the retained messages that match filters of one root, or wide filters.
   * @param after '' for the first page, or a page's `next`
   */
  async retained(filters: readonly string[], after: string): Promise<RetainedRecords> {
    const root = rootOfSubscription(filters[0] ?? '')
    if (root === null) return this.wide.retained(filters, after)
    const page = await withRetries(this.platform, async () =>
      root === this.own.root
        ? this.own.retainedPage(filters, after)
        : this.platform.peers.leaf(root).retainedPage(filters, after),
    )
    return { records: unpackBatch(page.records), next: page.next }
  }

  /** Resolves when this actor has every message of these filters that their homes have accepted so far. */
  async fence(session: string, filters: readonly string[]): Promise<void> {
    const roots = [...this.byRoot(filters).keys()].filter((root) => root !== this.own.root)
    await Promise.all([
      // The own leaf may still hold messages that it accepted while it was the home.
      this.own.fanOut.settled(this.client, session),
      ...roots.map((root) => this.platform.peers.leaf(root).fence(this.client, session)),
      filters.some(isWide) ? this.wide.fence(session) : null,
    ])
  }

  /** Never rejects. A leaf that is not reached learns of the end with its next delivery: `NoSuchSession`. */
  async unsubscribe(session: string, filters: readonly string[]): Promise<void> {
    await Promise.all([
      this.wide.unsubscribe(session, filters.filter(isWide)),
      ...[...this.byRoot(filters)].map(async ([root, indices]) => {
        const names = indices.flatMap((i) => filters[i] ?? [])
        try {
          if (root === this.own.root) this.own.unsubscribe(this.client, session, names)
          else
            await withRetries(this.platform, () =>
              this.platform.peers.leaf(root).unsubscribe(this.client, session, names),
            )
        } catch (cause) {
          this.platform.report(`the leaf of ${root} did not answer an unsubscribe`, cause)
        }
      }),
    ])
  }

  private ask(
    root: Root,
    session: string,
    subscriptions: readonly Subscription[],
    retainedBytesMax: number,
  ): Promise<SubscribeReply> {
    const leaf = root === this.own.root ? this.own : this.platform.peers.leaf(root)
    return leaf.subscribe(this.client, session, subscriptions, retainedBytesMax)
  }

  private byRoot(filters: readonly string[]): Map<Root, number[]> {
    const roots = new Map<Root, number[]>()
    filters.forEach((filter, i) => {
      const root = rootOfSubscription(filter)
      if (root === null || isFactFilter(filter)) return
      const indices = roots.get(root)
      if (indices === undefined) roots.set(root, [i])
      else indices.push(i)
    })
    return roots
  }
}

function isWide(filter: string): boolean {
  return rootOfSubscription(filter) === null && !isFactFilter(filter)
}
