// The parts that the core's HTTP interface needs.
import type { Logger } from 'pino'
import type { ChosenTopics } from '../src/history/chosen.ts'
import type { Directory } from './directory.ts'
import type { CoreMetrics } from './metrics.ts'
import type { Registry } from './registry/registry.ts'
import type { Relay } from './relay.ts'
import type { Store } from './store/port.ts'

export interface CoreParts {
  readonly store: Store
  readonly directory: Directory
  readonly relay: Relay
  readonly registry: Registry
  readonly relaySecret: string
  /** Signs the clients' tokens. The public API accepts the same tokens. */
  readonly clientTokenSecret: string
  /** The topics with history; null if the core does not know the edges' setting. */
  readonly chosen: ChosenTopics | null
  readonly log: Logger
  readonly metrics?: CoreMetrics
  /** True after SIGTERM: the pod leaves the service, but still answers. */
  readonly draining: () => boolean
}
