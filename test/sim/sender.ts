// Whoever makes calls in the simulated world: an actor's life, a request in a Worker, a pod of the core.
import type { Subrequests } from '../actors/platform-limits.ts'
import type { Place } from './scheduler.ts'
import type { World } from './world.ts'

export interface Sender extends Place {
  readonly world: World
  /** Nothing reaches it any more. */
  readonly over: boolean
  /** What is not answered yet. */
  readonly pending: Set<object>
  /** What this event has asked of others; null where no platform counts it. */
  readonly subrequests: Subrequests | null
  /** Runs when the present event is over. */
  send(go: () => void): void
  /** Runs as an event of the sender, unless it is over. */
  enter(act: () => void): void
}
