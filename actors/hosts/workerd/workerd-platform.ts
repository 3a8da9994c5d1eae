// The platform port over workerd: hibernating WebSockets, SQLite, one alarm.

import { type ActorAddress, type ActorKind, parseActorName } from '../../../src/id/actor-name.ts'
import type { CoreClient } from '../../core/core-client.ts'
import type {
  Connection,
  HostStorage,
  Peers,
  Platform,
  Settings,
  SqlRow,
  SqlValue,
  Storage,
} from '../../platform.ts'
import { Database } from '../../storage/database.ts'
import { SCHEMAS } from '../../storage/schemas.ts'
import { coreClient } from './core-fetch.ts'
import type { Env } from './env.ts'
import { logError } from './log.ts'
import { workerdPeers } from './peers.ts'
import { settingsOf } from './settings.ts'
import { orEnd } from './storage-full.ts'

/** SQLite's first page, which holds no table yet. */
const EMPTY_DATABASE_BYTES = 4096

export class WorkerdPlatform implements Platform {
  readonly address: ActorAddress
  readonly settings: Settings
  readonly storage: Storage
  readonly peers: Peers
  readonly core: CoreClient
  private readonly ctx: DurableObjectState
  private readonly known = new WeakMap<WebSocket, Connection>()
  /** Undefined until it is read; null if no alarm is set. */
  private alarmAt: number | null | undefined
  private alarmWrites: Promise<void> = Promise.resolve()

  constructor(ctx: DurableObjectState, env: Env, kind: ActorKind) {
    this.ctx = ctx
    this.address = parseActorName(kind, ctx.id.name ?? '')
    this.settings = settingsOf(env)
    const { storage } = ctx
    const end = (reason: string) => ctx.abort(reason)
    const host: HostStorage = {
      get empty() {
        return storage.sql.databaseSize <= EMPTY_DATABASE_BYTES
      },
      exec: (query: string, ...bindings: SqlValue[]) =>
        orEnd(() => storage.sql.exec(query, ...bindings.map(bindable)).toArray() as SqlRow[], end),
      run: (statements) => orEnd(() => void storage.sql.exec(statements), end),
      transaction: (write) => orEnd(() => storage.transactionSync(write), end),
    }
    this.storage = new Database(host, SCHEMAS[kind], (what, cause) => this.report(what, cause))
    this.peers = workerdPeers(env, this.address)
    this.core = coreClient(env, this.address.region)
  }

  get region() {
    return this.address.region
  }

  get fleet() {
    return this.address.fleet
  }

  now(): number {
    return Date.now()
  }

  randomId(): string {
    return crypto.randomUUID()
  }

  random(): number {
    return Math.random()
  }

  after(ms: number, task: () => void): () => void {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  }

  wakeBy(at: number): void {
    if (this.alarmAt != null && this.alarmAt <= at) return
    this.alarmWrites = this.alarmWrites
      .then(async () => {
        if (this.alarmAt === undefined) this.alarmAt = await this.ctx.storage.getAlarm()
        if (this.alarmAt !== null && this.alarmAt <= at) return
        this.alarmAt = at
        await this.ctx.storage.setAlarm(at)
      })
      .catch((cause) => this.report('the alarm was not set', cause))
  }

  /** Call this first when the alarm goes off: no alarm is set any more. */
  alarmWent(): void {
    this.alarmAt = null
  }

  /** Resolves when the last `wakeBy` is in storage. */
  settled(): Promise<void> {
    return this.alarmWrites
  }

  connections(): Connection[] {
    return this.ctx.getWebSockets().map((socket) => this.connection(socket))
  }

  /** The same object for the same socket, as long as the actor is in memory. */
  connection(socket: WebSocket): Connection {
    let connection = this.known.get(socket)
    if (connection === undefined) {
      connection = new SocketConnection(socket)
      this.known.set(socket, connection)
    }
    return connection
  }

  report(what: string, cause: unknown): void {
    const { kind, region, fleet, id } = this.address
    logError(what, { kind, region, fleet, id }, cause)
  }
}

class SocketConnection implements Connection {
  private readonly socket: WebSocket

  constructor(socket: WebSocket) {
    this.socket = socket
  }

  send(frame: Uint8Array): void {
    try {
      this.socket.send(frame)
    } catch {
      // Closing already; the close event tells the actor.
    }
  }

  close(code: number, reason: string): void {
    try {
      this.socket.close(code, reason)
    } catch {
      // Closed already.
    }
  }

  attachment(): unknown {
    return this.socket.deserializeAttachment()
  }

  attach(attachment: unknown): void {
    this.socket.serializeAttachment(attachment)
  }
}

/** workerd's SQLite binds only whole ArrayBuffers, so a view is copied first. */
function bindable(value: SqlValue): string | number | ArrayBuffer | null {
  if (!(value instanceof Uint8Array)) return value
  return value.byteLength === value.buffer.byteLength ? (value.buffer as ArrayBuffer) : value.slice().buffer
}
