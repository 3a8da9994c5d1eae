// The actor of a root that is no client's, as hosts run it.
import type { Root } from '../../src/id/ids.ts'
import type { Actor } from '../actor.ts'
import type { Leaf } from '../leaf/leaf.ts'
import { LeafAnswers } from '../leaf/leaf-answers.ts'
import type { LeafPeer } from '../leaf/leaf-peer.ts'
import type { Platform } from '../platform.ts'
import { Topic } from './topic.ts'

export class TopicActor extends LeafAnswers implements LeafPeer, Actor {
  readonly topic: Topic

  constructor(platform: Platform) {
    super(platform)
    this.topic = new Topic(platform, platform.address.id as Root)
  }

  protected override get leaf(): Leaf {
    return this.topic.leaf
  }

  alarm(): Promise<void> {
    return this.leaf.alarm()
  }

  async handover(...parameters: Parameters<LeafPeer['handover']>) {
    return this.topic.handover(...parameters)
  }

  async release(...parameters: Parameters<LeafPeer['release']>) {
    return this.topic.release(...parameters)
  }
}
