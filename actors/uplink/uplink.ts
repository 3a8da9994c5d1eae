// A region's side of the link to the core, for the roots of one shard: batches, one order per root and destination,
// retries per destination, and an outbox for what cannot be passed on now.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { unpackBatch } from '../../src/relay/batch.ts'
import { ENVELOPES_PER_CALL_MAX, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { CLIENT_AWAY } from '../../src/session/delivery.ts'
import { eventually } from '../calls/eventually.ts'
import { CoreUnreachable } from '../core/core-client.ts'
import { STORED } from '../leaf/outcome.ts'
import {
  GLOBAL_WAIT_MS,
  TAKEN_WAIT_MS,
  UPLINK_ALARM_MS,
  UPLINK_BYTES_PER_CALL_MAX,
  UPLINK_CALLS_MAX,
  UPLINK_COALESCE_MS,
  UPLINK_RECORDS_PER_CALL_MAX,
  UPLINK_STORE_AFTER_MS,
} from '../limits.ts'
import type { Platform } from '../platform.ts'
import { problemOf } from './facts.ts'
import { Lane, type LaneItem, newItem, runsOf } from './lane.ts'
import { Link } from './link.ts'
import { Outbox } from './outbox.ts'
import { markOwed, owedAgain } from './owed.ts'
import { Ready } from './ready.ts'
import type { Destination, Run } from './uplink-peer.ts'

export class Uplink {
  private readonly platform: Platform
  readonly outbox: Outbox
  /** Names this life of the uplink; with `takes` it is in the source of each lane. */
  private readonly life: string
  /** How often a home took what waited for it. */
  private takes = 0
  readonly lanes = new Map<string, Lane>()
  readonly links = new Map<string, Link>()
  private readonly ready = new Ready()
  /** What the home took and has not yet said that it has. */
  private readonly taken = new Map<Root, { readonly items: LaneItem[]; readonly at: number }>()
  /** Above all that lanes which are no more have sent. */
  private nextNumber = 0
  private retired = 0
  private storePlanned = false

  constructor(platform: Platform) {
    this.platform = platform
    this.life = platform.randomId()
    this.outbox = new Outbox(platform.storage, platform.settings.outboxMessagesMax)
    for (const row of this.outbox.all()) {
      const { root, to, hint, name, record, expiresAt } = row
      const from = {
        record,
        qos: 1,
        expiresAt,
        arrivedAt: platform.now(),
        global: false,
        offer: false,
        owed: true,
      }
      const lane = this.lane(root, to, hint)
      lane.items.push({ ...from, name, row, settle: null })
      this.ready.offer(lane)
    }
    if (this.outbox.size > 0) platform.after(0, () => this.alarm())
  }

  /** Outcomes when each record was delivered or is in the outbox; see `UplinkPeer`. */
  async send(root: Root, to: Destination, hint: RegionId | null, batch: Uint8Array): Promise<Uint8Array> {
    const lane = this.lane(root, to, hint)
    const outcomes = unpackBatch(batch).map((bytes) => {
      // The batch arrived by a call and is held until it is passed on, so its own copy is kept small.
      const record = bytes.slice()
      return new Promise<number>((settle) => {
        lane.items.push(newItem(record, this.platform.now(), settle))
      })
    })
    this.ready.offer(lane)
    // Behind stored messages, or with the link down, waiting for the core would only delay the publisher.
    if (this.link(lane.destination).down || (lane.items[0]?.row ?? null) !== null) {
      this.storeAll(lane)
    }
    this.dispatch(lane.destination)
    this.planStore()
    return Uint8Array.from(await Promise.all(outcomes))
  }

  /** The home of the root is in this region now: what waits for it is given to it, in order. */
  take(root: Root): Run[] {
    const lane = this.lane(root, { kind: 'home' }, null)
    const items = this.taken.get(root)?.items ?? []
    // What is under way is given too, or what came after it would overtake it. It stays in this lane and is answered there.
    items.push(...lane.items)
    // A sender need not wait for what is stored; what is not stored yet is, so that it outlives this process.
    this.platform.storage.transaction(() => {
      for (const item of items) {
        lane.name(item)
        this.keepItem(lane, item, true)
        markOwed(item)
      }
    })
    lane.items.splice(lane.underWay)
    this.forget(lane)
    if (lane.underWay > 0) this.add(lane, `retired ${++this.retired}`)
    if (items.length > 0) {
      // What comes from now on has another source: what was taken may go the usual way yet, and would be out of turn.
      this.takes++
      this.taken.set(root, { items, at: this.platform.now() })
      this.platform.wakeBy(this.platform.now() + TAKEN_WAIT_MS)
    }
    return runsOf(items)
  }

  /** What waits now for a region, or for any and its wide filters, has been delivered. Rejects where that takes long. */
  drained(root: Root, region: RegionId | 'any'): Promise<void> {
    return this.delivered(
      ({ root: of, to }) =>
        of === root && (region === 'any' ? to.kind !== 'home' : to.kind === 'region' && to.region === region),
    )
  }

  /** What waits now for a region's wide filters has been delivered there. Rejects where that takes long. */
  drainedWide(region: RegionId): Promise<void> {
    return this.delivered(({ to }) => to.kind === 'wide' && to.region === region)
  }

  private async delivered(meant: (lane: Lane) => boolean): Promise<void> {
    const lanes = () => [...this.lanes.values()].filter(meant)
    const waiting = new Set(lanes().flatMap(({ items }) => items))
    await eventually(
      this.platform,
      () => !lanes().some(({ items }) => items[0] !== undefined && waiting.has(items[0])),
    )
  }

  took(root: Root): void {
    const taken = this.taken.get(root)
    this.taken.delete(root)
    this.platform.storage.transaction(() => {
      for (const item of taken?.items ?? []) this.done(item, Reason.Success)
    })
  }

  /** Something may lie in the outbox since before the process died, or takes room that it need not any more. */
  alarm(): void {
    this.takeBack()
    const now = this.platform.now()
    this.platform.storage.transaction(() => {
      for (const lane of this.lanes.values()) if (lane.underWay === 0) this.expire(lane, now)
    })
    for (const destination of this.ready.destinations) this.dispatch(destination)
    if (this.outbox.size > 0) this.platform.wakeBy(now + UPLINK_ALARM_MS)
  }

  /** The home never said that it has what it took: it goes the usual way, before what came since. */
  private takeBack(): void {
    const before = this.platform.now() - TAKEN_WAIT_MS
    for (const [root, { items, at }] of this.taken) {
      const key = Lane.key(root, { kind: 'home' })
      const later = this.lanes.get(key)
      if (at > before || (later !== undefined && later.underWay > 0)) continue
      this.taken.delete(root)
      if (later !== undefined) this.forget(later)
      const lane = this.lane(root, { kind: 'home' }, later?.hint ?? null)
      lane.items.push(...items.filter(({ row }) => row !== null), ...(later?.items ?? []))
      this.ready.offer(lane)
    }
  }

  private lane(root: Root, to: Destination, hint: RegionId | null): Lane {
    const key = Lane.key(root, to)
    let lane = this.lanes.get(key)
    if (lane === undefined) {
      lane = new Lane(root, to, hint, `${this.life}.${this.takes}`, this.nextNumber)
      this.add(lane, key)
    }
    if (hint !== null && hint !== lane.hint) {
      lane.hint = hint
      this.ready.offer(lane)
    }
    return lane
  }

  private add(lane: Lane, key: string): void {
    lane.key = key
    this.lanes.set(key, lane)
  }

  private forget(lane: Lane): void {
    this.nextNumber = Math.max(this.nextNumber, lane.nextNumber)
    if (this.lanes.get(lane.key) === lane) this.lanes.delete(lane.key)
    this.ready.remove(lane)
  }

  private link(destination: string): Link {
    let link = this.links.get(destination)
    if (link === undefined) {
      link = new Link()
      this.links.set(destination, link)
    }
    return link
  }

  private dispatch(destination: string): void {
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
    // A call costs far more than a message in it: while one is under way, what comes meanwhile waits for company.
    if (wait > 0) this.platform.after(wait, go)
    else if (link.calls > 0) this.platform.after(UPLINK_COALESCE_MS, go)
    else queueMicrotask(go)
  }

  /** Lanes with something to send and nothing under way, up to one call's bounds; marks what of them goes. */
  private collect(destination: string): Lane[] {
    const lanes: Lane[] = []
    let records = 0
    let bytes = 0
    const now = this.platform.now()
    for (const lane of this.ready.of(destination)) {
      this.expire(lane, now)
      if (lane.items.length === 0) {
        this.forget(lane)
        continue
      }
      const run = lane.nameRun(UPLINK_RECORDS_PER_CALL_MAX - records, UPLINK_BYTES_PER_CALL_MAX - bytes)
      if (run.count === 0) break
      bytes += run.bytes
      records += run.count
      lane.underWay = run.count
      this.ready.remove(lane)
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
      const response = await this.platform.core.envelopes({
        region: this.platform.region,
        envelopes: lanes.flatMap((lane) =>
          runsOf(lane.items.slice(0, lane.underWay)).map(({ source, first, batch }) => ({
            fleet: this.platform.fleet,
            root: lane.root,
            to: lane.to,
            source,
            first,
            clock: this.platform.now(),
            records: batch,
          })),
        ),
      })
      results = response.results
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) this.platform.report('the core answered strangely', cause)
      results = lanes.map(() => ({ status: 'unreachable', detail: String(cause) }))
    }
    link.calls--
    let problem = null as string | null
    this.platform.storage.transaction(() => {
      lanes.forEach((lane, i) => {
        problem = this.finish(lane, results[i]) ?? problem
        if (lane.items.length === 0) this.forget(lane)
        else this.ready.offer(lane)
      })
    })
    if (problem !== null) link.failed(this.platform.now(), this.platform.random(), problem)
    else link.answered()
    // A lane's destination may have become known meanwhile.
    for (const one of new Set([destination, ...lanes.map((lane) => lane.destination)])) {
      if (this.ready.any(one)) this.dispatch(one)
    }
  }

  /** Why the lane is to wait with what is still to be delivered; null where it need not. */
  private finish(lane: Lane, result: EnvelopeResult | undefined): string | null {
    const count = lane.underWay
    lane.underWay = 0
    if (result?.status !== 'done') {
      this.keep(lane, count)
      return problemOf(result)
    }
    const again = lane.drop(count).filter((item, i) => {
      const outcome = result.outcomes[i] ?? Reason.Success
      if (this.goesAgain(lane, item, outcome)) return true
      if (outcome === Reason.QuotaExceeded && item.settle === null)
        this.platform.report(`a message to ${lane.root} that was acknowledged is refused for good`, null)
      this.done(item, outcome)
      return false
    })
    lane.items.unshift(...again)
    const failed = again.length > 0 && result.outcomes.includes(Reason.UnspecifiedError)
    return failed ? 'an actor there failed' : null
  }

  private goesAgain(lane: Lane, item: LaneItem, outcome: number): boolean {
    const record = owedAgain(item, outcome)
    if (item.row === null || record === null) return false
    item.record = record
    item.row = this.outbox.replace(item.row, lane.rename(item), record)
    return true
  }

  /** The sender need not wait longer: QoS 1 is stored, QoS 0 is given up. */
  private keep(lane: Lane, count: number): void {
    for (let i = 0; i < count; i++) {
      const item = lane.items[i]
      if (item !== undefined) this.keepItem(lane, item)
    }
    lane.prune()
  }

  /** Never only the newest: what is read back after a crash comes in the order in which it was stored. */
  private storeAll(lane: Lane): void {
    this.platform.storage.transaction(() => {
      for (const item of lane.items) this.keepItem(lane, item)
    })
    lane.prune()
  }

  /** @param taken the home of the root has it too */
  private keepItem(lane: Lane, item: LaneItem, taken = false): void {
    if (item.settle === null) return
    if (item.offer) {
      if (!taken && lane.mayBeTaken(item, this.platform.now())) return
      // The sender has it yet, and finds somebody else.
      item.settle(CLIENT_AWAY)
      item.settle = null
      return
    }
    const { root, to, hint } = lane
    if (item.qos > 0 && item.row === null && (item.owed || this.outbox.fits(to, hint, item.record))) {
      const { expiresAt, record } = item
      item.row = this.outbox.add({ root, to, hint, name: lane.name(item), expiresAt, record })
      this.platform.wakeBy(this.platform.now() + UPLINK_ALARM_MS)
    }
    if (item.global && item.row !== null) {
      if (item.arrivedAt + GLOBAL_WAIT_MS > this.platform.now()) return
      item.settle(Reason.ImplementationSpecificError)
    } else {
      const unstored = item.qos > 0 ? Reason.QuotaExceeded : Reason.Success
      item.settle(item.row !== null ? STORED : unstored)
    }
    item.settle = null
  }

  private done(item: LaneItem, outcome: number): void {
    if (item.row !== null) this.outbox.remove(item.row)
    item.row = null
    item.settle?.(outcome)
    item.settle = null
  }

  private expire(lane: Lane, now: number): void {
    if (!lane.items.some((item) => item.expiresAt > 0 && item.expiresAt <= now)) return
    for (const item of lane.items) {
      if (item.expiresAt === 0 || item.expiresAt > now) continue
      this.done(item, Reason.Success)
    }
    lane.prune()
  }

  /** What the core has not answered in time is stored, so that its publisher need not wait (promise 1). */
  private planStore(): void {
    if (this.storePlanned) return
    this.storePlanned = true
    this.platform.after(UPLINK_STORE_AFTER_MS / 4, () => {
      this.storePlanned = false
      const before = this.platform.now() - UPLINK_STORE_AFTER_MS
      let waiting = false
      this.platform.storage.transaction(() => {
        for (const lane of this.lanes.values()) {
          for (const item of lane.items) {
            if (item.settle === null) continue
            // QoS 0 behind a long outbox is given up: its publisher's next messages wait for this call.
            if (item.arrivedAt <= before) this.keepItem(lane, item)
            if (item.settle !== null) waiting = true
          }
          lane.prune()
        }
      })
      if (waiting) this.planStore()
    })
  }
}
