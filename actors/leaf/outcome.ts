// The outcome of a record: an MQTT reason code, or one of two values that stay between actors.
import { isFailure, Reason } from '../../src/mqtt/reason.ts'

/** The receiver has no session of that id: forget its subscriptions. Not an MQTT code. */
export const NO_SUCH_SESSION = 0xff

/**
 * Success, and somebody has it in storage: if it came again, it would be kept a second time. Not an MQTT code; the publisher's
 * actor makes Success of it.
 */
export const STORED = 0x7f

/**
 * The outcome of a message from those of its receivers: one that could not take it makes it a failure; where nobody wanted
 * it, that is the outcome.
 */
export function worst(outcomes: readonly number[]): number {
  let all: number = Reason.NoMatchingSubscribers
  for (const outcome of outcomes) {
    if (isFailure(outcome)) return outcome
    if (outcome === STORED) all = STORED
    else if (outcome !== Reason.NoMatchingSubscribers && all !== STORED) all = Reason.Success
  }
  return all
}
