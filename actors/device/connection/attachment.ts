// A socket's attachment: the state of a connection that must survive the actor's memory.
import type { ReasonCode } from '../../../src/mqtt/reason.ts'
import { encodeWithReason } from '../../../src/session/reason-string.ts'
import type { Subscription } from '../../../src/session/subscription.ts'
import type { Terms } from '../../../src/session/terms.ts'
import { closeCode, hex } from '../../close-codes.ts'
import type { Connection } from '../../platform.ts'
import type { KeptUnread } from './unread-bytes.ts'

export interface AwaitingConnect {
  readonly phase: 'awaiting-connect'
  /** Whether the upgrade brought this client's token. If not, CONNECT must bring one. */
  readonly authenticated: boolean
  /** Whether that token says `durability: global`. */
  readonly global: boolean
  /** A device's secret, if the upgrade brought one in place of CONNECT. */
  readonly secret: string | null
}

/** By what a client was admitted. */
export interface Admission {
  /** Whether its publishes are acknowledged only when the core's store has them. */
  readonly global: boolean
  /** The id of the device's credential; null for a token. */
  readonly credential: string | null
}

export interface LiveConnection extends Admission {
  readonly phase: 'live'
  readonly terms: Terms
  readonly session: string
  readonly expirySeconds: number
  /** Milliseconds since the epoch. A little older than the last packet: an attachment is not written with each packet. */
  readonly lastActivityAt: number
  /** Sent to the client since its last packet. */
  readonly unread?: KeptUnread
  /** A partial packet, base64. */
  readonly pending: string
  readonly lastPosition: number
  readonly sentUpTo: number
  readonly sentHere: number
  /** Of a session that ends with its connection. Null if they are in storage. */
  readonly subscriptions: readonly Subscription[] | null
  /** Retained messages wait for room: the next packet, a PINGREQ too, says that there may be some. */
  readonly retainedWaits?: true
  /** The epoch of the client's home, which is this region, if no row has it. */
  readonly home?: number
  /** The server has closed the connection, and the device has not handled that: further packets are dropped. */
  readonly closing?: true
  /** Null if it does not fit into an attachment: then it is in storage. */
  readonly bulk: LiveBulk | null
}

/** The part of a live connection's state that has no small bound. */
export interface LiveBulk {
  /** Topic aliases that the client has set. */
  readonly aliases: readonly (readonly [alias: number, topic: string])[]
  /** Of a session that ends with its connection. Null for others: their tables have it. */
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
