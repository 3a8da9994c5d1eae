// The uplink's calls to the core. Lanes for one destination share a call; a dead destination delays no other.
import { ENVELOPES_PER_CALL_MAX, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import { UPLINK_BYTES_PER_CALL_MAX, UPLINK_COALESCE_MS, UPLINK_RECORDS_PER_CALL_MAX } from '../limits.ts'
import type { Platform } from '../platform.ts'
import { markAcknowledged } from './acknowledged-mark.ts'
import { CallSlots } from './call-slots.ts'
import { envelopesOf, type Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { Link } from './link.ts'
import type { Settlement } from './settlement.ts'

export class Dispatch {
  private readonly platform: Platform
  private readonly lanes: Lanes
  private readonly settlement: Settlement
  private readonly links = new Map<string, Link>()
  private readonly slots: CallSlots

  constructor(platform: Platform, lanes: Lanes, settlement: Settlement) {
    this.platform = platform
    this.lanes = lanes
    this.settlement = settlement
    this.slots = new CallSlots(platform, (destination) => this.plan(destination))
  }

  link(destination: string): Link {
    let link = this.links.get(destination)
    if (link === undefined) {
      link = new Link()
      this.links.set(destination, link)
    }
    return link
  }

  /** Sends the destination's ready lanes as soon as its link allows. */
  plan(destination: string): void {
    const link = this.link(destination)
    if (link.planned) return
    const wait = link.waitMs(this.platform.now())
    link.planned = true
    const go = () => {
      link.planned = false
      while (this.lanes.ready.any(destination) && this.slots.mayBegin(destination, link.down)) {
        const lanes = this.collect(destination)
        if (lanes.length === 0) return
        void this.call(link, destination, lanes)
      }
    }
    // A call costs far more than a message in it. So during a call, the next one waits a moment to collect messages.
    if (wait > 0) this.platform.after(wait, go)
    else if (link.calls > 0) this.platform.after(UPLINK_COALESCE_MS, go)
    else queueMicrotask(go)
  }

  /** Sends the ready lanes of all destinations. */
  planAll(): void {
    for (const destination of this.lanes.ready.destinations) this.plan(destination)
  }

  /** Lanes with messages to send and no call under way, up to the bounds of one call. Sets `underWay` of each. */
  private collect(destination: string): Lane[] {
    const lanes: Lane[] = []
    let records = 0
    let bytes = 0
    const now = this.platform.now()
    const { ready } = this.lanes
    for (const lane of ready.of(destination)) {
      this.settlement.expire(lane, now)
      if (lane.items.length === 0) {
        this.lanes.forget(lane)
        continue
      }
      const run = lane.nameRun(UPLINK_RECORDS_PER_CALL_MAX - records, UPLINK_BYTES_PER_CALL_MAX - bytes)
      if (run.count === 0) break
      bytes += run.bytes
      records += run.count
      lane.underWay = run.count
      ready.remove(lane)
      lanes.push(lane)
      if (lanes.length >= ENVELOPES_PER_CALL_MAX) break
    }
    return lanes
  }

  private async call(link: Link, destination: string, lanes: Lane[]): Promise<void> {
    const call = this.slots.begin(destination, link.down)
    link.calls++
    for (const { items, underWay } of lanes) {
      const sent = items.slice(0, underWay)
      this.settlement.load(sent)
      for (const item of sent) markAcknowledged(item)
    }
    let results: EnvelopeResult[]
    try {
      const { fleet, region, core } = this.platform
      const envelopes = lanes.flatMap((lane) => envelopesOf(lane, fleet, this.platform.now()))
      results = (await core.envelopes({ region, envelopes }, call.signal)).results
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable))
        this.platform.report('a call of the core failed unexpectedly', cause)
      results = lanes.map(() => ({ status: 'unreachable', detail: String(cause) }))
    }
    link.calls--
    let problem = null as string | null
    this.platform.storage.transaction(() => {
      lanes.forEach((lane, i) => {
        problem = this.finish(lane, results[i]) ?? problem
        if (lane.items.length === 0) this.lanes.forget(lane)
        else this.lanes.ready.offer(lane)
      })
    })
    if (problem !== null) link.failed(this.platform.now(), this.platform.random(), problem)
    else link.answered()
    // During the call a lane may have learnt its destination.
    for (const one of new Set([destination, ...lanes.map((lane) => lane.destination)]))
      if (this.lanes.ready.any(one)) this.plan(one)
    this.slots.end(call)
  }

  /** The reason to pause the lane's destination; null if there is none. */
  private finish(lane: Lane, result: EnvelopeResult | undefined): string | null {
    if (result?.status === 'done')
      return this.settlement.answered(lane, result.outcomes)
        ? 'an actor in the destination region failed'
        : null
    this.settlement.unanswered(lane)
    return result?.status === 'unreachable' ? result.detail : 'the home has moved'
  }
}
