// The lanes of an uplink, one for each root and destination. A lane's messages get names that no other lane ever used.
import type { RegionId, Root } from '../../src/id/ids.ts'
import { Lane } from './lane.ts'
import { ReadyLanes } from './ready-lanes.ts'
import type { Destination } from './uplink-peer.ts'

export class Lanes {
  /** Lanes that may have messages to send. */
  readonly ready = new ReadyLanes()
  private readonly byKey = new Map<string, Lane>()
  /** Names this run of the uplink. With `epoch` it is in the source of each lane. */
  private readonly life: string
  private epoch = 0
  /** Above all numbers of forgotten lanes. */
  private nextNumber = 0
  private retired = 0

  /** @param life never used by another run of an uplink */
  constructor(life: string) {
    this.life = life
  }

  /** All lanes, retired ones included. */
  get all(): Iterable<Lane> {
    return this.byKey.values()
  }

  find(root: Root, to: Destination): Lane | null {
    return this.byKey.get(Lane.key(root, to)) ?? null
  }

  /** The lane; makes it if there is none. @param hint the home's last known region; null leaves the lane's own hint */
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

  /** Takes the lane out of use. The answer of a call under way still finds it. */
  retire(lane: Lane): void {
    this.forget(lane)
    lane.retired = true
    if (lane.underWay > 0) this.add(lane, `retired ${++this.retired}`)
  }

  /** New lanes get new sources, so that receivers do not take their messages for repetitions. */
  beginEpoch(): void {
    this.epoch++
  }

  private add(lane: Lane, key: string): void {
    lane.key = key
    this.byKey.set(key, lane)
  }
}
