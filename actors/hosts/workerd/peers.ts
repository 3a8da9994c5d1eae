// The other actors, over workerd's RPC. Calls on one stub arrive in the order in which they were made; a stub that
// failed is broken for good, so once its calls are over the next one gets a new stub.
import { type ActorAddress, actorName } from '../../../src/id/actor-name.ts'
import type { ActorCalls } from '../../http/edge.ts'
import { METHODS } from '../../kinds.ts'
import { peersOf } from '../../peers.ts'
import type { Peers } from '../../platform.ts'
import type { Env } from './env.ts'
import { locationHint } from './region.ts'
import { uplinkShards } from './settings.ts'

const STUBS_MAX = 10_000

/** The namespace that holds actors of this kind. */
export function namespaceOf(env: Env, kind: ActorAddress['kind']): DurableObjectNamespace {
  return { device: env.DEVICE, topic: env.TOPIC, uplink: env.UPLINK, wide: env.WIDE, front: env.FRONT }[kind]
}

export class StubCache implements ActorCalls {
  private readonly env: Env
  private readonly stubs = new Map<string, { readonly stub: unknown; calls: number; failed: boolean }>()

  constructor(env: Env) {
    this.env = env
  }

  async call<Peer, Answer>(address: ActorAddress, use: (peer: Peer) => Promise<Answer>): Promise<Answer> {
    const name = actorName(address)
    const key = `${address.kind} ${name}`
    let entry = this.stubs.get(key)
    if (entry === undefined) {
      if (this.stubs.size >= STUBS_MAX) this.sweep()
      const stub = namespaceOf(this.env, address.kind).getByName(name, locationHint(address.region, this.env))
      entry = { stub, calls: 0, failed: false }
      this.stubs.set(key, entry)
    }
    entry.calls++
    try {
      return await use(entry.stub as Peer)
    } catch (cause) {
      entry.failed = true
      throw cause
    } finally {
      entry.calls--
      // Calls that are under way will fail too. The next call must fail with them, or it would arrive before their retries.
      if (entry.failed && entry.calls === 0 && this.stubs.get(key) === entry) this.stubs.delete(key)
    }
  }

  /** A stub with a call under way stays: the next call on another stub could arrive before that call. */
  private sweep(): void {
    for (const [key, { calls }] of this.stubs) if (calls === 0) this.stubs.delete(key)
  }
}

type RemoteCall = (...parameters: unknown[]) => Promise<unknown>

/** An object with each of an actor's methods, made as calls to the actor at the address. */
function peer<Peer extends object>(stubs: StubCache, address: ActorAddress): Peer {
  return Object.fromEntries(
    METHODS[address.kind].map((method) => [
      method,
      (...parameters: unknown[]) =>
        // A stub makes a remote call of any property, so a method must be called on it and not taken from it.
        stubs.call<Record<string, RemoteCall>, unknown>(address, (stub) =>
          (stub[method] as RemoteCall)(...parameters),
        ),
    ]),
  ) as Peer
}

export function workerdPeers(env: Env, self: ActorAddress): Peers {
  const stubs = new StubCache(env)
  const known = new Map<string, object>()
  // Made once for each actor: a call is on the path of every message.
  return peersOf(self, uplinkShards(env), <Peer extends object>(address: ActorAddress): Peer => {
    const key = `${address.kind} ${actorName(address)}`
    let found = known.get(key)
    if (found === undefined) {
      if (known.size >= STUBS_MAX) known.clear()
      found = peer<Peer>(stubs, address)
      known.set(key, found)
    }
    return found as Peer
  })
}
