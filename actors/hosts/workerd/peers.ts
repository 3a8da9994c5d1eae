// The other actors, over workerd's RPC. Calls on one stub arrive in the order in which they were made; a stub that
// failed is broken for good, so once its calls are over the next one gets a new stub.
import {
  type ActorAddress,
  actorName,
  deviceAddress,
  frontAddress,
  leafAddress,
  uplinkAddress,
  WIDE_SHARDS,
  wideAddress,
  wideShard,
} from '../../../src/id/actor-name.ts'
import type { DevicePeer } from '../../device/device-peer.ts'
import type { FrontPeer } from '../../front/front-peer.ts'
import type { LeafPeer } from '../../leaf/leaf-peer.ts'
import type { Peers } from '../../platform.ts'
import type { UplinkPeer } from '../../uplink/uplink-peer.ts'
import type { WidePeer } from '../../wide/wide-peer.ts'
import type { Env } from './env.ts'
import { locationHint } from './region.ts'

const STUBS_MAX = 10_000
const UPLINK_SHARDS_DEFAULT = 8

export function uplinkShards(env: Env): number {
  return Number(env.UPLINK_SHARDS ?? UPLINK_SHARDS_DEFAULT)
}

export class StubCache {
  private readonly env: Env
  private readonly stubs = new Map<string, { readonly stub: unknown; calls: number; failed: boolean }>()

  constructor(env: Env) {
    this.env = env
  }

  /** Calls one method of an actor. Rejects when the actor threw or its process died. */
  async call<Peer>(address: ActorAddress, use: (peer: Peer) => Promise<unknown>): Promise<unknown> {
    const name = actorName(address)
    const key = `${address.kind} ${name}`
    let entry = this.stubs.get(key)
    if (entry === undefined) {
      if (this.stubs.size >= STUBS_MAX) this.sweep()
      const namespace = {
        device: this.env.DEVICE,
        topic: this.env.TOPIC,
        uplink: this.env.UPLINK,
        wide: this.env.WIDE,
        front: this.env.FRONT,
      }[address.kind]
      entry = { stub: namespace.getByName(name, locationHint(address.region)), calls: 0, failed: false }
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
      // With calls under way that will fail too, the next ones must do so with them, or they would overtake those.
      if (entry.failed && entry.calls === 0 && this.stubs.get(key) === entry) this.stubs.delete(key)
    }
  }

  /** A stub with a call under way stays: the next call must not overtake it on another. */
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
        stubs.call<Record<string, RemoteCall>>(address, (stub) =>
          (stub[method] as RemoteCall)(...parameters),
        ),
    ]),
  ) as Peer
}

const LEAF = [
  'publish',
  'subscribe',
  'unsubscribe',
  'share',
  'receive',
  'interest',
  'drained',
  'homeKnown',
  'historySeam',
  'fence',
  'handover',
  'release',
  'retainedFor',
  'explainTopic',
] as const
/** By kind and not by what a caller wants: a device is a leaf too, and one object stands for both. */
const METHODS: {
  readonly device: readonly (keyof DevicePeer)[]
  readonly topic: readonly (keyof LeafPeer)[]
  readonly uplink: readonly (keyof UplinkPeer)[]
  readonly wide: readonly (keyof WidePeer)[]
  readonly front: readonly (keyof FrontPeer)[]
} = {
  device: [
    ...LEAF,
    'publishOwn',
    'deliver',
    'presence',
    'accessChanged',
    'explainReceiver',
    'explainPublisher',
    'frontOpened',
    'frontFrames',
    'frontClosed',
  ],
  topic: LEAF,
  uplink: ['send', 'take', 'took', 'drained', 'drainedWide', 'sync', 'explain'],
  wide: [
    'publish',
    'receive',
    'subscribe',
    'unsubscribe',
    'fence',
    'drained',
    'learn',
    'retains',
    'share',
    'retained',
    'retainedElsewhere',
    'explain',
  ],
  front: ['send', 'close'],
}

export function workerdPeers(env: Env, self: ActorAddress): Peers {
  const stubs = new StubCache(env)
  const known = new Map<string, object>()
  const { region, fleet } = self
  // Made once for each actor: a call is on the path of every message.
  const at = <Peer extends object>(address: ActorAddress): Peer => {
    const key = `${address.kind} ${actorName(address)}`
    let found = known.get(key)
    if (found === undefined) {
      if (known.size >= STUBS_MAX) known.clear()
      found = peer<Peer>(stubs, address)
      known.set(key, found)
    }
    return found as Peer
  }
  const wide = (shard: number) => at<WidePeer>(wideAddress(region, fleet, shard))
  return {
    device: (client) => at<DevicePeer>(deviceAddress(region, fleet, client)),
    deviceOf: (otherFleet, client) => at<DevicePeer>(deviceAddress(region, otherFleet, client)),
    leaf: (root) => at<LeafPeer>(leafAddress(region, fleet, root)),
    uplink: (root) => at<UplinkPeer>(uplinkAddress(region, fleet, root, uplinkShards(env))),
    wide: (root) => wide(wideShard(root)),
    wideShards: () => Array.from({ length: WIDE_SHARDS }, (_, shard) => wide(shard)),
    front: (id) => at<FrontPeer>(frontAddress(region, id)),
  }
}
