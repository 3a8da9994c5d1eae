// Actors are named by region, fleet and id, so that the name alone tells where an actor lives and for whom.

import {
  type ClientId,
  DEFAULT_FLEET,
  type FleetId,
  parseFleetId,
  parseRegionId,
  type RegionId,
  type Root,
} from './ids.ts'
import { clientOfRoot } from './root.ts'

export type ActorKind = 'device' | 'topic' | 'uplink' | 'wide' | 'front'

export interface ActorAddress {
  readonly kind: ActorKind
  readonly region: RegionId
  readonly fleet: FleetId
  /** A client id, a root, a shard number or a random id, by kind. */
  readonly id: string
}

export function deviceAddress(region: RegionId, fleet: FleetId, client: ClientId): ActorAddress {
  return { kind: 'device', region, fleet, id: client }
}

/** The leaf of a root in one region: the client's own actor for `devices/<id>`, else a TopicActor. */
export function leafAddress(region: RegionId, fleet: FleetId, root: Root): ActorAddress {
  const client = clientOfRoot(root)
  return client === null ? { kind: 'topic', region, fleet, id: root } : deviceAddress(region, fleet, client)
}

/** The uplink shard that carries a root. The number of shards is a deployment's constant. */
export function uplinkAddress(region: RegionId, fleet: FleetId, root: Root, shards: number): ActorAddress {
  return uplinkShardAddress(region, fleet, hash(root) % shards)
}

export function uplinkShardAddress(region: RegionId, fleet: FleetId, shard: number): ActorAddress {
  return { kind: 'uplink', region, fleet, id: String(shard) }
}

/**
 * The number of WideActors of a region and fleet. Never change it, and have the same in every region: a session subscribes its
 * wide filters at each shard once, so a new shard would not know older filters.
 */
export const WIDE_SHARDS = 4

/** The WideActor that a root's messages are matched by. */
export function wideShard(root: Root): number {
  return hash(root) % WIDE_SHARDS
}

export function wideAddress(region: RegionId, fleet: FleetId, shard: number): ActorAddress {
  return { kind: 'wide', region, fleet, id: String(shard) }
}

/** A FrontActor is made before its client's fleet is known, so every FrontActor lives in the default fleet. */
export function frontAddress(region: RegionId, id: string): ActorAddress {
  return { kind: 'front', region, fleet: DEFAULT_FLEET, id }
}

/** `eu/default/lamp`: region and fleet have no slash; the id comes last, since it may have slashes. */
export function actorName(address: ActorAddress): string {
  return `${address.region}/${address.fleet}/${address.id}`
}

/** The address behind an actor's name. Throws on a name that `actorName` did not make. */
export function parseActorName(kind: ActorKind, name: string): ActorAddress {
  const first = name.indexOf('/')
  const second = name.indexOf('/', first + 1)
  const region = parseRegionId(name.slice(0, first))
  const fleet = parseFleetId(name.slice(first + 1, second))
  if (first < 0 || second < 0 || region === null || fleet === null)
    throw new Error(`not an actor's name: ${name}`)
  return { kind, region, fleet, id: name.slice(second + 1) }
}

/** FNV-1a over UTF-16 units. Never change it: stored outboxes are sharded by this hash. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
