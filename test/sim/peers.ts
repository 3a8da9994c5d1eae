// Calls between the actors of a region, as stubs of workerd make them: in order on one stub, and a stub that failed is
// broken for good. The caching of stubs is the real one (actors/hosts/workerd/peers.ts).
import type { Peers } from '../../actors/platform.ts'
import { type ActorAddress, type ActorKind, parseActorName } from '../../src/id/actor-name.ts'
import { checkCall } from '../actors/platform-limits.ts'
import type { SimActor } from './actor.ts'
import { copy } from './copy.ts'
import { namesIn } from './history.ts'
import type { SimRegion } from './region.ts'
import type { Sender } from './sender.ts'

/** What actors/hosts/workerd wants of its environment; its own types are workerd's. */
interface Namespaces {
  readonly DEVICE: Namespace
  readonly TOPIC: Namespace
  readonly UPLINK: Namespace
  readonly WIDE: Namespace
  readonly FRONT: Namespace
  readonly UPLINK_SHARDS: string
  readonly REGIONS: string
}
interface Namespace {
  getByName(name: string): unknown
}
interface StubCacheLike {
  call<Peer>(address: ActorAddress, use: (peer: Peer) => Promise<unknown>): Promise<unknown>
}
interface PeersModule {
  readonly workerdPeers: (env: Namespaces, self: ActorAddress) => Peers
  readonly StubCache: new (env: Namespaces) => StubCacheLike
}

const file = '../../actors/hosts/workerd/peers.ts'
const real = (await import(file)) as PeersModule

export const UPLINK_SHARDS = '2'
/** All that a simulated world may have. */
const REGIONS = 'eu,us,ap'

export function peersOf(env: Namespaces, self: ActorAddress): Peers {
  return real.workerdPeers(env, self)
}

export function stubCache(env: Namespaces): StubCacheLike {
  return new real.StubCache(env)
}

export function namespaces(region: SimRegion, caller: Sender): Namespaces {
  const namespace = (kind: ActorKind): Namespace => ({
    getByName: (name) => new Stub(caller, region.actor(parseActorName(kind, name))).proxy,
  })
  return {
    DEVICE: namespace('device'),
    TOPIC: namespace('topic'),
    UPLINK: namespace('uplink'),
    WIDE: namespace('wide'),
    FRONT: namespace('front'),
    UPLINK_SHARDS,
    REGIONS,
  }
}

/** One call that is under way. */
export class Call {
  readonly method: string
  readonly stub: Stub
  private readonly resolve: (value: unknown) => void
  private readonly reject: (cause: unknown) => void
  private answered = false

  constructor(
    stub: Stub,
    method: string,
    resolve: (value: unknown) => void,
    reject: (cause: unknown) => void,
  ) {
    this.stub = stub
    this.method = method
    this.resolve = resolve
    this.reject = reject
  }

  succeeded(value: unknown): void {
    this.answer(() => this.resolve(value))
  }

  failed(cause: unknown): void {
    this.answer(() => this.reject(cause))
  }

  private answer(give: () => void): void {
    const { stub } = this
    const { caller } = stub
    if (this.answered) return
    this.answered = true
    stub.open.delete(this)
    const { scheduler } = caller.world
    stub.answerAt = Math.max(stub.answerAt, scheduler.exact + caller.world.edgeDelay())
    scheduler.at(stub.answerAt, caller, () => {
      caller.pending.delete(this)
      caller.enter(give)
    })
  }
}

class Stub {
  readonly caller: Sender
  readonly open = new Set<Call>()
  readonly proxy: object
  answerAt = 0
  private readonly target: SimActor
  private broken = false
  private deaths: number | null = null
  private arriveAt = 0

  constructor(caller: Sender, target: SimActor) {
    this.caller = caller
    this.target = target
    this.proxy = new Proxy(
      {},
      {
        get: (_, method) =>
          typeof method === 'string' && method !== 'then' ? this.method(method) : undefined,
      },
    )
  }

  private method(name: string) {
    return (...parameters: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        const { caller } = this
        if (caller.over) return
        try {
          checkCall(parameters)
          caller.subrequests?.count()
        } catch (cause) {
          reject(cause)
          return
        }
        const call = new Call(this, name, resolve, reject)
        const given = copy(parameters)
        caller.pending.add(call)
        this.open.add(call)
        caller.send(() => this.leave(call, given))
      })
  }

  private leave(call: Call, parameters: unknown[]): void {
    const { world } = this.caller
    const { scheduler } = world
    this.arriveAt = Math.max(this.arriveAt, scheduler.exact + world.edgeDelay())
    const fate = world.faults.edgeCall()
    if (fate === 'lost') {
      scheduler.at(this.arriveAt, this.target, () => this.break(`the call ${call.method} was lost`))
      return
    }
    scheduler.at(this.arriveAt, this.target, () => this.arrive(call, parameters, fate === 'answer lost'))
  }

  private arrive(call: Call, parameters: unknown[], answerLost: boolean): void {
    const { target } = this
    if (!target.region.up) {
      this.break(`${target.region.id} is down`)
      return
    }
    if (this.deaths !== null && this.deaths !== target.deaths) this.break(`${target.name} died`)
    if (this.broken) {
      call.failed(new Error('the stub is broken'))
      return
    }
    this.deaths = target.deaths
    if (target.world.verbose)
      target.world.note(`  ${target.name} is called: ${call.method} ${brief(parameters)}`)
    const batch = parameters[1]
    if (call.method === 'publish' && batch instanceof Uint8Array)
      target.world.history.publishes(target.address.region, batch, target.world.scheduler.exact)
    const life = target.awake()
    life.serving.add(call)
    life.begin(() => {
      life.handle(call.method, parameters).then(
        (value) => {
          try {
            checkCall(value)
          } catch (cause) {
            life.send(() => {
              life.serving.delete(call)
              call.failed(cause)
            })
            return
          }
          const given = copy(value)
          life.send(() => {
            life.serving.delete(call)
            call.succeeded(given)
          })
        },
        (cause) => {
          life.send(() => {
            life.serving.delete(call)
            call.failed(new Error(String(cause)))
          })
        },
      )
    })
    if (answerLost) this.break(`the answer to ${call.method} was lost`)
  }

  /** The connection behind the stub is gone: all its calls fail. */
  private break(why: string): void {
    this.broken = true
    for (const call of [...this.open]) call.failed(new Error(`the stub to ${this.target.name} broke: ${why}`))
  }
}

/** With the payloads, for reading. */
function brief(parameters: readonly unknown[]): string {
  return parameters
    .map((one) => {
      if (one instanceof Uint8Array) return `[${namesIn(one)}]`
      if (typeof one !== 'object' || one === null) return String(one)
      const { records } = one as { records?: string }
      const names = records === undefined ? [] : namesIn(Buffer.from(records, 'base64'))
      return `${JSON.stringify(one).slice(0, 160)} [${names}]`
    })
    .join(' ')
}
