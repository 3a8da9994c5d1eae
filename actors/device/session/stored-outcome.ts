// The outcome of a delivery as a code between actors. A delivery with `durability: global` that is stored in the session's
// queue has its outcome once the core's store has it too.
import { Outcome } from '../../../src/mqtt/outcome.ts'
import { Reason } from '../../../src/mqtt/reason.ts'
import type { Delivery, DeliveryOutcome } from '../../../src/session/delivery.ts'
import type { StoreSync } from '../../leaf/sync/store-sync.ts'
import type { Settle } from './open-deliveries.ts'

const CODES: Readonly<Record<DeliveryOutcome, Outcome>> = {
  accepted: Reason.Success,
  stored: Reason.Success,
  'client-away': Outcome.ClientAway,
  'queue-full': Reason.QuotaExceeded,
  // The session pays for its full queue, never the publisher.
  dropped: Reason.Success,
}

/** @param settle gets the code for a sender in this actor: Success for a stored delivery too */
export function plainOutcome(settle: (code: Outcome) => void): Settle {
  return (outcome) => settle(CODES[outcome])
}

/** @param settle gets the code for the leaf that sent the delivery: `Outcome.Stored` for a stored one */
export function storedOutcome(
  delivery: Delivery,
  syncing: StoreSync,
  settle: (code: Outcome) => void,
): Settle {
  return (outcome, storedUpTo) => {
    if (outcome !== 'stored') settle(CODES[outcome])
    else if (delivery.message.global !== true) settle(Outcome.Stored)
    else
      void syncing
        .outcome('queue', storedUpTo)
        .then((code) => settle(code === Reason.Success ? Outcome.Stored : code))
  }
}
