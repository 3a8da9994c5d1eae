// What waits for a root's home when that home comes to this region: the home picks it up here, instead of by way of the core.
import type { Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { TAKEN_WAIT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { type LaneItem, runsOf } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { markOwed } from './owed.ts'
import type { Settlement } from './settlement.ts'
import type { Run } from './uplink-peer.ts'

const HOME = { kind: 'home' } as const

export class HomePickup {
  private readonly platform: Platform
  private readonly lanes: Lanes
  private readonly settlement: Settlement
  /** Picked up, and not yet confirmed by the home. */
  private readonly open = new Map<Root, { readonly items: LaneItem[]; readonly at: number }>()

  constructor(platform: Platform, lanes: Lanes, settlement: Settlement) {
    this.platform = platform
    this.lanes = lanes
    this.settlement = settlement
  }

  take(root: Root): Run[] {
    const lane = this.lanes.of(root, HOME, null)
    const items = this.open.get(root)?.items ?? []
    // With what is under way, or later messages would overtake it. Its answer still finds it in the retired lane.
    items.push(...lane.items)
    // The senders need not wait for what is stored. What is not stored is stored now, so that it outlives this process.
    this.platform.storage.transaction(() => {
      for (const item of items) {
        lane.name(item)
        this.settlement.store(lane, item, true)
        markOwed(item)
      }
    })
    lane.items.splice(lane.underWay)
    this.lanes.retire(lane)
    if (items.length > 0) {
      // Later messages get another source: these may still go the usual way, and would come out of turn.
      this.lanes.beginEpoch()
      this.open.set(root, { items, at: this.platform.now() })
      this.platform.wakeBy(this.platform.now() + TAKEN_WAIT_MS)
    }
    return runsOf(items)
  }

  /** The home has all of it. */
  confirmed(root: Root): void {
    const taken = this.open.get(root)
    this.open.delete(root)
    this.platform.storage.transaction(() => {
      for (const item of taken?.items ?? []) this.settlement.done(item, Reason.Success)
    })
  }

  /** What no home has confirmed in time goes the usual way, before later messages. */
  takeBack(): void {
    const before = this.platform.now() - TAKEN_WAIT_MS
    for (const [root, { items, at }] of this.open) {
      const later = this.lanes.find(root, HOME)
      if (at > before || (later !== null && later.underWay > 0)) continue
      this.open.delete(root)
      if (later !== null) this.lanes.forget(later)
      const lane = this.lanes.of(root, HOME, later?.hint ?? null)
      lane.items.push(...items.filter(({ row }) => row !== null), ...(later?.items ?? []))
      this.lanes.ready.offer(lane)
    }
  }
}
