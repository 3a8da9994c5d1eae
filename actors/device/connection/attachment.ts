// What stands in a socket's attachment: all that a connection needs while the actor's memory is lost.
import type { ReasonCode } from '../../../src/mqtt/reason.ts'
import { encodeWithReason } from '../../../src/session/reason-string.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import type { Terms } from '../../../src/session/terms.ts'
import { closeCode, hex } from '../../close-codes.ts'
import type { Connection } from '../../platform.ts'

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
  /** The server has closed it, and the device does not know yet: no further packet counts. */
  readonly closing?: true
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

/** Closes a live connection whose device is not in memory: what the client is due is known from the attachment. */
export function closeAttached(connection: Connection, attachment: LiveConnection, reason: ReasonCode): void {
  connection.attach({ ...attachment, closing: true } satisfies LiveConnection)
  if (attachment.terms.protocolVersion === 5)
    connection.send(encodeWithReason(attachment.terms, { type: 'disconnect', reason, properties: {} }))
  connection.close(closeCode(reason), `MQTT reason ${hex(reason)}`)
}

export type Attachment = AwaitingConnect | LiveConnection | { readonly phase: 'closed' }

/**
 * The topics of the aliases stand as they are behind the JSON: within it a control character would take six bytes, and 16 topics
 * of 64 KiB would not fit into a row.
 */
export function bulkText({ aliases, session }: LiveBulk): string {
  const sizes = aliases.map(([alias, topic]) => [alias, topic.length])
  return `${JSON.stringify({ sizes, session })}\n${aliases.map(([, topic]) => topic).join('')}`
}

/** Reads also the JSON that earlier releases stored, which has the topics in it. */
export function bulkOf(text: string): LiveBulk {
  const end = text.indexOf('\n')
  if (end < 0) return JSON.parse(text) as LiveBulk
  const { sizes, session } = JSON.parse(text.slice(0, end)) as Pick<LiveBulk, 'session'> & {
    readonly sizes: readonly (readonly [alias: number, characters: number])[]
  }
  let at = end + 1
  const aliases = sizes.map(([alias, characters]) => {
    const topic = text.slice(at, at + characters)
    at += characters
    return [alias, topic] as const
  })
  return { aliases, session }
}
