// The lanes of an uplink. Each root and destination has one, whose messages get names that no other lane ever used.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { Lane } from './lane.ts'
import { Ready } from './ready.ts'
import type { Destination } from './uplink-peer.ts'

export class Lanes {
  /** Lanes that may have something to send. */
  readonly ready = new Ready()
  private readonly byKey = new Map<string, Lane>()
  /** Names this life of the uplink. With `epoch` it is in the source of each lane. */
  private readonly life: string
  private epoch = 0
  /** Above the number of each message of the lanes that are forgotten. */
  private nextNumber = 0
  private retired = 0

  /** @param life unique for ever */
  constructor(life: string) {
    this.life = life
  }

  /** Also lanes that are retired. */
  get all(): Iterable<Lane> {
    return this.byKey.values()
  }

  find(root: Root, to: Destination): Lane | null {
    return this.byKey.get(Lane.key(root, to)) ?? null
  }

  /** Made if it does not exist. @param hint where a home was last; null leaves what the lane knows */
  of(root: Root, to: Destination, hint: RegionId | null): Lane {
    const key = Lane.key(root, to)
    let lane = this.byKey.get(key)
    if (lane === undefined) {
      lane = new Lane(root, to, hint, `${this.life}.${this.epoch}`, this.nextNumber)
      this.add(lane, key)
    }
    if (hint !== null && hint !== lane.hint) {
      lane.hint = hint
      this.ready.offer(lane)
    }
    return lane
  }

  forget(lane: Lane): void {
    this.nextNumber = Math.max(this.nextNumber, lane.nextNumber)
    if (this.byKey.get(lane.key) === lane) this.byKey.delete(lane.key)
    this.ready.remove(lane)
  }

  /** Takes the lane out of use. While a call of it is under way, its answer still finds it. */
  retire(lane: Lane): void {
    this.forget(lane)
    if (lane.underWay > 0) this.add(lane, `retired ${++this.retired}`)
  }

  /** From now on lanes have other sources: what one of the same root sends later must not count as sent before. */
  beginEpoch(): void {
    this.epoch++
  }

  private add(lane: Lane, key: string): void {
    lane.key = key
    this.byKey.set(key, lane)
  }
}
