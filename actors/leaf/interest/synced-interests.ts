// Which regions want a root's messages, as a successor of the home learns it: from a hand-over, or from the core's store.
// Only a client's root can fail over, so only its interests are waited for.
import type { ClientId, Root } from '../../../src/id/ids.ts'
import { clientOfRoot } from '../../../src/id/root.ts'
import type { HandoverState, RegionInterest } from '../../../src/relay/home.ts'
import type { Platform } from '../../platform.ts'
import type { Subscribers } from '../delivery/subscribers.ts'
import type { ImportedState, LeafPart, SyncedRows } from '../leaf-part.ts'
import type { Marks } from '../sync/marks.ts'
import type { StoreSync } from '../sync/store-sync.ts'
import type { Interests } from './interests.ts'

export class SyncedInterests implements LeafPart {
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

  /** This region stays interested if it has subscribers. */
  export(): Partial<HandoverState> {
    const { anyPlain: plain, shares, size } = this.subscribers
    const own = { region: this.platform.region, plain, shares: [...shares.keys()] }
    return { interests: [...this.interests.all, ...(size > 0 ? [own] : [])] }
  }

  import({ interests }: ImportedState): () => void {
    return () => {
      for (const interest of interests) {
        if (interest.region !== this.platform.region) this.interests.set(interest)
      }
      this.marks.one('interests', true)
    }
  }

  clear(): void {
    this.interests.clear()
  }

  synced(): SyncedRows {
    return ({ kind }) =>
      kind !== 'interests'
        ? null
        : {
            bytes: 0,
            addTo: (change) => {
              change.interests = [...this.interests.all, ...this.own()]
            },
          }
  }

  /**
   * Resolves when the store has the interests: should this region be lost in the next moment, its successor sends messages to
   * the same regions (promise 5). Rejects if the store does not have them in time.
   */
  async stored(sync: StoreSync): Promise<void> {
    if (this.client !== null && !(await sync.stored('interests', '')))
      throw new Error(`the core's store has not taken the interests in the root of ${this.client}`)
  }

  /**
   * The same for this region's own subscribers, unless the store is out of reach: a region that is cut off grants their
   * subscriptions (promise 7). Never rejects.
   */
  async storedIfReached(sync: StoreSync): Promise<void> {
    if (this.client !== null) await sync.storedSoon('interests', '')
  }

  /**
   * Runs `change`, which adds or removes subscribers of this client, and marks the interests if another client's change
   * what this region wants. The root's own client moves with its root, so its subscriptions are no interest of the region.
   */
  changeSubscribers(client: ClientId, change: () => void): void {
    if (this.client === null || this.client === client) {
      change()
      return
    }
    const before = JSON.stringify(this.own())
    change()
    if (JSON.stringify(this.own()) !== before) this.marks.one('interests', true)
  }

  /** The interest of this region's clients without the root's own client; empty if there is none. */
  private own(): RegionInterest[] {
    if (this.client === null) return []
    const { plain, shares } = this.subscribers.wantedBesides(this.client)
    return plain || shares.length > 0 ? [{ region: this.platform.region, plain, shares }] : []
  }
}
