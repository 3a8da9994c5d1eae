// UplinkActor as workerd runs it.
import { DurableObject } from 'cloudflare:workers'
import { uplinkFacts } from '../../uplink/facts.ts'
import { Syncer } from '../../uplink/syncer.ts'
import { Uplink } from '../../uplink/uplink.ts'
import type { UplinkPeer } from '../../uplink/uplink-peer.ts'
import type { Env } from './env.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

export class UplinkActor extends DurableObject<Env> implements UplinkPeer {
  private readonly platform: WorkerdPlatform
  private readonly uplink: Uplink
  private readonly syncer: Syncer

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.platform = new WorkerdPlatform(ctx, env, 'uplink')
    this.uplink = new Uplink(this.platform)
    this.syncer = new Syncer(this.platform)
  }

  override async alarm(): Promise<void> {
    this.platform.alarmWent()
    this.uplink.alarm()
    await this.platform.settled()
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
    return uplinkFacts(this.uplink, { root, topic, trace }, this.platform.now())
  }

  async took(...parameters: Parameters<UplinkPeer['took']>) {
    this.uplink.took(...parameters)
  }

  async take(...parameters: Parameters<UplinkPeer['take']>) {
    return this.uplink.take(...parameters)
  }
}
