// Lanes that may have something to send and nothing under way, by destination: a dispatch looks at no others.
import type { Lane } from './lane.ts'

export class Ready {
  private readonly lanes = new Map<string, Set<Lane>>()

  /** To be called when a lane may have something to send, or something for elsewhere. */
  offer(lane: Lane): void {
    let ready = this.lanes.get(lane.destination)
    if (ready === undefined) {
      ready = new Set()
      this.lanes.set(lane.destination, ready)
    }
    ready.add(lane)
  }

  any(destination: string): boolean {
    return (this.lanes.get(destination)?.size ?? 0) > 0
  }

  get destinations(): Iterable<string> {
    return this.lanes.keys()
  }

  /** In the order in which they were offered. Those for elsewhere by now, or with something under way, are no more. */
  *of(destination: string): Generator<Lane> {
    for (const lane of this.lanes.get(destination) ?? []) {
      if (lane.destination === destination && lane.underWay === 0) yield lane
      else this.remove(lane, destination)
    }
  }

  remove(lane: Lane, destination = lane.destination): void {
    this.lanes.get(destination)?.delete(lane)
  }
}
