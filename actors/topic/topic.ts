// The leaf of every root that is not a device's: a room, a group, a service.
import type { Root } from '../../src/id/ids.ts'
import {
  type HandoverRequest,
  type HandoverResponse,
  RELEASED,
  type ReleaseRequest,
  type ReleaseResponse,
} from '../../src/relay/home.ts'
import { Leaf } from '../leaf/leaf.ts'
import type { Platform } from '../platform.ts'

export class Topic {
  readonly leaf: Leaf
  private readonly platform: Platform

  constructor(platform: Platform, root: Root) {
    this.platform = platform
    this.leaf = new Leaf(platform, root, {
      deliver: (client, session, batch) => platform.peers.device(client).deliver(session, batch),
      stages: (common) => common,
      parts: () => [],
    })
  }

  handover(request: HandoverRequest): HandoverResponse | null {
    const home = this.leaf.home.knowledge
    if (home.at !== 'unknown' && home.epoch > request.epoch) return null
    if (home.at !== 'elsewhere' || home.epoch < request.epoch)
      this.leaf.handOver(request.to, request.epoch, false)
    return this.leaf.handOverState(request)
  }

  /** A topic's root has no session, so no delivery can follow. */
  release({ to, epoch, synced, tookUpTo, tookTopic }: ReleaseRequest): ReleaseResponse {
    const before = this.leaf.home.knowledge
    if (before.at === 'here' && before.epoch < epoch) this.leaf.handOver(to, epoch, true)
    const home = this.leaf.home.knowledge
    const wasHome = home.at === 'elsewhere' && home.epoch <= epoch
    this.leaf.retained.taken(tookTopic)
    const { pageBytesMax } = this.platform.settings
    const retained = wasHome && synced ? this.leaf.retained.remainder(tookTopic, pageBytesMax) : []
    if (retained.length === 0 && wasHome) this.leaf.releaseState()
    const clock = this.platform.now()
    return { ...RELEASED, done: retained.length === 0, upTo: tookUpTo, clock, retained }
  }
}
