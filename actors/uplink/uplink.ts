// A region's side of the link to the core, for the roots of one shard. Messages of one root to one destination stay in order; those
// that cannot be delivered wait in the outbox.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { type Outcome, packOutcomes } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import type { UplinkFacts } from '../../src/relay/explain.ts'
import { waitUntil } from '../calls/waits.ts'
import { UPLINK_ALARM_MS } from '../limits.ts'
import { type MemoryBudget, memoryOf } from '../memory-budget.ts'
import type { Platform } from '../platform.ts'
import { Dispatch } from './dispatch.ts'
import { type UplinkAsked, uplinkFacts } from './facts.ts'
import { HomePickup } from './home-pickup.ts'
import { type Lane, newItem, storedItem } from './lane.ts'
import { Lanes } from './lanes.ts'
import { Outbox } from './outbox.ts'
import { Settlement } from './settlement.ts'
import type { Destination, Run } from './uplink-peer.ts'

export class Uplink {
  private readonly platform: Platform
  private readonly outbox: Outbox
  private readonly lanes: Lanes
  private readonly settlement: Settlement
  private readonly dispatch: Dispatch
  private readonly pickup: HomePickup

  private readonly memory: MemoryBudget

  constructor(platform: Platform) {
    this.platform = platform
    this.memory = memoryOf(platform)
    this.lanes = new Lanes(platform.randomId())
    this.outbox = new Outbox(platform.storage, platform.settings.outboxMessagesMax)
    this.settlement = new Settlement(platform, this.outbox, this.lanes)
    this.dispatch = new Dispatch(platform, this.lanes, this.settlement)
    this.pickup = new HomePickup(platform, this.lanes, this.settlement)
    for (const row of this.outbox.all()) {
      const lane = this.lanes.of(row.root, row.to, row.hint)
      lane.items.push(storedItem(row, platform.now()))
      this.lanes.ready.offer(lane)
    }
    if (this.outbox.size > 0) platform.after(0, () => this.alarm())
  }

  /** See `UplinkPeer`. */
  async send(root: Root, to: Destination, hint: RegionId | null, batch: Uint8Array): Promise<Uint8Array> {
    const lane = this.lanes.of(root, to, hint)
    const outcomes = unpackBatch(batch).map(
      (record) => new Promise<Outcome>((settle) => this.add(lane, record, settle)),
    )
    this.lanes.ready.offer(lane)
    // If the link is down, or if stored messages come first, store at once: waiting would only delay the publisher.
    if (this.dispatch.link(lane.destination).down || (lane.items[0]?.row ?? null) !== null)
      this.settlement.storeAll(lane)
    this.dispatch.plan(lane.destination)
    this.settlement.planStore()
    return packOutcomes(await Promise.all(outcomes))
  }

  /** Without memory for a message, the lane's messages are stored at once, and this one if it is not QoS 0. */
  private add(lane: Lane, record: Uint8Array, settle: (outcome: Outcome) => void): void {
    const now = this.platform.now()
    if (this.memory.hold(record)) {
      const item = newItem(record, now, (outcome) => {
        this.memory.release(record)
        settle(outcome)
      })
      lane.items.push(item)
      return
    }
    const item = newItem(record, now, settle)
    if (item.qos === 0) {
      settle(Reason.Success)
      return
    }
    lane.items.push(item)
    this.settlement.storeAll(lane)
  }

  /** See `UplinkPeer`. */
  pickUp(root: Root): Run[] {
    return this.pickup.begin(root)
  }

  /** See `UplinkPeer`. */
  confirmPickup(root: Root): void {
    this.pickup.confirm(root)
  }

  /** Resolves when all messages that wait now are delivered: to a region's leaf, or (`any`) to all regions and their wide filters. */
  drained(root: Root, region: RegionId | 'any'): Promise<void> {
    return this.delivered(
      ({ root: of, to }) =>
        of === root && (region === 'any' ? to.kind !== 'home' : to.kind === 'region' && to.region === region),
    )
  }

  /** Resolves when all messages that wait now for a region's wide filters are delivered. Rejects if that takes long. */
  drainedWide(region: RegionId): Promise<void> {
    return this.delivered(({ to }) => to.kind === 'wide' && to.region === region)
  }

  /** Sends the outbox, which may be from before a restart, and removes expired messages. */
  alarm(): void {
    this.pickup.returnUnconfirmed()
    const now = this.platform.now()
    this.platform.storage.transaction(() => {
      for (const lane of this.lanes.all) if (lane.underWay === 0) this.settlement.expire(lane, now)
    })
    this.dispatch.planAll()
    if (this.outbox.size > 0) this.platform.wakeBy(now + UPLINK_ALARM_MS)
  }

  explain(asked: UplinkAsked): UplinkFacts {
    const failing = (destination: string) => this.dispatch.link(destination).failing
    return uplinkFacts({ lanes: this.lanes.all, failing, outbox: this.outbox }, asked, this.platform.now())
  }

  private async delivered(isIncluded: (lane: Lane) => boolean): Promise<void> {
    const lanes = () => [...this.lanes.all].filter(isIncluded)
    const waiting = new Set(lanes().flatMap(({ items }) => items))
    await waitUntil(
      this.platform,
      () => !lanes().some(({ items }) => items[0] !== undefined && waiting.has(items[0])),
    )
  }
}
