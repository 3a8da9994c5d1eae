// WideActor as workerd runs it.
import { DurableObject } from 'cloudflare:workers'
import { Wide } from '../../wide/wide.ts'
import type { WidePeer } from '../../wide/wide-peer.ts'
import type { Env } from './env.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

export class WideActor extends DurableObject<Env> implements WidePeer {
  private readonly platform: WorkerdPlatform
  private readonly wide: Wide

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.platform = new WorkerdPlatform(ctx, env, 'wide')
    this.wide = new Wide(this.platform, Number(this.platform.address.id))
  }

  override async alarm(): Promise<void> {
    this.platform.alarmWent()
    await this.wide.alarm()
    await this.platform.settled()
  }

  publish(...parameters: Parameters<WidePeer['publish']>) {
    return this.wide.publish(...parameters)
  }

  receive(...parameters: Parameters<WidePeer['receive']>) {
    return this.wide.receive(...parameters)
  }

  share(...parameters: Parameters<WidePeer['share']>) {
    return this.wide.share(...parameters)
  }

  subscribe(...parameters: Parameters<WidePeer['subscribe']>) {
    return this.wide.subscribe(...parameters)
  }

  async unsubscribe(...parameters: Parameters<WidePeer['unsubscribe']>) {
    this.wide.unsubscribe(...parameters)
  }

  fence(...parameters: Parameters<WidePeer['fence']>) {
    return this.wide.fence(...parameters)
  }

  drained(...parameters: Parameters<WidePeer['drained']>) {
    return this.wide.drained(...parameters)
  }

  async explain(...parameters: Parameters<WidePeer['explain']>) {
    return this.wide.explain(...parameters)
  }

  async learn(...parameters: Parameters<WidePeer['learn']>) {
    return this.wide.learn(...parameters)
  }

  async retains(...parameters: Parameters<WidePeer['retains']>) {
    this.wide.retains(...parameters)
  }

  retained(...parameters: Parameters<WidePeer['retained']>) {
    return this.wide.retained(...parameters)
  }

  retainedElsewhere(...parameters: Parameters<WidePeer['retainedElsewhere']>) {
    return this.wide.retainedElsewhere(...parameters)
  }
}
