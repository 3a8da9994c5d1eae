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
  /** Null while only the outbox has the record: an outbox that has filled for long does not fit into memory. */
  record: Uint8Array | null
  readonly qos: number
  readonly expiresAt: number
  readonly arrivedAt: number
  /** The sender waits for the delivery, although the message is stored. */
  readonly global: boolean
  /** The sender still has the message and only offers it to another region. Not stored; returned if the answer takes long. */
  readonly offer: boolean
  /** The publisher had its acknowledgement before the message came here. */
  readonly acknowledged: boolean
  /** Set at the first send or store, and never changed: receivers recognise a repetition by it. */
  name: ItemName | null
  /** The row in the outbox; null while the message is not stored. */
  row: OutboxRow | null
  /** Gives the sender its outcome; null afterwards. */
  settle: ((outcome: Outcome) => void) | null
}

/** @param record a routed record */
export function newItem(record: Uint8Array, now: number, settle: (outcome: Outcome) => void): LaneItem {
  const { record: encoded, turn } = decodeRouted(record)
  const { qos, expiresAt, global, acknowledged } = decodeMessage(encoded)
  return {
    record,
    qos,
    expiresAt,
    arrivedAt: now,
    global: global === true,
    offer: turn?.mode === 'offer',
    acknowledged: acknowledged !== undefined,
    name: null,
    row: null,
    settle,
  }
}

/** An item read from the outbox. */
export function storedItem(row: OutboxRow, now: number): LaneItem {
  const { expiresAt, name } = row
  const flags = { global: false, offer: false, acknowledged: true }
  return { record: null, qos: 1, expiresAt, arrivedAt: now, ...flags, name, row, settle: null }
}

export class Lane {
  readonly root: Root
  readonly to: Destination
  /** The home's region, if known. Lanes with the same hint share calls. */
  hint: RegionId | null
  readonly items: LaneItem[] = []
  /** The lane's key in its uplink. */
  key = ''
  underWay = 0
  /** The root's home has picked the messages up: what is under way is not sent again from here. */
  retired = false
  nextNumber: number
  private readonly source: string

  /**
   * @param life names this run of the uplink. Earlier lanes of the same root and destination used numbers below `nextNumber`, or
   * had another `life`
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

  /** The item's name; assigns the next one if it has none. Call in the order of the items. */
  name(item: LaneItem): ItemName {
    item.name ??= { source: this.source, number: this.nextNumber++ }
    return item.name
  }

  /** Gives an item a new name, so that receivers do not count it as a repetition. */
  rename(item: LaneItem): ItemName {
    item.name = { source: `${this.source}.again`, number: this.nextNumber++ }
    return item.name
  }

  /** Names the first items that fit into one envelope: their numbers are consecutive. @returns their count and size */
  nameRun(itemsMax: number, bytesMax: number): { readonly count: number; readonly bytes: number } {
    let bytes = 0
    let count = 0
    for (const item of this.items) {
      if (count >= itemsMax || bytes > bytesMax) break
      const before = this.items[count - 1]
      if (before !== undefined && !follows(this.name(item), this.name(before))) break
      this.name(item)
      bytes += item.record?.length ?? item.row?.bytes ?? 0
      count++
    }
    return { count, bytes }
  }

  /** True if a member of the group may get the offered message now: wait, or another member gets it too. */
  mayBeTaken(item: LaneItem, now: number): boolean {
    return item.offer && this.items.indexOf(item) < this.underWay && item.arrivedAt + OFFER_WAIT_MS > now
  }

  /** Removes and returns the first items. */
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

/** Named items as a home picks them up: in the runs that envelopes would carry. */
export function runsOf(items: readonly LaneItem[]): Run[] {
  return consecutive(items).map(({ first, records }) => ({
    source: first.source,
    first: first.number,
    batch: packBatch(records),
  }))
}

/** The named items under way, as envelopes. @param clock of this region, ms since the epoch */
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

/** Groups items with consecutive numbers. */
function consecutive(items: readonly LaneItem[]): Consecutive[] {
  const runs: Consecutive[] = []
  for (const { name, record } of items) {
    if (name === null || record === null) throw new Error('an item of a lane has no name or record')
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
