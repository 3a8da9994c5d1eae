// The platform port for tests in Node: everything that the actor sees is in the test's hand, and the same every time.

import { type CoreClient, CoreUnreachable } from '../../actors/core/core-client.ts'
import { ACTOR_MEMORY_BYTES_MAX, MOVE_PAGE_BYTES_MAX } from '../../actors/limits.ts'
import type { HostStorage, Peers, Platform, Settings, SqlValue, Storage } from '../../actors/platform.ts'
import { Database } from '../../actors/storage/database.ts'
import { SCHEMAS } from '../../actors/storage/schemas.ts'
import { NO_HISTORY } from '../../src/history/chosen.ts'
import { type ActorAddress, actorName } from '../../src/id/actor-name.ts'
import { Pieces } from '../../src/relay/pieces.ts'
import { QUEUE_MESSAGES_MAX } from '../../src/session/limits.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeConnection } from './fake-connection.ts'
import { fakeCore, fakePeers } from './fake-peers.ts'
import { FakeStorage } from './fake-storage.ts'
import { checkCall, checkMemory, OutgoingConnections, Subrequests } from './platform-limits.ts'

export const SECRET = 'a secret of more than thirty-two characters'

export interface Surroundings {
  /** Shared by all actors that shall live in one time. */
  readonly clock?: FakeClock
  readonly peers?: Peers
  readonly core?: CoreClient
  readonly settings?: Partial<Settings>
  /** 0 to 1. */
  readonly random?: () => number
}

/** What outlives an actor's memory. */
interface Lasting {
  readonly storage: FakeStorage
  readonly connections: Set<FakeConnection>
  readonly reports: { readonly what: string; readonly cause: unknown }[]
  alarmAt: number | null
  names: number
}

/** One life of one actor: from when it comes into memory until that is lost. */
export class FakePlatform implements Platform {
  readonly address: ActorAddress
  readonly clock: FakeClock
  readonly settings: Settings
  readonly storage: Storage
  readonly peers: Peers
  readonly core: CoreClient
  private readonly surroundings: Surroundings
  private readonly lasting: Lasting
  private readonly timers = new Set<() => void>()
  private readonly subrequests = new Subrequests()
  private readonly outgoing = new OutgoingConnections()
  private counting = false
  private over = false

  /** @param lasting of the life before */
  constructor(address: ActorAddress, surroundings: Surroundings = {}, lasting?: Lasting) {
    this.address = address
    this.clock = surroundings.clock ?? new FakeClock()
    this.surroundings = { ...surroundings, clock: this.clock }
    this.lasting = lasting ?? {
      storage: new FakeStorage(),
      connections: new Set(),
      reports: [],
      alarmAt: null,
      names: 0,
    }
    this.settings = {
      serverKeepAliveSeconds: 600,
      packetBytesMax: 1024 * 1024,
      outboxMessagesMax: 100_000,
      memoryBytesMax: ACTOR_MEMORY_BYTES_MAX,
      queue: { messagesMax: QUEUE_MESSAGES_MAX, whenFull: 'drop-oldest' },
      pageBytesMax: MOVE_PAGE_BYTES_MAX,
      clientTokenSecret: SECRET,
      moveTo: null,
      presence: true,
      history: NO_HISTORY,
      ...surroundings.settings,
    }
    const { storage } = this.lasting
    const alive = <T>(use: () => T): T => {
      this.mustLive()
      return use()
    }
    const host: HostStorage = {
      get empty() {
        return storage.empty
      },
      exec: (query: string, ...bindings: SqlValue[]) => alive(() => storage.exec(query, ...bindings)),
      run: (statements) => alive(() => storage.run(statements)),
      transaction: (write) => alive(() => storage.transaction(write)),
    }
    this.storage = new Database(host, SCHEMAS[address.kind], (what, cause) => this.report(what, cause))
    const peers = surroundings.peers ?? fakePeers()
    this.peers = {
      device: (client) => this.remote(peers.device(client)),
      deviceOf: (fleet, client) => this.remote(peers.deviceOf(fleet, client)),
      leaf: (root) => this.remote(peers.leaf(root)),
      uplink: (root) => this.remote(peers.uplink(root)),
      wide: (root) => this.remote(peers.wide(root)),
      wideShards: () => peers.wideShards().map((shard) => this.remote(shard)),
      front: (name) => this.remote(peers.front(name)),
    }
    this.core = this.remote(surroundings.core ?? fakeCore(address.region), this.outgoing)
  }

  get region() {
    return this.address.region
  }

  get fleet() {
    return this.address.fleet
  }

  /** How many statements storage was given, over all lives. */
  get execs(): number {
    return this.lasting.storage.execs
  }

  /** All that is stored. */
  bytes(): unknown {
    return this.lasting.storage.bytes()
  }

  /** What actors reported, over all lives. */
  get reports(): readonly { readonly what: string; readonly cause: unknown }[] {
    return this.lasting.reports
  }

  /** When the actor is to be woken, or null. */
  get alarmAt(): number | null {
    return this.lasting.alarmAt
  }

  /**
   * The actor's memory is lost: its timers never fire, nothing that it waits for is ever answered. Returns the platform
   * of its next life, over the same storage, the same open connections and the same alarm.
   */
  loseMemory(): FakePlatform {
    this.over = true
    for (const cancel of this.timers) cancel()
    this.timers.clear()
    return new FakePlatform(this.address, this.surroundings, this.lasting)
  }

  /** As `loseMemory`, and nothing is left in storage either. */
  loseStorage(): FakePlatform {
    this.loseMemory()
    return new FakePlatform(this.address, this.surroundings)
  }

  /** A client's socket opens. */
  accept(): FakeConnection {
    const connection = new FakeConnection()
    this.lasting.connections.add(connection)
    return connection
  }

  /** To be called before the actor's own alarm: there is none now. */
  alarmWent(): void {
    this.lasting.alarmAt = null
  }

  now(): number {
    return this.clock.now
  }

  randomId(): string {
    return `${this.address.kind} ${actorName(this.address)} ${++this.lasting.names}`
  }

  random(): number {
    return this.surroundings.random?.() ?? 0.5
  }

  after(ms: number, task: () => void): () => void {
    const cancelTimer = this.clock.after(ms, () => {
      this.timers.delete(cancel)
      task()
    })
    const cancel = () => {
      this.timers.delete(cancel)
      cancelTimer()
    }
    if (this.over) cancelTimer()
    else this.timers.add(cancel)
    return cancel
  }

  wakeBy(at: number): void {
    this.mustLive()
    this.lasting.alarmAt = Math.min(at, this.lasting.alarmAt ?? at)
  }

  connections(): FakeConnection[] {
    return [...this.lasting.connections].filter(({ open }) => open)
  }

  report(what: string, cause: unknown): void {
    this.lasting.reports.push({ what, cause })
  }

  private mustLive(): void {
    if (this.over) throw new Error(`${actorName(this.address)} acts after its memory was lost`)
  }

  /**
   * Calls as they are between actors: what goes and comes is copied and bounded, and no answer reaches a life that is over.
   * @param connections of requests to the core
   */
  private remote<T extends object>(peer: T, connections: OutgoingConnections | null = null): T {
    return new Proxy(peer, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return async (...parameters: unknown[]) => {
          if (this.over) return new Promise(() => undefined)
          this.countSubrequest()
          checkMemory(this)
          const signal = parameters.find((one) => one instanceof AbortSignal)
          const given = structuredClone(parameters.filter((one) => one !== signal).map(whole))
          checkCall(given)
          await connections?.begin()
          try {
            const answer: unknown = await Promise.race([
              Reflect.apply(method, target, given),
              aborted(signal),
            ])
            if (this.over) return await new Promise(() => undefined)
            checkCall(answer)
            return structuredClone(answer)
          } catch (cause) {
            if (this.over) return await new Promise(() => undefined)
            throw cause
          } finally {
            connections?.gotHeaders()
          }
        }
      },
    })
  }

  /** An event is what happens without a pause. */
  private countSubrequest(): void {
    this.subrequests.count()
    if (this.counting) return
    this.counting = true
    setImmediate(() => {
      this.counting = false
      this.subrequests.reset()
    })
  }
}

/** Bytes that lie in several places become one, as in the body of a call. */
function whole(value: unknown): unknown {
  if (value instanceof Pieces) return value.joined()
  if (Array.isArray(value)) return value.map(whole)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, whole(one)]))
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, failed) => {
    signal?.addEventListener('abort', () => failed(new CoreUnreachable(`given up: ${String(signal.reason)}`)))
  })
}
