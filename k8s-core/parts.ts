// What the core's HTTP interface is made of.
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
  /** Signs the clients' tokens, which the public API takes too. */
  readonly clientTokenSecret: string
  /** The topics whose messages the edges keep; null where this core does not know. */
  readonly chosen: ChosenTopics | null
  readonly log: Logger
  readonly metrics?: CoreMetrics
  /** True from SIGTERM on: the pod is taken out of the service, and still serves. */
  readonly draining: () => boolean
}
