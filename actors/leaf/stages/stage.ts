// The contract of a stage: what one feature does with each message that a home accepts. An actor gives its leaf an ordered
// list of stages; a new feature is a new stage.

import type { ClientId } from '../../../src/id/ids.ts'
import type { Message } from '../../../src/mqtt/message.ts'
import type { Outcome } from '../../../src/mqtt/outcome.ts'
import type { ReasonCode } from '../../../src/mqtt/reason.ts'

/** A message at its root's home, as the stages before have left it. */
export interface StagedMessage {
  readonly publisher: ClientId
  readonly message: Message
  /** The message, encoded. */
  readonly record: Uint8Array
  /** Of this home. */
  readonly epoch: number
  /** The message has taken effect already (an answer of the server, a presence event): no stage may refuse or retain it. */
  readonly applied: boolean
}

/** What a stage adds to a message. */
export interface Staged {
  /** The message that the following stages see in its place. */
  readonly message?: Message
  /** From this stage on the message is `applied`. */
  readonly applied?: true
  /** The message reached somebody other than a subscriber: without subscribers its outcome is Success. */
  readonly received?: true
  /** PUBACK waits for these, and the outcomeOfAll of them is the message's outcome. */
  readonly outcomes?: readonly Promise<Outcome>[]
  /** Messages of the server that follow this one at once, in this order. PUBACK waits for them, whatever their outcomes. */
  readonly followers?: readonly Message[]
}

/** The message ends here: its publisher gets this reason, and no later stage sees the message. */
export interface Refused {
  readonly refused: ReasonCode
}

export interface Stage {
  /**
   * Called once for each message, in the home's order, in the event that accepts it: whatever the stage decides, writes or
   * sends at once has the message's place in that order.
   * @returns null if the stage leaves the message as it is
   */
  accept(staged: StagedMessage): Staged | Refused | null
}
