// `durability: global`: what was stored for a client that did not answer counts once the core's store has it too.
import { Reason } from '../../src/mqtt/reason.ts'
import type { Delivery } from '../../src/session/delivery.ts'
import type { Settle } from '../../src/session/outgoing-effect.ts'
import type { Syncing } from '../leaf/syncing.ts'

/** The settle of a delivery, which waits for the store where its publisher asked for that. */
export function globally(delivery: Delivery, syncing: Syncing, settle: Settle): Settle {
  if (delivery.message.global !== true) return settle
  return (reason, storedUpTo) => {
    if (storedUpTo === undefined || reason !== Reason.Success) settle(reason)
    else void syncing.outcome('queue', storedUpTo).then(settle)
  }
}
