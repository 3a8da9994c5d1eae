// The UplinkActor as hosts run it: one shard of a region's link to the core.
import type { Actor } from '../actor.ts'
import type { Platform } from '../platform.ts'
import { Syncer } from './syncer.ts'
import { Uplink } from './uplink.ts'
import type { UplinkPeer } from './uplink-peer.ts'

export class UplinkActor implements UplinkPeer, Actor {
  private readonly uplink: Uplink
  private readonly syncer: Syncer

  constructor(platform: Platform) {
    this.uplink = new Uplink(platform)
    this.syncer = new Syncer(platform)
  }

  async alarm(): Promise<void> {
    this.uplink.alarm()
  }

  send(...parameters: Parameters<UplinkPeer['send']>) {
    return this.uplink.send(...parameters)
  }

  sync(...parameters: Parameters<UplinkPeer['sync']>) {
    return this.syncer.sync(...parameters)
  }

  drained(...parameters: Parameters<UplinkPeer['drained']>) {
    return this.uplink.drained(...parameters)
  }

  drainedWide(...parameters: Parameters<UplinkPeer['drainedWide']>) {
    return this.uplink.drainedWide(...parameters)
  }

  async explain(...[root, topic, trace]: Parameters<UplinkPeer['explain']>) {
    return this.uplink.explain({ root, topic, trace })
  }

  async confirmPickup(...parameters: Parameters<UplinkPeer['confirmPickup']>) {
    this.uplink.confirmPickup(...parameters)
  }

  async pickUp(...parameters: Parameters<UplinkPeer['pickUp']>) {
    return this.uplink.pickUp(...parameters)
  }
}
