// The names of the system as branded types: a ClientId cannot be passed for a RegionId.

declare const brand: unique symbol
type Branded<B extends string> = string & { readonly [brand]: B }

/** A tenant. Every other name lives inside one. */
export type FleetId = Branded<'fleet'>
/** An MQTT identity: a device, an app or a service; unique in its fleet, world-wide. */
export type ClientId = Branded<'client'>
/** A named place where actors live: `eu`, `us`, `ap`. */
export type RegionId = Branded<'region'>
/** The subtree that a topic belongs to; see `rootOfTopic`. */
export type Root = Branded<'root'>
/** A part of a root that has subscribers of its own: see `branchOfTopic`. */
export type Branch = Root | Branded<'branch'>

const STREAM = '$stream-'

/** The client behind a stream of events. No client can call itself so: an id does not begin with `$`. */
export function streamClient(name: string): ClientId {
  return `${STREAM}${name}` as ClientId
}

/** Whether a client is the subscriber behind an event stream: without home and presence, its session ends with its connection. */
export function isStreamClient(client: ClientId): boolean {
  return client.startsWith(STREAM)
}

export const DEFAULT_FLEET = 'default' as FleetId

/** A client id is one topic level of `devices/<id>`, so it carries none of the topic's special characters. */
export const CLIENT_ID_BYTES_MAX = 128

const FLEET = /^[a-z0-9][a-z0-9-]{0,62}$/
const REGION = /^[a-z][a-z0-9-]{0,31}$/

/** Lower-case letters, digits and hyphens, at most 63 of them. */
export function parseFleetId(text: string): FleetId | null {
  return FLEET.test(text) ? (text as FleetId) : null
}

/** Lower-case letters, digits and hyphens, at most 32 of them, a letter first. */
export function parseRegionId(text: string): RegionId | null {
  return REGION.test(text) ? (text as RegionId) : null
}

/**
 * 1 to 128 bytes of UTF-8 without `/`, `+`, `#`, `$` in front, or control characters. Not `.` or `..` either: in the path of a
 * URL these are no names, so HTTP could not reach such a client.
 * MQTT obliges a server to take ids of 1 to 23 letters and digits and lets it take more. [MQTT-3.1.3-5]
 */
export function parseClientId(text: string): ClientId | null {
  if (text.length === 0 || text.length > CLIENT_ID_BYTES_MAX || text.startsWith('$') || !text.isWellFormed())
    return null
  if (text === '.' || text === '..') return null
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c === 0x2b || c === 0x23 || c === 0x2f) return null
  }
  if (new TextEncoder().encode(text).length > CLIENT_ID_BYTES_MAX) return null
  return text as ClientId
}
