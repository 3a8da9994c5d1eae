// What the clients saw: every publish, acknowledgement, delivery, subscription and connection, for the checkers.
import { isPresence } from '../../src/id/root.ts'
import { isShadowTopic } from '../../src/id/shadow-topic.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { QoS } from '../../src/mqtt/packet.ts'
import type { PresenceEvent } from '../../src/relay/presence.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import type { Delivery } from '../../src/session/delivery.ts'

export interface Published {
  /** Its payload is `p` and this number, which a request to a shadow writes as an attribute. */
  readonly number: number
  readonly client: string
  readonly region: string
  readonly connection: number
  readonly topic: string
  readonly root: string
  readonly qos: QoS
  readonly retain: boolean
  /** A will is sent by the server, if at all. */
  readonly will: boolean
  /** 0 for one that outlasts the run. */
  readonly expirySeconds: number
  readonly at: number
  /** When the client got PUBACK or PUBREC, with this reason; null while it has not. */
  acknowledged: { readonly at: number; readonly reason: number } | null
  /** It was sent again on another connection. */
  resent: boolean
  /** It was acknowledged, a receiver had no room, and so it went a second time. */
  again: boolean
}

export interface Delivered {
  readonly published: Published
  readonly client: string
  readonly connection: number
  readonly region: string
  readonly at: number
  readonly qos: number
  readonly dup: boolean
  readonly retain: boolean
}

export interface Subscribed {
  readonly client: string
  readonly filter: string
  readonly qos: QoS
  /** SUBACK came. */
  readonly at: number
  readonly connection: number
  /** UNSUBSCRIBE was sent, or the session was given up; null while it stands. */
  endedAt: number | null
}

export interface Connected {
  readonly number: number
  readonly client: string
  readonly region: string
  readonly openedAt: number
  /** Its session outlives it. */
  readonly kept: boolean
  readonly cleanStart: boolean
  connackAt: number | null
  sessionPresent: boolean
  closedAt: number | null
}

/** An event of presence that came to a client. */
export interface Told {
  readonly client: string
  readonly event: PresenceEvent
  readonly at: number
  readonly retained: boolean
}

export class History {
  readonly published: Published[] = []
  readonly delivered: Delivered[] = []
  readonly subscribed: Subscribed[] = []
  readonly connected: Connected[] = []
  /** Presence events by the client that got them, as they came. */
  readonly told: Told[] = []
  /** Each SUBSCRIBE, whatever became of it. */
  readonly asked: { readonly client: string; readonly filter: string; readonly qos: QoS }[] = []
  /** What each device's shadow was last told to have, by the highest version. */
  readonly shadows = new Map<string, { readonly version: number; readonly attributes: ReadonlySet<string> }>()
  /** Each time that a will came to its topic's actor, from this region. */
  readonly willsTold: { readonly will: Published; readonly region: string; readonly at: number }[] = []
  private readonly dropped = new Set<string>()
  private readonly byNumber = new Map<number, Published>()
  private number = 0

  publish(given: Omit<Published, 'number' | 'acknowledged' | 'resent' | 'again'>): Published {
    const published = { ...given, number: ++this.number, acknowledged: null, resent: false, again: false }
    this.published.push(published)
    this.byNumber.set(published.number, published)
    return published
  }

  /** Notes what goes a second time. @param routed as an envelope carries it */
  sent(routed: Uint8Array): void {
    const { topic, acknowledged, payload } = decodeMessage(decodeRouted(routed).record)
    if (acknowledged !== 'again' || isPresence(topic)) return
    const published = this.withPayload(new TextDecoder().decode(payload))
    if (published !== null) published.again = true
  }

  /** A full queue of this client has dropped these, and counted them. */
  drops(client: string, deliveries: readonly Delivery[]): void {
    for (const { message, share } of deliveries)
      for (const name of namesIn(message.payload)) this.dropped.add(`${share?.filter ?? client} ${name}`)
  }

  /** @param of a client, or the filter of a group */
  wasDropped(of: string, { number }: Published): boolean {
    return this.dropped.has(`${of} p${number}`)
  }

  /** Notes the wills among what a client's actor publishes. @param batch of records */
  publishes(region: string, batch: Uint8Array, at: number): void {
    for (const name of namesIn(batch)) {
      const will = this.byNumber.get(Number(name.slice(1)))
      if (will?.will === true) this.willsTold.push({ will, region, at })
    }
  }

  /** Null for what a lost home had applied to a shadow: that comes late as a request of nobody's. */
  withPayload(text: string): Published | null {
    const name = text.startsWith('{') ? (JSON.parse(text) as { clientToken?: string }).clientToken : text
    if (name === undefined) return null
    const published = this.byNumber.get(Number(name.slice(1)))
    if (published === undefined) throw new Error(`nobody published ${text}`)
    return published
  }
}

/** Of all messages in some records. */
export function namesIn(records: Uint8Array): string[] {
  return Buffer.from(records).toString('latin1').match(/p\d+/g) ?? []
}

export function payloadOf({ number, topic }: Published): string {
  const name = `p${number}`
  if (!isShadowTopic(topic)) return name
  return JSON.stringify({ clientToken: name, state: { reported: { [name]: 1 } } })
}

/** It may be gone before it has come to anybody. */
export function lasts({ expirySeconds }: Published): boolean {
  return expirySeconds === 0
}

export function succeeded({ acknowledged }: Published): boolean {
  return acknowledged !== null && acknowledged.reason < 0x80
}

export function refused({ acknowledged }: Published): boolean {
  return acknowledged !== null && acknowledged.reason >= 0x80
}
