// The five kinds of actors: how a host brings one into memory, and the names of its methods, for hosts that carry calls by name.
import type { ActorKind } from '../src/id/actor-name.ts'
import { DeviceActor } from './device/device-actor.ts'
import type { DevicePeer } from './device/device-peer.ts'
import { FrontActor } from './front/front-actor.ts'
import type { FrontPeer } from './front/front-peer.ts'
import type { LeafPeer } from './leaf/leaf-peer.ts'
import type { Platform } from './platform.ts'
import { TopicActor } from './topic/topic-actor.ts'
import { UplinkActor } from './uplink/uplink-actor.ts'
import type { UplinkPeer } from './uplink/uplink-peer.ts'
import { WideActor } from './wide/wide-actor.ts'
import type { WidePeer } from './wide/wide-peer.ts'

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
] as const satisfies readonly (keyof LeafPeer)[]

/** The methods that other actors and the relay call, by the kind of the actor. A device is a leaf too. */
export const METHODS: {
  readonly device: readonly (keyof DevicePeer)[]
  readonly topic: readonly (keyof LeafPeer)[]
  readonly uplink: readonly (keyof UplinkPeer)[]
  readonly wide: readonly (keyof WidePeer)[]
  readonly front: readonly (keyof FrontPeer)[]
} = {
  device: [
    ...LEAF,
    'publishOwn',
    'shadow',
    'command',
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

const ACTORS = {
  device: DeviceActor,
  topic: TopicActor,
  uplink: UplinkActor,
  wide: WideActor,
  front: FrontActor,
} as const

export type ActorOf<Kind extends ActorKind> = InstanceType<(typeof ACTORS)[Kind]>

/** Brings an actor into memory. */
export function makeActor<Kind extends ActorKind>(kind: Kind, platform: Platform): ActorOf<Kind> {
  return new ACTORS[kind](platform) as ActorOf<Kind>
}
