// The deliveries whose outcome their senders wait for, by the number that the session knows them by.
import type { Delivery, DeliveryOutcome } from '../../../src/session/delivery.ts'
import type { Effect } from '../../../src/session/effect.ts'
import type { Session } from '../../../src/session/session.ts'
import type { Platform } from '../../platform.ts'
import type { DeviceFacts } from '../explain/device-facts.ts'

/** @param storedUpTo for the outcome `stored`: the delivery is in the queue, up to this position; else 0 */
export type Settle = (outcome: DeliveryOutcome, storedUpTo: number) => void

export class OpenDeliveries {
  private readonly platform: Platform
  private readonly facts: DeviceFacts
  private lastNumber = 0
  private readonly senders = new Map<number, Settle>()

  constructor(platform: Platform, facts: DeviceFacts) {
    this.platform = platform
    this.facts = facts
  }

  /** Passes a delivery to the session. @param settle called once @returns the session's effects */
  deliver(session: Session, delivery: Delivery, settle: Settle): Effect[] {
    const number = ++this.lastNumber
    const now = this.platform.now()
    const note = this.facts.delivering(session, delivery, now)
    this.senders.set(number, (outcome, storedUpTo) => {
      note(outcome)
      settle(outcome, storedUpTo)
    })
    return session.step({ type: 'delivery', number, delivery, now })
  }

  /** The effects `outcome` and `store`. */
  settle(number: number, outcome: DeliveryOutcome, storedUpTo = 0): void {
    const settle = this.senders.get(number)
    this.senders.delete(number)
    settle?.(outcome, storedUpTo)
  }
}
