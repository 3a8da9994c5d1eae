// One actor of the simulated edge: what outlives its memory, and its lives, each over a platform of its own.
import type { SocketActor } from '../../actors/actor.ts'
import { DeviceActor } from '../../actors/device/device-actor.ts'
import { DeviceFacts } from '../../actors/device/explain/device-facts.ts'
import { makeActor } from '../../actors/kinds.ts'
import type { Leaf } from '../../actors/leaf/leaf.ts'
import type { HostStorage, Peers, Platform, Settings, Storage } from '../../actors/platform.ts'
import { Database } from '../../actors/storage/database.ts'
import { SCHEMAS } from '../../actors/storage/schemas.ts'
import { TopicActor } from '../../actors/topic/topic-actor.ts'
import { NO_HISTORY, parseChosen } from '../../src/history/chosen.ts'
import { type ActorAddress, actorName } from '../../src/id/actor-name.ts'
import { OutgoingConnections, Subrequests } from '../actors/platform-limits.ts'
import { edgeCore } from './edge-core.ts'
import { memoryReleased } from './memory-check.ts'
import { type Call, namespaces, peersOf } from './peers.ts'
import type { SimRegion } from './region.ts'
import type { Place, Task } from './scheduler.ts'
import type { Sender } from './sender.ts'
import type { SimSocket } from './socket.ts'
import { SimStorage } from './storage.ts'
import type { World } from './world.ts'

const ALL_TOPICS = parseChosen('#=1d')

/** After this long without an event, a timer or a call, workerd takes an actor out of memory. */
const HIBERNATE_AFTER_MS = 10_000
const ALARM_RETRY_MS = 2_000

export class SimActor implements Place {
  readonly world: World
  readonly region: SimRegion
  readonly address: ActorAddress
  readonly name: string
  readonly storage = new SimStorage()
  readonly sockets = new Set<SimSocket>()
  frozen = false
  readonly held: Task[] = []
  life: Life | null = null
  /** How often its process died: stubs to it are broken by that, though not by hibernation. */
  deaths = 0
  alarmAt: number | null = null
  /** Its process dies before the write that makes this 0. */
  writesLeft = Number.POSITIVE_INFINITY
  private alarm: Task | null = null
  private alarmUnderWay = false

  constructor(region: SimRegion, address: ActorAddress) {
    this.region = region
    this.world = region.world
    this.address = address
    this.name = `${address.kind} ${actorName(address)}`
  }

  get around(): Place {
    return this.region
  }

  /** The actor in memory, made if it is not. */
  awake(): Life {
    this.life ??= new Life(this)
    return this.life
  }

  /** The process of the actor dies, and with it its sockets. What was written stays. */
  die(why: string): void {
    this.world.note(`${this.name} dies: ${why}`)
    this.deaths++
    this.writesLeft = Number.POSITIVE_INFINITY
    const { life } = this
    this.life = null
    for (const socket of [...this.sockets]) socket.die()
    life?.end(true)
    // An alarm that was not done goes off again.
    if (this.alarmUnderWay) {
      this.alarmUnderWay = false
      this.wakeBy(this.world.now + (this.region.diskFull ? ALARM_RETRY_MS : 0))
    }
  }

  /** Memory is lost, sockets stay. */
  hibernate(): void {
    if (this.life === null) return
    this.world.note(`${this.name} hibernates`)
    this.life.end(false)
    this.life = null
  }

  hibernateIfIdle(): void {
    const { life } = this
    if (life?.idle !== true || life.lastEventAt + HIBERNATE_AFTER_MS > this.world.now) return
    memoryReleased(life)
    this.hibernate()
  }

  wakeBy(at: number): void {
    if (this.alarmAt !== null && this.alarmAt <= at) return
    this.alarmAt = at
    this.planAlarm()
  }

  /** The region serves again: alarms that came due meanwhile go off. */
  planAlarm(): void {
    if (this.alarm !== null) this.alarm.run = null
    this.alarm = null
    if (this.alarmAt === null) return
    this.alarm = this.world.scheduler.at(this.alarmAt, this, () => {
      this.alarm = null
      if (this.region.up) this.alarmWent()
    })
  }

  private alarmWent(): void {
    this.alarmAt = null
    this.alarmUnderWay = true
    const life = this.awake()
    const { deaths } = this
    life.begin(() => {
      life.alarm().then(
        () => {
          // One that dies in this very event has not done it.
          if (this.deaths === deaths && !life.ghost) this.alarmUnderWay = false
        },
        (cause) => {
          if (this.deaths !== deaths) return
          this.alarmUnderWay = false
          life.report('the alarm failed', cause)
          this.wakeBy(this.world.now + ALARM_RETRY_MS)
        },
      )
    })
  }
}

/** From when an actor comes into memory until that is lost. */
export class Life implements Platform, Place, Sender {
  readonly actor: SimActor
  readonly world: World
  readonly address: ActorAddress
  readonly settings: Settings
  readonly storage: Storage
  readonly peers: Peers
  readonly core = edgeCore(this)
  frozen = false
  readonly held: Task[] = []
  over = false
  /** Calls and requests of this life that are not answered. */
  readonly pending = new Set<object>()
  readonly subrequests = new Subrequests()
  /** Requests to the core. */
  readonly outgoing = new OutgoingConnections()
  /** Calls to this life that are not answered. */
  readonly serving = new Set<Call>()
  lastEventAt = 0
  /** Died in the middle of the event that is running. */
  ghost = false
  private writes = 0
  private readonly timers = new Set<Task>()
  private leaving: { readonly write: number; readonly go: () => void }[] = []
  private readonly inMemory: ReturnType<typeof makeActor>

  constructor(actor: SimActor) {
    this.actor = actor
    this.world = actor.world
    this.address = actor.address
    this.settings = {
      serverKeepAliveSeconds: 600,
      packetBytesMax: 1024 * 1024,
      clientTokenSecret: 'none',
      moveTo: null,
      ...actor.world.settings,
      history: actor.world.settings.history ? ALL_TOPICS : NO_HISTORY,
    }
    const host: HostStorage = {
      get empty() {
        return actor.storage.empty
      },
      exec: (query, ...bindings) => {
        if (!query.startsWith('SELECT')) this.wrote()
        return actor.storage.exec(query, ...bindings)
      },
      // Tables are made in one go: a statement of a schema is no point at which a life ends.
      run: (statements) => actor.storage.run(statements),
      transaction: (write) => actor.storage.transaction(write),
    }
    this.storage = new Database(host, SCHEMAS[actor.address.kind], (what, cause) => this.report(what, cause))
    this.peers = peersOf(namespaces(actor.region, this), actor.address)
    this.inMemory = makeActor(actor.address.kind, this)
    this.lastEventAt = this.world.now
  }

  get around(): Place {
    return this.actor
  }

  get region() {
    return this.address.region
  }

  get fleet() {
    return this.address.fleet
  }

  get sockets(): SocketActor {
    if (!(this.inMemory instanceof DeviceActor)) throw new Error(`${this.actor.name} holds no sockets`)
    return this.inMemory
  }

  /** Null for an uplink, and for a device that was not read from storage yet. */
  get leaf(): Leaf | null {
    if (this.inMemory instanceof TopicActor) return this.inMemory.topic.leaf
    if (!(this.inMemory instanceof DeviceActor)) return null
    return (this.inMemory.gate as unknown as { lazyDevice: { leaf: Leaf } | null }).lazyDevice?.leaf ?? null
  }

  get idle(): boolean {
    return this.timers.size === 0 && this.pending.size === 0 && this.serving.size === 0
  }

  /** An event from outside: what the last one asked of others counts no more. */
  begin(act: () => void): void {
    this.subrequests.reset()
    this.enter(act)
  }

  /** An event of this life. */
  enter(act: () => void): void {
    if (this.over) return
    this.lastEventAt = this.world.now
    this.world.active = this
    act()
  }

  /** The event, and all that it brought about, is over: what it sends leaves. */
  leave(): void {
    const leaving = this.leaving
    this.leaving = []
    if (!this.ghost) {
      for (const { go } of leaving) go()
      return
    }
    this.actor.storage.exorcise()
    // What was sent after the last write that counts may or may not have left.
    const upTo = this.world.random.chance(0.5) ? this.writes : this.writes - 1
    for (const { write, go } of leaving) if (write <= upTo) go()
    this.actor.die('between two writes')
  }

  end(dead: boolean): void {
    this.over = true
    for (const timer of this.timers) timer.run = null
    this.timers.clear()
    this.pending.clear()
    if (dead)
      for (const call of this.serving) call.failed(new Error(`the process of ${this.actor.name} died`))
    this.serving.clear()
  }

  /** Sends leave when the event is over. */
  send(go: () => void): void {
    if (!this.over && !this.ghost) this.leaving.push({ write: this.writes, go })
  }

  // Events and calls --------------------------------------------------------------------------------------------------

  async alarm(): Promise<void> {
    await this.inMemory.alarm()
  }

  async handle(method: string, parameters: unknown[]): Promise<unknown> {
    const called: unknown = Reflect.get(this.inMemory, method)
    if (typeof called !== 'function') throw new Error(`${this.actor.name} has no ${method}`)
    return Reflect.apply(called, this.inMemory, parameters)
  }

  // Platform ----------------------------------------------------------------------------------------------------------

  now(): number {
    return this.actor.region.now()
  }

  randomId(): string {
    return this.world.freshName()
  }

  random(): number {
    return this.world.random.next()
  }

  after(ms: number, task: () => void): () => void {
    if (this.over || this.ghost) return () => undefined
    const timer = this.world.scheduler.after(ms, this, () => {
      this.timers.delete(timer)
      this.enter(task)
    })
    this.timers.add(timer)
    return () => {
      timer.run = null
      this.timers.delete(timer)
    }
  }

  wakeBy(at: number): void {
    if (!this.over && !this.ghost) this.actor.wakeBy(at - this.actor.region.clockAheadMs)
  }

  connections(): SimSocket[] {
    return [...this.actor.sockets].filter(({ open }) => open)
  }

  report(what: string, cause: unknown): void {
    this.world.note(`${this.actor.name} reports: ${what}: ${String(cause)}`)
  }

  private wrote(): void {
    if (this.ghost || this.over) return
    if (--this.actor.writesLeft < 0 || this.actor.region.diskFull) {
      this.ghost = true
      this.actor.storage.haunt()
    } else {
      this.writes++
    }
  }
}

const countDropped = DeviceFacts.prototype.queueDropped
/** What a full queue drops, and counts, is conceded. */
DeviceFacts.prototype.queueDropped = function (deliveries) {
  countDropped.call(this, deliveries)
  const { world, address } = (this as unknown as { readonly platform: Life }).platform
  world.history.drops(address.id, deliveries)
}
