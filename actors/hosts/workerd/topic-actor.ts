// TopicActor as workerd runs it.
import { DurableObject } from 'cloudflare:workers'
import type { Root } from '../../../src/id/ids.ts'
import { unpackBatch } from '../../../src/relay/batch.ts'
import type { ExplainAsked } from '../../../src/relay/explain.ts'
import { leafFacts } from '../../explain/leaf-facts.ts'
import type { LeafPeer } from '../../leaf/leaf-peer.ts'
import { Topic } from '../../topic/topic.ts'
import type { Env } from './env.ts'
import { WorkerdPlatform } from './workerd-platform.ts'

export class TopicActor extends DurableObject<Env> implements LeafPeer {
  private readonly platform: WorkerdPlatform
  private readonly topic: Topic

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.platform = new WorkerdPlatform(ctx, env, 'topic')
    this.topic = new Topic(this.platform, this.platform.address.id as Root)
  }

  override async alarm(): Promise<void> {
    this.platform.alarmWent()
    await this.topic.leaf.alarm()
    await this.platform.settled()
  }

  publish(...[publisher, batch]: Parameters<LeafPeer['publish']>) {
    return this.topic.leaf.publish(publisher, unpackBatch(batch))
  }

  subscribe(...parameters: Parameters<LeafPeer['subscribe']>) {
    return this.topic.leaf.subscribe(...parameters)
  }

  async unsubscribe(...parameters: Parameters<LeafPeer['unsubscribe']>) {
    this.topic.leaf.unsubscribe(...parameters)
  }

  receive(...parameters: Parameters<LeafPeer['receive']>) {
    return this.topic.leaf.receive(...parameters)
  }

  share(...[session, batch]: Parameters<LeafPeer['share']>) {
    return this.topic.leaf.share(session, unpackBatch(batch))
  }

  interest(...parameters: Parameters<LeafPeer['interest']>) {
    return this.topic.leaf.interest(...parameters)
  }

  drained(...parameters: Parameters<LeafPeer['drained']>) {
    return this.topic.leaf.drained(...parameters)
  }

  homeKnown() {
    return this.topic.leaf.homeKnown()
  }

  historySeam(...parameters: Parameters<LeafPeer['historySeam']>) {
    return this.topic.leaf.historySeam(...parameters)
  }

  fence(...parameters: Parameters<LeafPeer['fence']>) {
    return this.topic.leaf.fence(...parameters)
  }

  async retainedFor(...parameters: Parameters<LeafPeer['retainedFor']>) {
    return this.topic.leaf.retainedFor(...parameters)
  }

  async explainTopic(asked: ExplainAsked) {
    return leafFacts(this.topic.leaf, asked, this.platform.now())
  }

  async handover(...parameters: Parameters<LeafPeer['handover']>) {
    return this.topic.handover(...parameters)
  }

  async release(...parameters: Parameters<LeafPeer['release']>) {
    return this.topic.release(...parameters)
  }
}
