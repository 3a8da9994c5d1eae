// The five kinds of actors: how a host brings one into memory, and the names of its methods, for hosts that carry calls by name.
import type { ActorKind } from '../src/id/actor-name.ts'
import { DeviceActor } from './device/device-actor.ts'
import type { DevicePeer } from './device/device-peer.ts'
import { FrontActor } from './front/front-actor.ts'
import type { FrontPeer } from './front/front-peer.ts'
import type { LeafPeer } from './leaf/leaf-peer.ts'
import './limits-check.ts'
import type { Platform } from './platform.ts'
import { TopicActor } from './topic/topic-actor.ts'
import { UplinkActor } from './uplink/uplink-actor.ts'
import type { UplinkPeer } from './uplink/uplink-peer.ts'
import { WideActor } from './wide/wide-actor.ts'
import type { WidePeer } from './wide/wide-peer.ts'

/** Every method of a contract, so that the compiler finds one that is missing here: a call of it would fail only when it is made. */
type MethodsOf<Peer> = Readonly<Record<keyof Peer & string, true>>

const LEAF: MethodsOf<LeafPeer> = {
  publish: true,
  subscribe: true,
  unsubscribe: true,
  share: true,
  receive: true,
  interest: true,
  drained: true,
  homeKnown: true,
  copyState: true,
  historySeam: true,
  fence: true,
  handover: true,
  release: true,
  retainedFor: true,
  retainedPage: true,
  explainTopic: true,
}

/** A device is a leaf too. */
const DEVICE: MethodsOf<DevicePeer> = {
  ...LEAF,
  beginsRoot: true,
  publishOwn: true,
  shadow: true,
  command: true,
  deliver: true,
  presence: true,
  session: true,
  accessChanged: true,
  explainReceiver: true,
  explainPublisher: true,
  frontOpened: true,
  frontFrames: true,
  frontClosed: true,
}

const UPLINK: MethodsOf<UplinkPeer> = {
  send: true,
  pickUp: true,
  confirmPickup: true,
  drained: true,
  drainedWide: true,
  sync: true,
  explain: true,
}

const WIDE: MethodsOf<WidePeer> = {
  publish: true,
  receive: true,
  subscribe: true,
  unsubscribe: true,
  fence: true,
  drained: true,
  learn: true,
  retains: true,
  share: true,
  retained: true,
  retainedElsewhere: true,
  explain: true,
}

const FRONT: MethodsOf<FrontPeer> = { send: true, close: true }

/** The methods that other actors and the relay call, by the kind of the actor. */
export const METHODS: Readonly<Record<ActorKind, readonly string[]>> = {
  device: Object.keys(DEVICE),
  topic: Object.keys(LEAF),
  uplink: Object.keys(UPLINK),
  wide: Object.keys(WIDE),
  front: Object.keys(FRONT),
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
