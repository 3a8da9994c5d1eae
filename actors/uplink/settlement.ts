// What becomes of the messages of a lane: delivered, stored in the outbox, refused, expired, or sent again. Senders get their
// outcomes here, and only here does the outbox change.
import { Outcome, outcomeOf } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { GLOBAL_WAIT_MS, UPLINK_ALARM_MS, UPLINK_STORE_AFTER_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import type { Lane, LaneItem } from './lane.ts'
import type { Lanes } from './lanes.ts'
import type { Outbox } from './outbox.ts'
import { owedAgain } from './owed.ts'

export class Settlement {
  private readonly platform: Platform
  private readonly outbox: Outbox
  private readonly lanes: Lanes
  private storePlanned = false

  constructor(platform: Platform, outbox: Outbox, lanes: Lanes) {
    this.platform = platform
    this.outbox = outbox
    this.lanes = lanes
  }

  /**
   * The receiver has answered for what of the lane is under way.
   * @returns whether an actor there failed, and something goes again for that
   */
  answered(lane: Lane, outcomes: readonly number[]): boolean {
    const again = lane.drop(lane.underWay).filter((item, i) => {
      const outcome = outcomeOf(outcomes[i] ?? Reason.Success)
      if (this.goesAgain(lane, item, outcome)) return true
      if (outcome === Reason.QuotaExceeded && item.settle === null)
        this.platform.report(`a message to ${lane.root} that was acknowledged is refused for good`, null)
      this.done(item, outcome)
      return false
    })
    lane.underWay = 0
    lane.items.unshift(...again)
    return again.length > 0 && outcomes.includes(Reason.UnspecifiedError)
  }

  /** Nobody has answered. The senders need not wait longer: QoS 1 is stored, QoS 0 is given up. */
  unanswered(lane: Lane): void {
    const count = lane.underWay
    lane.underWay = 0
    for (const item of lane.items.slice(0, count)) this.store(lane, item)
    lane.prune()
  }

  /** Never only the newest: what is read back after a crash comes in the order in which it was stored. */
  storeAll(lane: Lane): void {
    this.platform.storage.transaction(() => {
      for (const item of lane.items) this.store(lane, item)
    })
    lane.prune()
  }

  /** @param taken the home of the root has it too */
  store(lane: Lane, item: LaneItem, taken = false): void {
    if (item.settle === null) return
    if (item.offer) {
      if (!taken && lane.mayBeTaken(item, this.platform.now())) return
      // The sender still has it, and finds somebody else.
      item.settle(Outcome.ClientAway)
      item.settle = null
      return
    }
    const { root, to, hint } = lane
    if (item.qos > 0 && item.row === null && (item.owed || this.outbox.fits(to, hint, item.record))) {
      // A copy: what waits for long must not keep the batch that it came in, which may be far larger.
      item.record = item.record.slice()
      const { expiresAt, record } = item
      item.row = this.outbox.add({ root, to, hint, name: lane.name(item), expiresAt, record })
      this.platform.wakeBy(this.platform.now() + UPLINK_ALARM_MS)
    }
    if (item.global && item.row !== null) {
      if (item.arrivedAt + GLOBAL_WAIT_MS > this.platform.now()) return
      item.settle(Reason.ImplementationSpecificError)
    } else {
      const unstored = item.qos > 0 ? Reason.QuotaExceeded : Reason.Success
      item.settle(item.row !== null ? Outcome.Stored : unstored)
    }
    item.settle = null
  }

  done(item: LaneItem, outcome: Outcome): void {
    if (item.row !== null) this.outbox.remove(item.row)
    item.row = null
    item.settle?.(outcome)
    item.settle = null
  }

  expire(lane: Lane, now: number): void {
    if (!lane.items.some((item) => item.expiresAt > 0 && item.expiresAt <= now)) return
    for (const item of lane.items) {
      if (item.expiresAt === 0 || item.expiresAt > now) continue
      this.done(item, Reason.Success)
    }
    lane.prune()
  }

  /** What the core has not answered in time is stored, so that its publisher need not wait (promise 1). */
  planStore(): void {
    if (this.storePlanned) return
    this.storePlanned = true
    this.platform.after(UPLINK_STORE_AFTER_MS / 4, () => {
      this.storePlanned = false
      const before = this.platform.now() - UPLINK_STORE_AFTER_MS
      let waiting = false
      this.platform.storage.transaction(() => {
        for (const lane of this.lanes.all) {
          for (const item of lane.items) {
            if (item.settle === null) continue
            // QoS 0 that waits for a long outbox is given up: its publisher's next messages wait for this call.
            if (item.arrivedAt <= before) this.store(lane, item)
            if (item.settle !== null) waiting = true
          }
          lane.prune()
        }
      })
      if (waiting) this.planStore()
    })
  }

  private goesAgain(lane: Lane, item: LaneItem, outcome: Outcome): boolean {
    const record = owedAgain(item, outcome)
    if (item.row === null || record === null) return false
    item.record = record
    item.row = this.outbox.replace(item.row, lane.rename(item), record)
    return true
  }
}
