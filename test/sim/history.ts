// What the clients saw: every publish, acknowledgement, delivery, subscription and connection, for the checkers.
import type { QoS } from '../../src/mqtt/packet.ts'
import type { PresenceEvent } from '../../src/relay/presence.ts'

export interface Published {
  /** Its payload is `p` and this number. */
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

export class History {
  readonly published: Published[] = []
  readonly delivered: Delivered[] = []
  readonly subscribed: Subscribed[] = []
  readonly connected: Connected[] = []
  /** Presence events by the client that got them, as they came. */
  readonly told: { readonly client: string; readonly event: PresenceEvent; readonly at: number }[] = []
  /** Each SUBSCRIBE, whatever became of it. */
  readonly asked: { readonly client: string; readonly filter: string; readonly qos: QoS }[] = []
  private readonly byNumber = new Map<number, Published>()
  private number = 0

  publish(given: Omit<Published, 'number' | 'acknowledged' | 'resent'>): Published {
    const published = { ...given, number: ++this.number, acknowledged: null, resent: false }
    this.published.push(published)
    this.byNumber.set(published.number, published)
    return published
  }

  withPayload(text: string): Published {
    const published = this.byNumber.get(Number(text.slice(1)))
    if (published === undefined) throw new Error(`nobody published ${text}`)
    return published
  }
}
