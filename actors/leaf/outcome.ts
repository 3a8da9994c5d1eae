// The outcome of a record: an MQTT reason code, or one value that stays between actors.
import { isFailure, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'

/** The receiver has no session of that id: forget its subscriptions. Not an MQTT code. */
export const NO_SUCH_SESSION = 0xff

/**
 * The outcome of a message from those of its receivers: one that could not take it makes it a failure; where nobody wanted
 * it, that is the outcome.
 */
export function worst(outcomes: readonly number[]): ReasonCode {
  let any = false
  for (const outcome of outcomes) {
    if (isFailure(outcome)) return outcome as ReasonCode
    if (outcome !== Reason.NoMatchingSubscribers) any = true
  }
  return any ? Reason.Success : Reason.NoMatchingSubscribers
}
