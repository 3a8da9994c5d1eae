// The calls of one uplink that are under way. The platform lets six requests of an actor wait for their answers; a seventh waits
// for one of them. So an uplink begins no more than that, and a region that hangs must not hold what others need.
import { UPLINK_CALLS_ALL_MAX, UPLINK_CALLS_MAX, UPLINK_PATIENCE_MS, UPLINK_PROBES_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'

export interface UplinkCall {
  readonly destination: string
  /** The destination failed last time: the call finds out whether it answers again. */
  readonly probe: boolean
  /** Aborted when another destination needs the slot more. */
  readonly signal: AbortSignal
}

interface Slot extends UplinkCall {
  readonly begunAt: number
  readonly abort: AbortController
}

export class CallSlots {
  private readonly platform: Platform
  private readonly slots = new Set<Slot>()
  /** Destinations that wait for a slot. */
  private readonly waiting = new Set<string>()
  private readonly plan: (destination: string) => void
  private watched = false

  /** @param plan is called for a destination that may begin a call again */
  constructor(platform: Platform, plan: (destination: string) => void) {
    this.platform = platform
    this.plan = plan
  }

  /**
   * Whether a call to the destination may begin now. If not for want of a slot, `plan` follows.
   * @param down the last call to the destination failed
   */
  mayBegin(destination: string, down: boolean): boolean {
    const mine = this.of(destination)
    if (mine.length >= (down ? 1 : UPLINK_CALLS_MAX)) return false
    const probes = [...this.slots].filter(({ probe }) => probe).length
    // The last slot is for a destination that has none.
    const room = UPLINK_CALLS_ALL_MAX - this.slots.size
    if (room > (mine.length === 0 ? 0 : 1) && !(down && probes >= UPLINK_PROBES_MAX)) return true
    this.waiting.add(destination)
    if (mine.length === 0 && !down) this.watch()
    return false
  }

  begin(destination: string, probe: boolean): UplinkCall {
    const abort = new AbortController()
    const slot = { destination, probe, signal: abort.signal, abort, begunAt: this.platform.now() }
    this.slots.add(slot)
    this.waiting.delete(destination)
    return slot
  }

  /** The call has ended, however. */
  end(call: UplinkCall): void {
    this.slots.delete(call as Slot)
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const destination of waiting) this.plan(destination)
  }

  private of(destination: string): Slot[] {
    return [...this.slots].filter((slot) => slot.destination === destination)
  }

  /** Takes a slot from a destination that does not answer, for one that has none. */
  private watch(): void {
    if (this.watched) return
    this.watched = true
    this.platform.after(UPLINK_PATIENCE_MS, () => {
      this.watched = false
      const starved = [...this.waiting].some((destination) => this.of(destination).length === 0)
      if (!starved) return
      const longAgo = this.platform.now() - UPLINK_PATIENCE_MS
      const [first] = [...this.slots]
        .filter(({ begunAt }) => begunAt <= longAgo)
        .sort(
          (a, b) => this.of(b.destination).length - this.of(a.destination).length || a.begunAt - b.begunAt,
        )
      first?.abort.abort(new Error(`no answer within ${UPLINK_PATIENCE_MS} ms, and other regions wait`))
      this.watch()
    })
  }
}
