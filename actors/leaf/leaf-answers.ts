// The part of a leaf's contract that DeviceActor and TopicActor answer alike.
import { unpackBatch } from '../../src/relay/batch.ts'
import type { ExplainAsked } from '../../src/relay/explain.ts'
import { leafFacts } from '../explain/leaf-facts.ts'
import type { Platform } from '../platform.ts'
import type { Leaf } from './leaf.ts'
import type { LeafPeer } from './leaf-peer.ts'

export abstract class LeafAnswers implements Omit<LeafPeer, 'handover' | 'release'> {
  protected readonly platform: Platform

  constructor(platform: Platform) {
    this.platform = platform
  }

  protected abstract get leaf(): Leaf

  publish(...[publisher, batch]: Parameters<LeafPeer['publish']>) {
    return this.leaf.publish(publisher, unpackBatch(batch))
  }

  subscribe(...parameters: Parameters<LeafPeer['subscribe']>) {
    return this.leaf.subscribe(...parameters)
  }

  async unsubscribe(...parameters: Parameters<LeafPeer['unsubscribe']>) {
    this.leaf.unsubscribe(...parameters)
  }

  share(...[session, batch]: Parameters<LeafPeer['share']>) {
    return this.leaf.share(session, unpackBatch(batch))
  }

  receive(...parameters: Parameters<LeafPeer['receive']>) {
    return this.leaf.receive(...parameters)
  }

  interest(...parameters: Parameters<LeafPeer['interest']>) {
    return this.leaf.interest(...parameters)
  }

  drained(...parameters: Parameters<LeafPeer['drained']>) {
    return this.leaf.drained(...parameters)
  }

  homeKnown(...parameters: Parameters<LeafPeer['homeKnown']>) {
    return this.leaf.homeKnown(...parameters)
  }

  copyState(...parameters: Parameters<LeafPeer['copyState']>) {
    return this.leaf.copyState(...parameters)
  }

  historySeam(...parameters: Parameters<LeafPeer['historySeam']>) {
    return this.leaf.historySeam(...parameters)
  }

  fence(...parameters: Parameters<LeafPeer['fence']>) {
    return this.leaf.fence(...parameters)
  }

  retainedPage(...parameters: Parameters<LeafPeer['retainedPage']>) {
    return this.leaf.retainedPage(...parameters)
  }

  async retainedFor(...parameters: Parameters<LeafPeer['retainedFor']>) {
    return this.leaf.retainedFor(...parameters)
  }

  async explainTopic(asked: ExplainAsked) {
    return leafFacts(this.leaf, asked, this.platform.now())
  }
}
