// The subscribers of a leaf, or of a WideActor, in this region: who gets a message, and by which subscriptions.

import type { ClientId, Root } from '../../../src/id/ids.ts'
import { type Reach, reachOf } from '../../../src/id/root.ts'
import { topicNames } from '../../../src/id/shadow-topic.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import type { QoS } from '../../../src/mqtt/packet.ts'
import { matches, parseShared, plainFilter } from '../../../src/mqtt/topic.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import { MATCH_CACHE_TOPICS_MAX } from '../../limits.ts'
import type { SqlRow, Storage } from '../../platform.ts'
import { SUBSCRIBER_ROWS } from '../schema.ts'

export interface Subscribed {
  readonly client: ClientId
  readonly session: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number
}

/** A session that gets a topic, with all its subscriptions that match. */
export interface Receiver {
  readonly client: ClientId
  readonly session: string
  /** The topic's name for this receiver: a shadow's topic has two names, and a subscriber to both gets a copy of each. */
  readonly topic: string
  readonly subscriptions: readonly Subscribed[]
}

export class Subscribers {
  private readonly storage: Storage
  private readonly byFilter = new Map<string, Map<ClientId, Subscribed>>()
  private readonly shareFilters = new Map<string, string>()
  private readonly cache = new Map<string, readonly Receiver[]>()
  private readonly roots = new Map<Root, Reach>()

  constructor(storage: Storage) {
    this.storage = storage
    for (const row of storage.rows(SUBSCRIBER_ROWS)) this.remember(String(row.filter), subscribedOf(row))
  }

  get size(): number {
    return this.byFilter.size
  }

  /** Each filter once, however many clients have it. */
  get filters(): readonly string[] {
    return [...this.byFilter.keys()]
  }

  hasFilter(filter: string): boolean {
    return this.byFilter.has(filter)
  }

  has(client: ClientId, filter: string): boolean {
    return this.byFilter.get(filter)?.has(client) === true
  }

  /** Adds or replaces a subscription. */
  add(client: ClientId, session: string, subscription: Subscription): void {
    const { filter, qos, noLocal, retainAsPublished, identifier } = subscription
    const before = this.byFilter.get(filter)?.get(client)
    const after: Subscribed = { client, session, qos, noLocal, retainAsPublished, identifier }
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) return
    this.storage.exec(
      'INSERT OR REPLACE INTO subscriber (client, filter, session, qos, no_local, retain_as_published, identifier) VALUES (?, ?, ?, ?, ?, ?, ?)',
      client,
      filter,
      session,
      qos,
      Number(noLocal),
      Number(retainAsPublished),
      identifier,
    )
    this.remember(filter, after)
  }

  /** @param filters null for all of the session. Subscriptions of the client's newer session stay */
  remove(client: ClientId, session: string, filters: readonly string[] | null): void {
    for (const filter of filters ?? [...this.byFilter.keys()]) {
      const clients = this.byFilter.get(filter)
      if (clients?.get(client)?.session !== session) continue
      this.storage.exec('DELETE FROM subscriber WHERE client = ? AND filter = ?', client, filter)
      clients.delete(client)
      if (clients.size === 0) {
        this.byFilter.delete(filter)
        this.shareFilters.delete(filter)
      }
      this.forgetAnswers()
    }
  }

  /** Whether there is a subscription that is not shared. */
  get anyPlain(): boolean {
    return this.byFilter.size > this.shareFilters.size
  }

  /** The shared subscriptions that have members here, each with the filter behind its `$share/group/`. */
  get shares(): ReadonlyMap<string, string> {
    return this.shareFilters
  }

  /** The interest of all clients but this one. */
  wantedBesides(client: ClientId): { readonly plain: boolean; readonly shares: string[] } {
    const filters = [...this.byFilter].flatMap(([filter, clients]) =>
      clients.size > 1 || !clients.has(client) ? [filter] : [],
    )
    const shares = filters.filter((filter) => this.shareFilters.has(filter))
    return { plain: filters.length > shares.length, shares }
  }

  /** The members of a shared subscription. */
  members(share: string): readonly Subscribed[] {
    return [...(this.byFilter.get(share)?.values() ?? [])]
  }

  /** The receivers of a topic; the same array until a subscription changes. */
  receivers(topic: string): readonly Receiver[] {
    const known = this.cache.get(topic)
    if (known !== undefined) return known
    // By session: rows of an ended session must not hide those of the client's next session.
    const found = new Map<string, Receiver & { readonly subscriptions: Subscribed[] }>()
    const names = topicNames(topic)
    for (const [filter, clients] of this.byFilter) {
      const name = names.find((one) => matches(filter, one))
      if (name === undefined) continue
      for (const [client, subscribed] of clients) {
        const { session } = subscribed
        const receiver = found.get(`${session} ${name}`)
        if (receiver === undefined) {
          found.set(`${session} ${name}`, { client, session, topic: name, subscriptions: [subscribed] })
        } else {
          receiver.subscriptions.push(subscribed)
        }
      }
    }
    const receivers = [...found.values()]
    if (this.cache.size >= MATCH_CACHE_TOPICS_MAX) this.cache.clear()
    this.cache.set(topic, receivers)
    return receivers
  }

  /** Which topics of this root the filters could match. */
  reach(root: Root): Reach {
    let reach = this.roots.get(root)
    if (reach === undefined) {
      reach = reachOf(this.filters.map(plainFilter), root)
      if (this.roots.size >= MATCH_CACHE_TOPICS_MAX) this.roots.clear()
      this.roots.set(root, reach)
    }
    return reach
  }

  private forgetAnswers(): void {
    this.cache.clear()
    this.roots.clear()
  }

  private remember(filter: string, subscribed: Subscribed): void {
    let clients = this.byFilter.get(filter)
    if (clients === undefined) {
      clients = new Map()
      this.byFilter.set(filter, clients)
      const shared = parseShared(filter)
      if (shared !== null) this.shareFilters.set(filter, shared.filter)
    }
    clients.set(subscribed.client, subscribed)
    this.forgetAnswers()
  }
}

/**
 * The delivery of a message to a receiver; null if all its subscriptions are No Local and the message is its own.
 * Overlapping subscriptions give one delivery, with the highest QoS and every identifier. [MQTT-3.3.4-2] [MQTT-3.3.4-3]
 */
export function deliveryFor(receiver: Receiver, message: Message, publisher: ClientId): Delivery | null {
  let qos: QoS = 0
  let retain = false
  let any = false
  const identifiers: number[] = []
  for (const subscribed of receiver.subscriptions) {
    if (subscribed.noLocal && publisher === subscribed.client) continue // [MQTT-3.8.3-3]
    any = true
    if (subscribed.qos > qos) qos = subscribed.qos
    if (subscribed.retainAsPublished && message.retain) retain = true // [MQTT-3.3.1-13]
    if (subscribed.identifier > 0) identifiers.push(subscribed.identifier)
  }
  if (!any) return null
  return { qos: qos < message.qos ? qos : message.qos, retain, identifiers, share: null, message }
}

function subscribedOf(row: SqlRow): Subscribed {
  return {
    client: String(row.client) as ClientId,
    session: String(row.session),
    qos: Number(row.qos) as QoS,
    noLocal: row.no_local === 1,
    retainAsPublished: row.retain_as_published === 1,
    identifier: Number(row.identifier),
  }
}
