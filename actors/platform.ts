// The one port through which the actors see their platform: a host (actors/hosts/) stands behind it, or a fake in tests and in
// the simulator.
import type { ChosenTopics } from '../src/history/chosen.ts'
import type { ActorAddress } from '../src/id/actor-name.ts'
import type { ClientId, FleetId, RegionId, Root } from '../src/id/ids.ts'
import type { QueueBound } from '../src/session/queue-room.ts'
import type { CoreClient } from './core/core-client.ts'
import type { DevicePeer } from './device/device-peer.ts'
import type { FrontPeer } from './front/front-peer.ts'
import type { LeafPeer } from './leaf/leaf-peer.ts'
import type { WakeTable } from './storage/schema.ts'
import type { UplinkPeer } from './uplink/uplink-peer.ts'
import type { WidePeer } from './wide/wide-peer.ts'

export type SqlValue = string | number | Uint8Array | null
export type SqlRow = Record<string, string | number | ArrayBuffer | null>

/**
 * The actor's own SQLite, with the tables of its schema (`storage/database.ts`).
 * What one event writes is durable before anything that the event sends leaves the actor.
 */
export interface Storage extends Sql {
  /** Nothing was ever stored here: the actor has no table. */
  readonly blank: boolean
  /** Calls `write` when the first row is about to be stored, so that what it stores is there before that row. */
  beforeFirstRow(write: () => void): void
  /** All rows of a table that a wake reads: without a statement, unless they were changed since or are many. */
  rows(wake: WakeTable): readonly SqlRow[]
  /** The same; null where a statement would be needed. */
  known(wake: WakeTable): readonly SqlRow[] | null
  /** To be called after a statement that has changed the table: these are all of its rows now. */
  remember(wake: WakeTable, rows: readonly SqlRow[]): void
}

interface Sql {
  exec(query: string, ...bindings: SqlValue[]): SqlRow[]
  transaction<T>(write: () => T): T
}

/** The SQLite that a host gives an actor: what `Storage` is made of. */
export interface HostStorage extends Sql {
  /** True only if no table was ever made here; known without a statement. A host that keeps an alarm here may say false. */
  readonly empty: boolean
  /** Runs statements without bindings, separated by semicolons. */
  run(statements: string): void
}

/** One client connection, which outlives the actor's memory. */
export interface Connection {
  send(frame: Uint8Array): void
  /** WebSocket close code and reason. */
  close(code: number, reason: string): void
  /** The value of the last `attach`, also after hibernation. Structured-cloneable, at most 16 KiB. */
  attachment(): unknown
  attach(attachment: unknown): void
}

/** The other actors of this region: of the same fleet, unless one is named. */
export interface Peers {
  device(client: ClientId): DevicePeer
  deviceOf(fleet: FleetId, client: ClientId): DevicePeer
  leaf(root: Root): LeafPeer
  uplink(root: Root): UplinkPeer
  /** The shard of a root. */
  wide(root: Root): WidePeer
  /** All shards, each at its number. */
  wideShards(): readonly WidePeer[]
  front(name: string): FrontPeer
}

export interface Settings {
  /** The shortest keep alive that a 5.0 client is granted. */
  readonly serverKeepAliveSeconds: number
  readonly packetBytesMax: number
  /** Bound of one uplink's outbox. */
  readonly outboxMessagesMax: number
  /** Bytes that one actor holds in memory while they are on their way (memory-budget.ts). */
  readonly memoryBytesMax: number
  /** Bound of one session's queue, and what a full one does. */
  readonly queue: QueueBound
  /** Bytes of a page of what travels in pages: a state that moves, retained messages for a subscriber. */
  readonly pageBytesMax: number
  readonly clientTokenSecret: string
  /** This region is being emptied: clients are to connect here instead. Null in the usual case. */
  readonly moveTo: string | null
  /** Whether presence events are published. */
  readonly presence: boolean
  /** Topics whose messages are stored as history, and for how long. */
  readonly history: ChosenTopics
}

export interface Platform {
  readonly address: ActorAddress
  readonly region: RegionId
  readonly fleet: FleetId
  readonly settings: Settings
  readonly storage: Storage
  readonly peers: Peers
  readonly core: CoreClient
  now(): number
  /** A fresh name, unique in the world. */
  randomId(): string
  /** 0 to 1, for jitter. */
  random(): number
  /** Runs `task` later unless cancelled; keeps the actor in memory until then. */
  after(ms: number, task: () => void): () => void
  /** Makes sure that `alarm` is called at this time or before. A billed write only if no earlier alarm is set. */
  wakeBy(at: number): void
  connections(): Connection[]
  /** Logs an error that no caller gets. */
  report(what: string, cause: unknown): void
}
