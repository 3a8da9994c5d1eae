// The leaf of every root that is not a device's: a room, a group, a service.
import type { Root } from '../../src/id/ids.ts'
import type {
  HandoverRequest,
  HandoverState,
  ImportedResponse,
  ReleaseRequest,
} from '../../src/relay/home.ts'
import { Leaf } from '../leaf/leaf.ts'
import type { Platform } from '../platform.ts'

export class Topic {
  readonly leaf: Leaf

  constructor(platform: Platform, root: Root) {
    this.leaf = new Leaf(platform, root, {
      deliver: (client, session, batch) => platform.peers.device(client).deliver(session, batch),
      importState: () => undefined,
      afterImport: () => Promise.resolve(),
      late: () => Promise.resolve(),
    })
  }

  handover(request: HandoverRequest): HandoverState | null {
    const home = this.leaf.home.knowledge
    if (home.at !== 'unknown' && home.epoch > request.epoch) return null
    if (home.at !== 'elsewhere' || home.epoch < request.epoch)
      this.leaf.home.handedOver(request.to, request.epoch)
    return { session: null, presence: [], ...this.leaf.exportState() }
  }

  /** No session, so nothing can be late. */
  release(request: ReleaseRequest): ImportedResponse {
    const home = this.leaf.home.knowledge
    if (home.at === 'elsewhere' && home.epoch <= request.epoch) this.leaf.releaseState()
    return { late: '', upTo: 0 }
  }
}
