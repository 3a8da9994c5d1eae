// A root's home has moved to this region: it picks up the messages that wait for it in the uplink, without the core.
import type { Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { TAKEN_WAIT_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { markAcknowledged } from './acknowledged-mark.ts'
import { type LaneItem, runsOf } from './lane.ts'
import type { Lanes } from './lanes.ts'
import type { Settlement } from './settlement.ts'
import type { Run } from './uplink-peer.ts'

const HOME = { kind: 'home' } as const

export class HomePickup {
  private readonly platform: Platform
  private readonly lanes: Lanes
  private readonly settlement: Settlement
  /** Messages that a home has picked up and not confirmed. */
  private readonly open = new Map<Root, { readonly items: LaneItem[]; readonly at: number }>()

  constructor(platform: Platform, lanes: Lanes, settlement: Settlement) {
    this.platform = platform
    this.lanes = lanes
    this.settlement = settlement
  }

  begin(root: Root): Run[] {
    const lane = this.lanes.of(root, HOME, null)
    const items = this.open.get(root)?.items ?? []
    // Include messages under way, or later ones would overtake them. The answer of their call finds them in the retired lane.
    items.push(...lane.items)
    // Store every message now, so that it outlives this process and its sender need not wait.
    this.platform.storage.transaction(() => {
      for (const item of items) {
        lane.name(item)
        this.settlement.store(lane, item, true)
      }
    })
    this.settlement.load(items)
    for (const item of items) markAcknowledged(item)
    lane.items.splice(lane.underWay)
    this.lanes.retire(lane)
    if (items.length > 0) {
      // Later messages get another source: if these go through the core after all, their numbers would be out of order.
      this.lanes.beginEpoch()
      this.open.set(root, { items, at: this.platform.now() })
      this.platform.wakeBy(this.platform.now() + TAKEN_WAIT_MS)
    }
    const runs = runsOf(items)
    this.settlement.unload(items)
    return runs
  }

  /** The home has delivered or stored all picked-up messages. */
  confirm(root: Root): void {
    const taken = this.open.get(root)
    this.open.delete(root)
    this.platform.storage.transaction(() => {
      for (const item of taken?.items ?? []) this.settlement.done(item, Reason.Success)
    })
  }

  /** Returns messages that no home confirmed in time to their lane, before later messages. */
  returnUnconfirmed(): void {
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
