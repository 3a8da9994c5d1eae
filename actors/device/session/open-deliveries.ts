// The deliveries whose outcome their senders wait for, by the number that the session knows them by.
import type { DeliveryOutcome } from '../../../src/session/delivery.ts'

/** @param storedUpTo for the outcome `stored`: the delivery is in the queue, up to this position; else 0 */
export type Settle = (outcome: DeliveryOutcome, storedUpTo: number) => void

export class OpenDeliveries {
  private lastNumber = 0
  private readonly senders = new Map<number, Settle>()

  /** @returns the number for the session's input `delivery` */
  open(settle: Settle): number {
    this.senders.set(++this.lastNumber, settle)
    return this.lastNumber
  }

  settle(number: number, outcome: DeliveryOutcome, storedUpTo = 0): void {
    const settle = this.senders.get(number)
    this.senders.delete(number)
    settle?.(outcome, storedUpTo)
  }
}
