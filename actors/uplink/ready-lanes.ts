// Lanes that may have messages to send and no call under way, by destination. A dispatch looks only at these.
import type { Lane } from './lane.ts'

export class ReadyLanes {
  private readonly lanes = new Map<string, Set<Lane>>()

  /** Call when a lane may have messages to send, or has another destination. */
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

  /** The lanes in the order of `offer`. Removes lanes that have another destination by now, or a call under way. */
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
