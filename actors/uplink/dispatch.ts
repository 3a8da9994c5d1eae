// The calls of an uplink to the core: what is ready for one destination travels together, and a dead destination delays no other.
import { ENVELOPES_PER_CALL_MAX, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import {
  UPLINK_BYTES_PER_CALL_MAX,
  UPLINK_CALLS_MAX,
  UPLINK_COALESCE_MS,
  UPLINK_RECORDS_PER_CALL_MAX,
} from '../limits.ts'
import type { Platform } from '../platform.ts'
import { envelopesOf, type Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { Link } from './link.ts'
import { markOwed } from './owed.ts'
import type { Settlement } from './settlement.ts'

export class Dispatch {
  private readonly platform: Platform
  private readonly lanes: Lanes
  private readonly settlement: Settlement
  private readonly links = new Map<string, Link>()

  constructor(platform: Platform, lanes: Lanes, settlement: Settlement) {
    this.platform = platform
    this.lanes = lanes
    this.settlement = settlement
  }

  link(destination: string): Link {
    let link = this.links.get(destination)
    if (link === undefined) {
      link = new Link()
      this.links.set(destination, link)
    }
    return link
  }

  /** Sends what is ready for the destination, as soon as its link allows. */
  plan(destination: string): void {
    const link = this.link(destination)
    if (link.planned) return
    const wait = link.waitMs(this.platform.now())
    link.planned = true
    const go = () => {
      link.planned = false
      while (link.calls < UPLINK_CALLS_MAX) {
        const lanes = this.collect(destination)
        if (lanes.length === 0) return
        void this.call(link, destination, lanes)
      }
    }
    // A call costs far more than a message in it. So while one is under way, the next waits a moment for more messages.
    if (wait > 0) this.platform.after(wait, go)
    else if (link.calls > 0) this.platform.after(UPLINK_COALESCE_MS, go)
    else queueMicrotask(go)
  }

  /** For all destinations. */
  planAll(): void {
    for (const destination of this.lanes.ready.destinations) this.plan(destination)
  }

  /** Lanes with something to send and nothing under way, up to one call's bounds. Marks how much of each goes. */
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
    link.calls++
    for (const { items, underWay } of lanes) for (const item of items.slice(0, underWay)) markOwed(item)
    let results: EnvelopeResult[]
    try {
      const { fleet, region, core } = this.platform
      const envelopes = lanes.flatMap((lane) => envelopesOf(lane, fleet, this.platform.now()))
      results = (await core.envelopes({ region, envelopes })).results
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) this.platform.report('the core answered strangely', cause)
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
    // A lane's destination may have become known meanwhile.
    for (const one of new Set([destination, ...lanes.map((lane) => lane.destination)]))
      if (this.lanes.ready.any(one)) this.plan(one)
  }

  /** Why the lane's destination is to wait with what is still to be delivered; null where it need not. */
  private finish(lane: Lane, result: EnvelopeResult | undefined): string | null {
    if (result?.status === 'done')
      return this.settlement.answered(lane, result.outcomes) ? 'an actor there failed' : null
    this.settlement.unanswered(lane)
    return result?.status === 'unreachable' ? result.detail : 'the home has moved'
  }
}
