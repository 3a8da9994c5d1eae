// A lane: the messages of one root to one destination, in order. At most one call of a lane is under way at a time.

import type { FleetId, RegionId, Root } from '../../src/id/ids.ts'
import { decodeMessage } from '../../src/mqtt/message.ts'
import type { Outcome } from '../../src/mqtt/outcome.ts'
import { batchPieces, packBatch } from '../../src/relay/batch.ts'
import type { OutgoingEnvelope } from '../../src/relay/envelope.ts'
import { decodeRouted } from '../../src/relay/routed.ts'
import { OFFER_WAIT_MS } from '../limits.ts'
import type { ItemName, OutboxRow } from './outbox.ts'
import type { Destination, Run } from './uplink-peer.ts'

export interface LaneItem {
  record: Uint8Array
  readonly qos: number
  readonly expiresAt: number
  readonly arrivedAt: number
  /** Its sender waits until it is delivered, although it is stored. */
  readonly global: boolean
  /** A message that the sender still has, and offers to another region: not stored, and given up where that takes long. */
  readonly offer: boolean
  /** It came as one that is acknowledged already, wherever it came from. */
  readonly owed: boolean
  /** Given when it is first sent or stored, and kept for good: receivers know by it what comes again. */
  name: ItemName | null
  /** In the outbox, once it is stored. */
  row: OutboxRow | null
  /** Null once the sender has its outcome. */
  settle: ((outcome: Outcome) => void) | null
}

/** @param record a routed one */
export function newItem(record: Uint8Array, now: number, settle: (outcome: Outcome) => void): LaneItem {
  const { record: encoded, turn } = decodeRouted(record)
  const { qos, expiresAt, global, owed } = decodeMessage(encoded)
  return {
    record,
    qos,
    expiresAt,
    arrivedAt: now,
    global: global === true,
    offer: turn?.mode === 'offer',
    owed: owed !== undefined,
    name: null,
    row: null,
    settle,
  }
}

/** As it was read from the outbox. */
export function storedItem(row: OutboxRow, now: number): LaneItem {
  const { record, expiresAt, name } = row
  const flags = { global: false, offer: false, owed: true }
  return { record, qos: 1, expiresAt, arrivedAt: now, ...flags, name, row, settle: null }
}

export class Lane {
  readonly root: Root
  readonly to: Destination
  /** Where the destination is, as far as known: lanes with the same hint travel together. */
  hint: RegionId | null
  readonly items: LaneItem[] = []
  /** Under which its uplink has it. */
  key = ''
  underWay = 0
  nextNumber: number
  private readonly source: string

  /**
   * @param life names this life of the uplink; what a lane of the same root and destination has sent in it before had
   * numbers below `nextNumber`, or the life had another name
   */
  constructor(root: Root, to: Destination, hint: RegionId | null, life: string, nextNumber: number) {
    this.root = root
    this.to = to
    this.hint = hint
    this.source = `${life}.${to.kind}${to.kind === 'region' ? to.epoch : ''}`
    this.nextNumber = nextNumber
  }

  static key(root: Root, to: Destination): string {
    if (to.kind === 'home') return `home ${root}`
    return to.kind === 'wide' ? `wide ${to.region} ${root}` : `${to.region} ${to.epoch} ${root}`
  }

  get destination(): string {
    return (this.to.kind === 'home' ? this.hint : this.to.region) ?? '?'
  }

  /** The name of an item, which gets the next one if it has none. To be asked for in the order of the items. */
  name(item: LaneItem): ItemName {
    item.name ??= { source: this.source, number: this.nextNumber++ }
    return item.name
  }

  /** Not taken by a receiver, and acknowledged: it goes again, as another one. */
  rename(item: LaneItem): ItemName {
    item.name = { source: `${this.source}.again`, number: this.nextNumber++ }
    return item.name
  }

  /** Names the first items that may go in one envelope, whose numbers count on from its first; how many, and how large. */
  nameRun(itemsMax: number, bytesMax: number): { readonly count: number; readonly bytes: number } {
    let bytes = 0
    let count = 0
    for (const item of this.items) {
      if (count >= itemsMax || bytes > bytesMax) break
      const before = this.items[count - 1]
      if (before !== undefined && !follows(this.name(item), this.name(before))) break
      this.name(item)
      bytes += item.record.length
      count++
    }
    return { count, bytes }
  }

  /** A member of the group may be getting it: whether that is so is waited for, or another would get it too. */
  mayBeTaken(item: LaneItem, now: number): boolean {
    return item.offer && this.items.indexOf(item) < this.underWay && item.arrivedAt + OFFER_WAIT_MS > now
  }

  /** Takes out the first items, done. */
  drop(count: number): LaneItem[] {
    return this.items.splice(0, count)
  }

  /** Takes out what was answered without being stored, refused or QoS 0, but for what is under way. */
  prune(): void {
    const waiting = this.items.splice(this.underWay)
    this.items.push(...waiting.filter((item) => item.settle !== null || item.row !== null))
  }
}

function follows(name: ItemName, before: ItemName): boolean {
  return name.source === before.source && name.number === before.number + 1
}

/** Items that have their names, as a home picks them up: in the runs that envelopes would carry. */
export function runsOf(items: readonly LaneItem[]): Run[] {
  return consecutive(items).map(({ first, records }) => ({
    source: first.source,
    first: first.number,
    batch: packBatch(records),
  }))
}

/** What of a lane is under way, as envelopes. Its items have their names. @param clock of this region, ms since the epoch */
export function envelopesOf(lane: Lane, fleet: FleetId, clock: number): OutgoingEnvelope[] {
  const { root, to, items, underWay } = lane
  return consecutive(items.slice(0, underWay)).map(({ first, records }) => ({
    fleet,
    root,
    to,
    source: first.source,
    first: first.number,
    clock,
    records: batchPieces(records),
  }))
}

interface Consecutive {
  readonly first: ItemName
  last: ItemName
  readonly records: Uint8Array[]
}

/** Items whose numbers count on belong together. */
function consecutive(items: readonly LaneItem[]): Consecutive[] {
  const runs: Consecutive[] = []
  for (const { name, record } of items) {
    if (name === null) throw new Error('an item is passed on without a name')
    const run = runs.at(-1)
    if (run === undefined || !follows(name, run.last))
      runs.push({ first: name, last: name, records: [record] })
    else {
      run.last = name
      run.records.push(record)
    }
  }
  return runs
}
