// The topics of shadows, under our names and under AWS IoT's. Inside Starling only our names are used.
import type { ClientId } from './ids.ts'

const DEVICES = 'devices/'
const THINGS = '$aws/things/'
const SHADOW = 'shadow'

export type ShadowVerb = 'get' | 'update' | 'delete'
const VERBS: readonly string[] = ['get', 'update', 'delete'] satisfies ShadowVerb[]

/** Names a shadow of a device: `shadow`, or `shadow/name/<name>`. */
export const CLASSIC_SHADOW = SHADOW
const NAMED = `${SHADOW}/name/`
/** As AWS IoT has them: 1 to 64 of these characters. */
const NAME = /^[$:\w-]{1,64}$/

export interface ShadowTopic {
  readonly client: ClientId
  /** `shadow`, or `shadow/name/<name>`. */
  readonly path: string
  /** What follows: `update`, `update/delta`, … */
  readonly rest: string
}

/** The path of a named shadow; null if the name is not valid. */
export function namedShadow(name: string): string | null {
  return NAME.test(name) ? `${NAMED}${name}` : null
}

/** The name in a path; null for the classic shadow, which has none. */
export function shadowName(path: string): string | null {
  return path.startsWith(NAMED) ? path.slice(NAMED.length) : null
}

/** Whether a topic is one of `devices/<client>/shadow/…`. Clients publish only requests there; the rest is the server's. */
export function isShadowTopic(topic: string): boolean {
  return secondLevel(topic, DEVICES)?.rest.startsWith(`${SHADOW}/`) === true
}

/** The shadow that a topic of ours is about; null for all other topics. */
export function parseShadowTopic(topic: string): ShadowTopic | null {
  const found = secondLevel(topic, DEVICES)
  if (found === null || !found.rest.startsWith(`${SHADOW}/`)) return null
  const client = found.id as ClientId
  if (!found.rest.startsWith(NAMED))
    return { client, path: SHADOW, rest: found.rest.slice(SHADOW.length + 1) }
  const slash = found.rest.indexOf('/', NAMED.length)
  const path = slash < 0 ? null : namedShadow(found.rest.slice(NAMED.length, slash))
  return path === null ? null : { client, path, rest: found.rest.slice(slash + 1) }
}

/** A request to a shadow, the only kind of shadow topic that a client may publish to. */
export function parseShadowRequest(
  topic: string,
): { readonly client: ClientId; readonly path: string; readonly verb: ShadowVerb } | null {
  const parsed = parseShadowTopic(topic)
  if (parsed === null || !VERBS.includes(parsed.rest)) return null
  return { client: parsed.client, path: parsed.path, verb: parsed.rest as ShadowVerb }
}

/** Our name of `$aws/things/<client>/shadow/…`; any other topic as it is. */
export function canonicalTopic(topic: string): string {
  const found = secondLevel(topic, THINGS)
  return found?.rest.startsWith(`${SHADOW}/`) === true ? `${DEVICES}${found.id}/${found.rest}` : topic
}

/** AWS IoT's name of a shadow's topic; null for all other topics. */
export function aliasOf(topic: string): string | null {
  if (!isShadowTopic(topic)) return null
  return `${THINGS}${topic.slice(DEVICES.length)}`
}

/** All names of a topic of ours. A filter matches one of them at most. */
export function topicNames(topic: string): readonly string[] {
  const alias = aliasOf(topic)
  return alias === null ? [topic] : [topic, alias]
}

/** The level after `$aws/things/`, a client id or a wildcard; null for all other topics and filters. */
export function thingOf(topic: string): string | null {
  if (!topic.startsWith(THINGS)) return null
  return secondLevel(topic, THINGS)?.id ?? topic.slice(THINGS.length)
}

function secondLevel(topic: string, prefix: string): { readonly id: string; readonly rest: string } | null {
  if (!topic.startsWith(prefix)) return null
  const slash = topic.indexOf('/', prefix.length)
  if (slash < 0) return null
  return { id: topic.slice(prefix.length, slash), rest: topic.slice(slash + 1) }
}
