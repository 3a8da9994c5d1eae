// The outcome of a record: an MQTT reason code, or one value that stays between actors.
import { isFailure, Reason, type ReasonCode } from '../../src/mqtt/reason.ts'

/** The receiver has no session of that id: forget its subscriptions. Not an MQTT code. */
export const NO_SUCH_SESSION = 0xff

/** As `worst`; where nobody wanted the message, that is the outcome. */
export function together(outcomes: readonly number[]): ReasonCode {
  const nobody = outcomes.every((outcome) => outcome === Reason.NoMatchingSubscribers)
  return nobody ? Reason.NoMatchingSubscribers : worst(outcomes)
}

/** The outcome of a message from those of its receivers: one that could not take it makes it a failure. */
export function worst(outcomes: readonly number[]): ReasonCode {
  for (const outcome of outcomes) if (isFailure(outcome)) return outcome as ReasonCode
  return Reason.Success
}
