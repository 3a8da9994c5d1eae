// The WideActor as hosts run it: one shard of a region's wide filters.
import type { Actor } from '../actor.ts'
import type { Platform } from '../platform.ts'
import { Wide } from './wide.ts'
import type { WidePeer } from './wide-peer.ts'

export class WideActor implements WidePeer, Actor {
  readonly wide: Wide

  constructor(platform: Platform) {
    this.wide = new Wide(platform, Number(platform.address.id))
  }

  alarm(): Promise<void> {
    return this.wide.alarm()
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
