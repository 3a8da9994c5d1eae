// The other actors of a region, found by what they stand for. How an actor at an address is called is the host's affair.
import {
  type ActorAddress,
  deviceAddress,
  frontAddress,
  leafAddress,
  uplinkAddress,
  WIDE_SHARDS,
  wideAddress,
  wideShard,
} from '../src/id/actor-name.ts'
import type { DevicePeer } from './device/device-peer.ts'
import type { FrontPeer } from './front/front-peer.ts'
import type { LeafPeer } from './leaf/leaf-peer.ts'
import type { Peers } from './platform.ts'
import type { UplinkPeer } from './uplink/uplink-peer.ts'
import type { WidePeer } from './wide/wide-peer.ts'

/** The contract of the actor at an address; the same object for the same address, as far as memory allows. */
export type PeerAt = <Peer extends object>(address: ActorAddress) => Peer

/** @param self whose peers they are: of its region, and of its fleet unless another is named */
export function peersOf({ region, fleet }: ActorAddress, uplinkShards: number, at: PeerAt): Peers {
  const wide = (shard: number) => at<WidePeer>(wideAddress(region, fleet, shard))
  return {
    device: (client) => at<DevicePeer>(deviceAddress(region, fleet, client)),
    deviceOf: (otherFleet, client) => at<DevicePeer>(deviceAddress(region, otherFleet, client)),
    leaf: (root) => at<LeafPeer>(leafAddress(region, fleet, root)),
    uplink: (root) => at<UplinkPeer>(uplinkAddress(region, fleet, root, uplinkShards)),
    wide: (root) => wide(wideShard(root)),
    wideShards: () => Array.from({ length: WIDE_SHARDS }, (_, shard) => wide(shard)),
    front: (id) => at<FrontPeer>(frontAddress(region, id)),
  }
}
