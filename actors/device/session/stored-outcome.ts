// The outcome of a delivery that was stored in the session's queue. With `durability: global` it counts once the core's
// store has it too.
import { Reason } from '../../../src/mqtt/reason.ts'
import type { Delivery } from '../../../src/session/delivery.ts'
import type { Settle } from '../../../src/session/outgoing-effect.ts'
import { STORED } from '../../leaf/outcome.ts'
import type { StoreSync } from '../../leaf/sync/store-sync.ts'

/** @param settle is given the outcome as it goes to the leaf that sent the delivery */
export function storedOutcome(
  delivery: Delivery,
  syncing: StoreSync,
  settle: (outcome: number) => void,
): Settle {
  return (reason, storedUpTo) => {
    if (storedUpTo === undefined || reason !== Reason.Success) settle(reason)
    else if (delivery.message.global !== true) settle(STORED)
    else
      void syncing
        .outcome('queue', storedUpTo)
        .then((outcome) => settle(outcome === Reason.Success ? STORED : outcome))
  }
}
