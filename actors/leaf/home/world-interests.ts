// What a home that begins without its predecessor must know of who wants the root: the other regions' interests, and that
// this region has subscribers too. Only a client's root can move so.
import type { ClientId, Root } from '../../../src/id/ids.ts'
import { clientOfRoot } from '../../../src/id/root.ts'
import type { RegionInterest } from '../../../src/relay/home.ts'
import type { Platform } from '../../platform.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { Marks } from '../sync/marks.ts'
import type { StoreSync } from '../sync/store-sync.ts'
import type { Interests } from './interests.ts'

export class WorldInterests {
  private readonly platform: Platform
  private readonly client: ClientId | null
  private readonly subscribers: Subscribers
  private readonly interests: Interests
  private readonly marks: Marks

  constructor(platform: Platform, root: Root, subscribers: Subscribers, interests: Interests, marks: Marks) {
    this.platform = platform
    this.client = clientOfRoot(root)
    this.subscribers = subscribers
    this.interests = interests
    this.marks = marks
  }

  get all(): RegionInterest[] {
    const own = this.own()
    return own === null ? [...this.interests.all] : [...this.interests.all, own]
  }

  /**
   * Resolves when a successor would know of them: should this region be lost in the next moment, another one's subscribers
   * would else miss all that follows (promise 5). Rejects where the store does not learn of them in time.
   */
  async known(syncing: StoreSync): Promise<void> {
    if (this.client !== null && !(await syncing.stored('interests', '')))
      throw new Error(`the store does not learn who wants the root of ${this.client}`)
  }

  /**
   * The same for this region's own subscribers, as far as the store is to be had: a region that is cut off grants them all the
   * same (promise 7). Never rejects.
   */
  async told(syncing: StoreSync): Promise<void> {
    if (this.client !== null) await syncing.storedSoon('interests', '')
  }

  /** @param change of the region's subscribers, of this client's; the root's own client takes its subscriptions along */
  after(client: ClientId, change: () => void): void {
    if (this.client === null || this.client === client) {
      change()
      return
    }
    const before = JSON.stringify(this.own())
    change()
    if (JSON.stringify(this.own()) !== before) this.marks.one('interests', true)
  }

  private own(): RegionInterest | null {
    if (this.client === null) return null
    const { plain, shares } = this.subscribers.wantedBesides(this.client)
    return plain || shares.length > 0 ? { region: this.platform.region, plain, shares } : null
  }
}
