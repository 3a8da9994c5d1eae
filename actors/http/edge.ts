// What the routes need of the host that serves them: the second port, beside the actors' own (platform.ts).
import type { Context } from 'hono'
import { type ApiVariables, apiRoutes } from '../../src/api/public-api.ts'
import type { ChosenTopics } from '../../src/history/chosen.ts'
import type { ActorAddress } from '../../src/id/actor-name.ts'
import type { FleetId, RegionId } from '../../src/id/ids.ts'
import type { Upgrade } from '../actor.ts'
import type { CoreClient } from '../core/core-client.ts'

/** Calls of one request to actors of this host. */
export interface ActorCalls {
  /** Calls one method of an actor. Rejects when the actor threw or its process died. */
  call<Peer, Answer>(address: ActorAddress, use: (peer: Peer) => Promise<Answer>): Promise<Answer>
}

/** The host's own end of a connection to an actor. */
export interface ActorSocket {
  send(frame: Uint8Array): void
  close(): void
}

export interface ActorSocketEvents {
  frame(frame: Uint8Array): void
  /** The actor, or its process, has closed the connection. */
  ended(): void
}

export interface Edge {
  /** Signs the clients' tokens. */
  readonly clientTokenSecret: string
  /** Shared with the core. */
  readonly relaySecret: string
  /** The regions that are served here. */
  readonly regions: readonly RegionId[]
  /** Whether clients of this fleet may come without a token in the URL or a header. */
  takesUnproven(fleet: FleetId): boolean
  /** Upgrades without such a token that one address may make in a minute. */
  readonly unprovenPerMinute: number
  /** Where a request comes from; null if the host does not know. */
  addressOf(request: Request): string | null
  /** Which messages are stored as history, and for how long. */
  readonly history: ChosenTopics
  /** Uplinks of a region and fleet. */
  readonly uplinkShards: number
  /** The region that serves a request. */
  regionOf(request: Request): RegionId
  /** A fresh one for each request: on workerd a stub belongs to the request that made it. */
  actors(): ActorCalls
  core(region: RegionId): CoreClient
  /** Answers a client's upgrade with a WebSocket whose other end the actor holds. */
  upgrade(address: ActorAddress, upgrade: Upgrade, subprotocol: string): Promise<Response>
  /** Opens a connection of the host's own to an actor. */
  open(address: ActorAddress, upgrade: Upgrade, events: ActorSocketEvents): Promise<ActorSocket>
  /** A file of the API's reference page; null if this host serves no such file. */
  asset(file: string): Promise<ReadableStream | null>
  /** An error that the answer does not show whole. */
  report(what: string, where: Readonly<Record<string, unknown>>, cause: unknown): void
}

/** What the host gives the app with each request: `app.fetch(request, { edge })`. */
export interface EdgeBindings {
  readonly edge: Edge
}

/** The edge's API: `c.env.edge` is the host, `c.var.claims` whose token it is. */
export interface EdgeApi {
  Bindings: EdgeBindings
  Variables: ApiVariables
}

export type ApiContext = Context<EdgeApi>

/** A group of routes of the edge's API; api.ts mounts it. */
export const edgeRoutes = () => apiRoutes<EdgeApi>()

/** The region that serves this request. */
export function regionOf({ env, req }: Pick<Context<{ Bindings: EdgeBindings }>, 'env' | 'req'>): RegionId {
  return env.edge.regionOf(req.raw)
}
