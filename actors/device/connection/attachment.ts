// What stands in a socket's attachment: all that a connection needs while the actor's memory is lost.
import type { Subscription } from '../../../src/session/subscription.ts'
import type { Terms } from '../../../src/session/terms.ts'

export interface AwaitingConnect {
  readonly phase: 'awaiting-connect'
  /** The token that came with the upgrade was this client's; else CONNECT must bring one. */
  readonly authenticated: boolean
  /** And said `durability: global`. */
  readonly global: boolean
  /** A device's secret that came with the upgrade, in place of one in CONNECT. */
  readonly secret: string | null
}

/** How a client was let in. */
export interface Admission {
  /** What it publishes waits for the core's store. */
  readonly global: boolean
  /** The id of the device's credential; null for a token. */
  readonly credential: string | null
}

export interface LiveConnection extends Admission {
  readonly phase: 'live'
  readonly terms: Terms
  readonly session: string
  readonly expirySeconds: number
  /** Milliseconds since the epoch, a little behind: it is not written with each packet. */
  readonly lastActivityAt: number
  /** A partial packet, base64. */
  readonly pending: string
  readonly lastPosition: number
  readonly sentUpTo: number
  readonly sentHere: number
  /** Of a session that ends with its connection. Null where they are in storage. */
  readonly subscriptions: readonly Subscription[] | null
  /** The epoch of the client's home, which is here, where nothing is stored that says it. */
  readonly home?: number
  /** Null where it is too much for an attachment: then it is in storage. */
  readonly bulk: LiveBulk | null
}

/** What of a live connection can grow. */
export interface LiveBulk {
  /** Topic aliases that the client has set. */
  readonly aliases: readonly (readonly [alias: number, topic: string])[]
  /** Of a session that ends with its connection; else in the session's own tables. */
  readonly session: {
    readonly inflight: readonly number[]
    readonly released: readonly number[]
    readonly received: readonly number[]
  } | null
}

export type Attachment = AwaitingConnect | LiveConnection | { readonly phase: 'closed' }
