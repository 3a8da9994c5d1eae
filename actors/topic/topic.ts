// The leaf of every root that is not a device's: a room, a group, a service.
import type { Root } from '../../src/id/ids.ts'
import {
  type HandoverRequest,
  type HandoverResponse,
  NOTHING_LATE,
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
      importState: () => undefined,
      afterImport: () => Promise.resolve(),
      late: () => Promise.resolve(),
      fence: (region, epoch) => this.leaf.home.handedOver(region, epoch),
      session: () => null,
      queued: () => null,
      along: () => null,
      hear: () => null,
    })
  }

  handover(request: HandoverRequest): HandoverResponse | null {
    const home = this.leaf.home.knowledge
    if (home.at !== 'unknown' && home.epoch > request.epoch) return null
    if (home.at !== 'elsewhere' || home.epoch < request.epoch)
      this.leaf.home.handedOver(request.to, request.epoch)
    return { state: { session: null, presence: [], ...this.leaf.exportState() } }
  }

  /** No session, so no delivery can be late. */
  release({ to, epoch, synced, tookUpTo, tookTopic }: ReleaseRequest): ReleaseResponse {
    const before = this.leaf.home.knowledge
    if (before.at === 'here' && before.epoch < epoch) this.leaf.home.handedOver(to, epoch)
    const home = this.leaf.home.knowledge
    const isOld = home.at === 'elsewhere' && home.epoch <= epoch
    this.leaf.retained.taken(tookTopic)
    const retained = isOld && synced ? this.leaf.retained.late(tookTopic) : []
    if (retained.length === 0 && isOld) this.leaf.releaseState()
    const clock = this.platform.now()
    return { ...NOTHING_LATE, done: retained.length === 0, upTo: tookUpTo, clock, retained }
  }
}
