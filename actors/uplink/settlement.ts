// Settles the messages of a lane: delivered, stored in the outbox, refused, expired, or sent again. Only this file gives senders
// their outcomes and changes the outbox.
import { Outcome, outcomeOf } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { GLOBAL_WAIT_MS, UPLINK_ALARM_MS, UPLINK_STORE_AFTER_MS } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { markedAgain } from './acknowledged-mark.ts'
import type { Lane, LaneItem } from './lane.ts'
import type { Lanes } from './lanes.ts'
import type { Outbox } from './outbox.ts'

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
   * The receiver has answered the lane's messages under way.
   * @returns true if an actor there failed, and messages are sent again for that
   */
  answered(lane: Lane, outcomes: readonly number[]): boolean {
    const again = lane.drop(lane.underWay).filter((item, i) => {
      const outcome = outcomeOf(outcomes[i] ?? Reason.Success)
      if (this.goesAgain(lane, item, outcome)) return true
      if (outcome === Reason.QuotaExceeded && item.settle === null)
        this.platform.report(`an acknowledged message to ${lane.root} was refused and is lost`, null)
      this.done(item, outcome)
      return false
    })
    lane.underWay = 0
    if (!lane.retired) lane.items.unshift(...again)
    return again.length > 0 && outcomes.includes(Reason.UnspecifiedError)
  }

  /** Before items are sent: reads the records that only the outbox has. */
  load(items: readonly LaneItem[]): void {
    for (const item of items) this.recordOf(item)
  }

  /** After items were sent: the outbox has these records. */
  unload(items: readonly LaneItem[]): void {
    for (const item of items) if (item.row !== null) item.record = null
  }

  /** No answer came. Ends the senders' wait: stores QoS 1 and 2, drops QoS 0. */
  unanswered(lane: Lane): void {
    const count = lane.underWay
    lane.underWay = 0
    // The home may have accepted newer messages since: it confirms these, or they return to a lane.
    if (lane.retired) {
      lane.drop(count)
      return
    }
    const items = lane.items.slice(0, count)
    for (const item of items) this.store(lane, item)
    this.unload(items)
    lane.prune()
  }

  /** Stores all messages of the lane, never only the newest: after a crash they are sent in the order of their rows. */
  storeAll(lane: Lane): void {
    this.platform.storage.transaction(() => {
      for (const item of lane.items) this.store(lane, item)
    })
    lane.prune()
  }

  /** Stores a message and ends its sender's wait. @param pickedUp the root's home has the message too */
  store(lane: Lane, item: LaneItem, pickedUp = false): void {
    if (item.settle === null) return
    if (item.offer) {
      if (!pickedUp && lane.mayBeTaken(item, this.platform.now())) return
      // The sender still has the message, and offers it to another member.
      item.settle(Outcome.ClientAway)
      item.settle = null
      return
    }
    const { root, to, hint } = lane
    const { record, expiresAt } = item
    if (
      item.qos > 0 &&
      item.row === null &&
      record !== null &&
      (item.acknowledged || this.outbox.fits(to, hint, record))
    ) {
      item.row = this.outbox.add({ root, to, hint, name: lane.name(item), expiresAt }, record)
      item.record = null
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

  /** Stores messages that the core has not answered in time, so that their publishers need not wait (promise 1). */
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
            // A QoS 0 message is dropped here: its publisher's next messages wait for this call.
            if (item.arrivedAt <= before) this.store(lane, item)
            if (item.settle !== null) waiting = true
          }
          lane.prune()
        }
      })
      if (waiting) this.planStore()
    })
  }

  private recordOf(item: LaneItem): Uint8Array {
    item.record ??= item.row === null ? new Uint8Array(0) : this.outbox.record(item.row)
    return item.record
  }

  private goesAgain(lane: Lane, item: LaneItem, outcome: Outcome): boolean {
    if (item.row === null) return false
    const record = markedAgain(item, this.recordOf(item), outcome)
    item.record = null
    if (record === null) return false
    item.row = this.outbox.replace(item.row, lane.rename(item), record)
    return true
  }
}
