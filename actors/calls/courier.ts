// Carries records from one actor to another. Records that are posted while a call is under way travel together in the next.
import { type Outcome, outcomeOf } from '../../src/mqtt/outcome.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { packBatch } from '../../src/relay/batch.ts'
import { inOnePiece, type Pieces } from '../../src/relay/pieces.ts'
import {
  COURIER_BATCH_BYTES_MAX,
  COURIER_BATCH_RECORDS_MAX,
  COURIER_CALLS_MAX,
  COURIER_COALESCE_MS,
  COURIER_PENDING_BYTES_MAX,
  COURIER_REPORT_EVERY_MS,
  COURIER_RETRY_MS,
} from '../limits.ts'
import { type MemoryBudget, memoryOf } from '../memory-budget.ts'
import type { Platform } from '../platform.ts'
import { type CallRoom, callRoomOf } from './call-room.ts'
import { waitUntil } from './waits.ts'

export interface Parcel {
  /** In pieces where several receivers share the most of it. */
  readonly record: Uint8Array | Pieces
  /** Called once, with the record's outcome. */
  readonly settle: (outcome: Outcome) => void
}

/** A parcel that its courier has given up. */
export interface Withdrawn extends Parcel {
  readonly record: Uint8Array
}

export interface CourierRoute {
  /** One call to the receiver, which answers an outcome for each record, in order. Calls made in order arrive in order. */
  call(batch: Uint8Array): Promise<Uint8Array>
  /** The receiver was not reached, and there is no further try. @returns an outcome for each record */
  failed(records: readonly (Uint8Array | Pieces)[], cause: unknown): Outcome[]
}

/** When an actor last reported a repeated call: one report stands for all its couriers. */
const reported = new WeakMap<Platform, number>()

/**
 * Records reach the receiver in the order in which they were posted: after a failed call no new record is sent before the failed
 * ones were sent again. So a receiver may see a record twice, but never out of order.
 */
export class Courier {
  private readonly platform: Platform
  private readonly route: CourierRoute
  private readonly memory: MemoryBudget
  private readonly room: CallRoom
  private pending: Parcel[] = []
  private readonly open = new Set<Parcel>()
  private pendingBytes = 0
  private calls = 0
  private failures: { readonly at: number; readonly parcels: Parcel[] }[] = []
  private callNumber = 0
  private tries = 0
  private flushing = false
  private retrying = false

  constructor(platform: Platform, route: CourierRoute) {
    this.platform = platform
    this.route = route
    this.memory = memoryOf(platform)
    this.room = callRoomOf(platform)
  }

  get idle(): boolean {
    return this.calls === 0 && this.pending.length === 0 && this.failures.length === 0 && !this.retrying
  }

  /** Resolves when each record posted so far has its outcome. Rejects after `FENCE_WAIT_MS_MAX`. */
  async settled(): Promise<void> {
    const posted = [...this.open]
    await waitUntil(this.platform, () => !posted.some((parcel) => this.open.has(parcel)))
  }

  /** Resolves with the record's outcome. */
  post(record: Uint8Array | Pieces): Promise<Outcome> {
    if (this.pendingBytes + record.length > COURIER_PENDING_BYTES_MAX || !this.memory.hold(record))
      return Promise.resolve(Reason.QuotaExceeded)
    return new Promise((resolve) => {
      const parcel: Parcel = {
        record,
        settle: (outcome) => {
          if (this.open.delete(parcel)) this.memory.release(record)
          resolve(outcome)
        },
      }
      this.open.add(parcel)
      this.pending.push(parcel)
      this.pendingBytes += record.length
      this.plan()
    })
  }

  /**
   * Gives up the records that were never sent, in order: the caller settles them. Gives up none while a failed call is to be
   * repeated: the receiver may have that call's records, and these must not overtake them.
   */
  withdraw(): readonly Withdrawn[] {
    if (this.failures.length > 0 || this.retrying) return []
    const parcels = this.pending
    this.pending = []
    this.pendingBytes = 0
    return parcels.map(({ record, settle }) => ({ record: inOnePiece(record), settle }))
  }

  private plan(): void {
    if (this.flushing || this.pending.length === 0) return
    if (this.calls >= COURIER_CALLS_MAX || this.failures.length > 0) return
    this.flushing = true
    // With no call under way, the records of this event travel together; else they wait a moment for more.
    if (this.calls === 0) queueMicrotask(() => this.flush())
    else this.platform.after(COURIER_COALESCE_MS, () => this.flush())
  }

  private flush(): void {
    this.flushing = false
    if (this.pending.length === 0 || this.failures.length > 0) return
    let count = 0
    let bytes = 0
    for (const parcel of this.pending) {
      if (
        count === COURIER_BATCH_RECORDS_MAX ||
        (count > 0 && bytes + parcel.record.length > COURIER_BATCH_BYTES_MAX)
      ) {
        break
      }
      bytes += parcel.record.length
      count++
    }
    const end = this.room.begin(bytes)
    if (end === null) {
      this.flushing = true
      this.room.whenFree(bytes, () => this.flush())
      return
    }
    const parcels = count === this.pending.length ? this.pending : this.pending.slice(0, count)
    this.pending = count === this.pending.length ? [] : this.pending.slice(count)
    this.pendingBytes -= bytes
    void this.call(parcels, end)
    this.plan()
  }

  /** @param end the call is over */
  private async call(parcels: Parcel[], end: () => void): Promise<void> {
    this.calls++
    const at = this.callNumber++
    try {
      const outcomes = await this.route.call(packBatch(parcels.map((parcel) => parcel.record)))
      this.tries = 0
      parcels.forEach((parcel, i) => {
        parcel.settle(outcomeOf(outcomes[i]))
      })
    } catch (cause) {
      this.failures.push({ at, parcels })
      this.lastCause = cause
    }
    end()
    this.calls--
    if (this.failures.length > 0) {
      if (this.calls === 0) this.recover()
    } else {
      this.plan()
    }
  }

  private lastCause: unknown

  private recover(): void {
    const failed = this.failures.sort((a, b) => a.at - b.at).flatMap((failure) => failure.parcels)
    const pause = COURIER_RETRY_MS[this.tries]
    if (pause === undefined) {
      // Fail the pending records too. If they were sent, a publisher that repeats everything after the failure would have its
      // messages out of order.
      failed.push(...this.pending)
      this.pending = []
      this.pendingBytes = 0
      const outcomes = this.route.failed(
        failed.map((parcel) => parcel.record),
        this.lastCause,
      )
      failed.forEach((parcel, i) => {
        parcel.settle(outcomes[i] ?? Reason.UnspecifiedError)
      })
      this.tries = 0
      this.failures = []
      this.plan()
      return
    }
    this.tries++
    this.retrying = true
    this.reportRepeat()
    this.platform.after(pause, () => {
      this.retrying = false
      this.failures = []
      this.pending = [...failed, ...this.pending]
      for (const parcel of failed) this.pendingBytes += parcel.record.length
      this.plan()
    })
  }

  /** The receiver may have handled the records before the call failed: then it gets them twice. */
  private reportRepeat(): void {
    const now = this.platform.now()
    if (now < (reported.get(this.platform) ?? Number.NEGATIVE_INFINITY) + COURIER_REPORT_EVERY_MS) return
    reported.set(this.platform, now)
    this.platform.report('a call between actors failed and is repeated', this.lastCause)
  }
}
