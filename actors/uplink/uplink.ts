// A region's side of the link to the core, for the roots of one shard: batches, one order per root and destination,
// retries per destination, and an outbox for what cannot be passed on now.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import { Reason } from '../../src/mqtt/reason.ts'
import { bytesToBase64 } from '../../src/relay/base64.ts'
import { packBatch, unpackBatch } from '../../src/relay/batch.ts'
import { ENVELOPES_PER_CALL_MAX, type EnvelopeResult } from '../../src/relay/envelope.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { CLIENT_AWAY } from '../../src/session/delivery.ts'
import { CoreUnreachable } from '../core-client.ts'
import { eventually } from '../eventually.ts'
import {
  GLOBAL_WAIT_MS,
  TAKEN_WAIT_MS,
  UPLINK_ALARM_MS,
  UPLINK_BYTES_PER_CALL_MAX,
  UPLINK_CALLS_MAX,
  UPLINK_COALESCE_MS,
  UPLINK_RECORDS_PER_CALL_MAX,
  UPLINK_RETRY_MS_MAX,
  UPLINK_RETRY_MS_MIN,
  UPLINK_STORE_AFTER_MS,
} from '../limits.ts'
import type { Destination, Platform, Taken } from '../platform.ts'
import { Lane, type LaneItem, type Link } from './lane.ts'
import { Outbox } from './outbox.ts'

export class Uplink {
  private readonly platform: Platform
  private readonly outbox: Outbox
  private readonly source: string
  private readonly lanes = new Map<string, Lane>()
  private readonly links = new Map<string, Link>()
  /** What the home took and has not yet said that it has. */
  private readonly taken = new Map<Root, { readonly items: LaneItem[]; readonly at: number }>()
  private laneNumber = 0
  private storePlanned = false

  constructor(platform: Platform) {
    this.platform = platform
    this.source = platform.randomId()
    this.outbox = new Outbox(platform.storage, platform.settings.outboxMessagesMax)
    for (const row of this.outbox.all()) {
      this.lane(row.root, row.to, null).items.push({
        record: row.record,
        qos: 1,
        expiresAt: row.expiresAt,
        arrivedAt: platform.now(),
        global: false,
        offer: false,
        row: row.id,
        settle: null,
      })
    }
    if (this.outbox.size > 0) platform.after(0, () => this.alarm())
  }

  /** Outcomes when each record was delivered or is in the outbox; see `UplinkPeer`. */
  async send(root: Root, to: Destination, hint: RegionId | null, batch: Uint8Array): Promise<Uint8Array> {
    const lane = this.lane(root, to, hint)
    const outcomes = unpackBatch(batch).map((bytes) => {
      // The batch arrived by a call and is held until it is passed on, so its own copy is kept small.
      const record = bytes.slice()
      const { record: encoded, turn } = decodeRouted(record)
      const message = decodeMessage(encoded)
      return new Promise<number>((settle) => {
        lane.items.push({
          record,
          qos: message.qos,
          expiresAt: message.expiresAt,
          arrivedAt: this.platform.now(),
          global: message.global === true,
          offer: turn?.mode === 'offer',
          row: null,
          settle,
        })
      })
    })
    // Behind stored messages, or with the link down, waiting for the core would only delay the publisher.
    if (this.link(lane.destination).failures > 0 || (lane.items[0]?.row ?? null) !== null) {
      this.storeAll(lane)
    }
    this.dispatch(lane.destination)
    this.planStore()
    return Uint8Array.from(await Promise.all(outcomes))
  }

  /** The home of the root is in this region now: what waits for it is given to it, in order. */
  take(root: Root): Taken {
    const key = Lane.key(root, { kind: 'home' })
    const lane = this.lanes.get(key)
    const items = this.taken.get(root)?.items ?? []
    let underWay: Taken['underWay'] = null
    if (lane !== undefined) {
      // What is under way is given too, or what came after it would overtake it. It stays in this lane and is answered
      // there; the lane takes nothing new, since its numbers may be known to the receiver already.
      items.push(...lane.items)
      lane.items.splice(lane.underWay)
      this.lanes.delete(key)
      if (lane.underWay > 0) {
        this.lanes.set(`retired ${lane.number}`, lane)
        const last = lane.items[lane.underWay - 1]
        underWay = last === undefined ? null : { source: this.sourceOf(lane), last: lane.numberOf(last) }
      }
    }
    // A sender need not wait for what is stored; what is not stored yet is, so that it outlives this process.
    this.platform.storage.transaction(() => {
      for (const item of items) this.keepItem({ root, to: { kind: 'home' } }, item)
    })
    if (items.length > 0) {
      this.taken.set(root, { items, at: this.platform.now() })
      this.platform.wakeBy(this.platform.now() + TAKEN_WAIT_MS)
    }
    return { batch: packBatch(items.map(({ record }) => record)), underWay }
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

  /** Something may lie in the outbox since before the process died. */
  alarm(): void {
    this.takeBack()
    for (const lane of this.lanes.values()) this.dispatch(lane.destination)
    if (this.outbox.size > 0) this.platform.wakeBy(this.platform.now() + UPLINK_ALARM_MS)
  }

  /** The home never said that it has what it took: it goes the usual way, before what came since. */
  private takeBack(): void {
    const before = this.platform.now() - TAKEN_WAIT_MS
    for (const [root, { items, at }] of this.taken) {
      const key = Lane.key(root, { kind: 'home' })
      const later = this.lanes.get(key)
      if (at > before || (later !== undefined && later.underWay > 0)) continue
      this.taken.delete(root)
      this.lanes.delete(key)
      const lane = this.lane(root, { kind: 'home' }, later?.hint ?? null)
      lane.items.push(...items.filter(({ row }) => row !== null), ...(later?.items ?? []))
    }
  }

  private sourceOf(lane: Lane): string {
    return `${this.source}.${lane.number}`
  }

  private lane(root: Root, to: Destination, hint: RegionId | null): Lane {
    const key = Lane.key(root, to)
    let lane = this.lanes.get(key)
    if (lane === undefined) {
      lane = new Lane(this.laneNumber++, root, to, hint)
      this.lanes.set(key, lane)
    }
    if (hint !== null) lane.hint = hint
    return lane
  }

  private forget(lane: Lane): void {
    for (const key of [Lane.key(lane.root, lane.to), `retired ${lane.number}`]) {
      if (this.lanes.get(key) === lane) this.lanes.delete(key)
    }
  }

  private link(destination: string): Link {
    let link = this.links.get(destination)
    if (link === undefined) {
      link = { calls: 0, failures: 0, retryAt: 0, planned: false }
      this.links.set(destination, link)
    }
    return link
  }

  private dispatch(destination: string): void {
    const link = this.link(destination)
    if (link.planned) return
    const wait = link.retryAt - this.platform.now()
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
    for (const lane of this.lanes.values()) {
      if (lane.destination !== destination || lane.underWay > 0) continue
      this.expire(lane, now)
      if (lane.items.length === 0) {
        this.forget(lane)
        continue
      }
      let count = 0
      for (const item of lane.items) {
        if (records + count >= UPLINK_RECORDS_PER_CALL_MAX || bytes > UPLINK_BYTES_PER_CALL_MAX) break
        if (!lane.follows(item, lane.items[count - 1])) break
        lane.numberOf(item)
        bytes += item.record.length
        count++
      }
      if (count === 0) break
      records += count
      lane.underWay = count
      lanes.push(lane)
      if (lanes.length >= ENVELOPES_PER_CALL_MAX) break
    }
    return lanes
  }

  private async call(link: Link, destination: string, lanes: Lane[]): Promise<void> {
    link.calls++
    let results: EnvelopeResult[]
    try {
      const response = await this.platform.core.envelopes({
        region: this.platform.region,
        envelopes: lanes.map((lane) => ({
          fleet: this.platform.fleet,
          root: lane.root,
          to: lane.to,
          source: this.sourceOf(lane),
          first: lane.items[0] === undefined ? 0 : lane.numberOf(lane.items[0]),
          records: bytesToBase64(packBatch(lane.items.slice(0, lane.underWay).map(({ record }) => record))),
        })),
      })
      results = response.results
    } catch (cause) {
      if (!(cause instanceof CoreUnreachable)) this.platform.report('the core answered strangely', cause)
      results = lanes.map(() => ({ status: 'unreachable', detail: String(cause) }))
    }
    link.calls--
    let failed = false
    this.platform.storage.transaction(() => {
      lanes.forEach((lane, i) => {
        if (!this.finish(lane, results[i])) failed = true
        if (lane.items.length === 0) this.forget(lane)
      })
    })
    if (failed) {
      const pause = Math.min(UPLINK_RETRY_MS_MIN * 2 ** link.failures, UPLINK_RETRY_MS_MAX)
      link.failures++
      link.retryAt = this.platform.now() + pause * (0.5 + this.platform.random())
    } else {
      link.failures = 0
      link.retryAt = 0
    }
    // A lane's destination may have become known meanwhile.
    for (const one of new Set([destination, ...lanes.map((lane) => lane.destination)])) {
      if (this.pending(one)) this.dispatch(one)
    }
  }

  /** False where the lane's items are still to be delivered. */
  private finish(lane: Lane, result: EnvelopeResult | undefined): boolean {
    const count = lane.underWay
    lane.underWay = 0
    if (result?.status === 'done') {
      lane.drop(count).forEach((item, i) => {
        this.done(item, result.outcomes[i] ?? Reason.Success)
      })
      return true
    }
    this.keep(lane, count)
    return false
  }

  /** The sender need not wait longer: QoS 1 is stored, QoS 0 is given up. */
  private keep(lane: Lane, count: number): void {
    for (let i = 0; i < count; i++) {
      const item = lane.items[i]
      if (item !== undefined) this.keepItem(lane, item)
    }
    this.prune(lane)
  }

  /** Never only the newest: what is read back after a crash comes in the order in which it was stored. */
  private storeAll(lane: Lane): void {
    this.platform.storage.transaction(() => {
      for (const item of lane.items) this.keepItem(lane, item)
    })
    if (lane.underWay === 0) this.prune(lane)
  }

  private keepItem(lane: Pick<Lane, 'root' | 'to'> & Partial<Lane>, item: LaneItem): void {
    if (item.settle === null) return
    if (item.offer) {
      if (lane.mayBeTaken?.(item, this.platform.now())) return
      // The sender has it yet, and finds somebody else.
      item.settle(CLIENT_AWAY)
      item.settle = null
      return
    }
    if (item.qos > 0 && item.row === null) {
      item.row = this.outbox.add(lane.root, lane.to, item.expiresAt, item.record)
      if (item.row !== null) this.platform.wakeBy(this.platform.now() + UPLINK_ALARM_MS)
    }
    if (item.global && item.row !== null) {
      if (item.arrivedAt + GLOBAL_WAIT_MS > this.platform.now()) return
      item.settle(Reason.ImplementationSpecificError)
    } else {
      item.settle(item.qos > 0 && item.row === null ? Reason.QuotaExceeded : Reason.Success)
    }
    item.settle = null
  }

  /** Takes out what was answered without being stored: refused, or QoS 0. Only where nothing is under way. */
  private prune(lane: Lane): void {
    const kept = lane.items.filter((item) => item.settle !== null || item.row !== null)
    lane.items.splice(0, lane.items.length, ...kept)
  }

  private done(item: LaneItem, outcome: number): void {
    if (item.row !== null) this.outbox.remove(item.row, item.record)
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
    this.prune(lane)
  }

  private pending(destination: string): boolean {
    for (const lane of this.lanes.values()) {
      if (lane.destination === destination && lane.items.length > 0) return true
    }
    return false
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
          if (lane.underWay === 0) this.prune(lane)
        }
      })
      if (waiting) this.planStore()
    })
  }
}
