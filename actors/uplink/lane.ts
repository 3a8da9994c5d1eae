// A lane: the messages of one root to one destination, in order. At most one call of a lane is under way at a time.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { OFFER_WAIT_MS } from '../limits.ts'
import type { Destination } from '../platform.ts'

export interface LaneItem {
  readonly record: Uint8Array
  readonly qos: number
  readonly expiresAt: number
  readonly arrivedAt: number
  /** Its sender waits until it is delivered, although it is stored. */
  readonly global: boolean
  /** A message that the sender still has, and offers to another region: not stored, and given up where that takes long. */
  readonly offer: boolean
  /** The outbox row, once it is stored. */
  row: number | null
  /** Null once the sender has its outcome. */
  settle: ((outcome: number) => void) | null
}

/** The state of the link to one destination region (or `?` where that is not known yet). */
export interface Link {
  calls: number
  failures: number
  /** Nothing is sent before this time. */
  retryAt: number
  planned: boolean
}

export class Lane {
  /** Unique within the uplink's life; with the uplink's own name it tells receivers which numbers belong together. */
  readonly number: number
  readonly root: Root
  readonly to: Destination
  /** Where the destination is, as far as known: lanes with the same hint travel together. */
  hint: RegionId | null
  readonly items: LaneItem[] = []
  underWay = 0
  /** Given when an item is first sent, and kept though others before it are given up: receivers know items by them. */
  private readonly numbers = new WeakMap<LaneItem, number>()
  private nextNumber = 0

  constructor(number: number, root: Root, to: Destination, hint: RegionId | null) {
    this.number = number
    this.root = root
    this.to = to
    this.hint = hint
  }

  static key(root: Root, to: Destination): string {
    if (to.kind === 'home') return `home ${root}`
    return to.kind === 'wide' ? `wide ${to.region} ${root}` : `${to.region} ${to.epoch} ${root}`
  }

  get destination(): string {
    return (this.to.kind === 'home' ? this.hint : this.to.region) ?? '?'
  }

  /** The number of an item, which gets the next one if it has none. */
  numberOf(item: LaneItem): number {
    let number = this.numbers.get(item)
    if (number === undefined) {
      number = this.nextNumber++
      this.numbers.set(item, number)
    }
    return number
  }

  /** Whether an item may go with the one before it: an envelope's numbers count on from its first. */
  follows(item: LaneItem, before: LaneItem | undefined): boolean {
    return before === undefined || (this.numbers.get(item) ?? this.nextNumber) === this.numberOf(before) + 1
  }

  /** A member of the group may be getting it: whether that is so is waited for, or another would get it too. */
  mayBeTaken(item: LaneItem, now: number): boolean {
    return item.offer && this.items.indexOf(item) < this.underWay && item.arrivedAt + OFFER_WAIT_MS > now
  }

  /** Takes out the first items, done. */
  drop(count: number): LaneItem[] {
    return this.items.splice(0, count)
  }
}
