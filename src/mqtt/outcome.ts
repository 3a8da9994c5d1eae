// What became of a message, as one actor answers another: an MQTT reason code, or one of three values that never reach a client.
import { isFailure, Reason, type ReasonCode } from './reason.ts'

export const Outcome = {
  /** Success, and the message is in somebody's storage. Sent again, it would be stored a second time. */
  Stored: 0x7f,
  /** The client of a shared subscription's member is away. Another member is to have the message; the sender still holds it. */
  ClientAway: 0xfe,
  /** The receiver has no session of this id. The sender forgets that session's subscriptions. */
  NoSuchSession: 0xff,
} as const

/** The values are part of the relay's contract: each is one byte wherever outcomes cross a process. */
export type Outcome = ReasonCode | (typeof Outcome)[keyof typeof Outcome]

const KNOWN: ReadonlySet<number> = new Set<number>([...Object.values(Reason), ...Object.values(Outcome)])

/** Reads the byte of an outcome. No byte, and one that this release does not know, is a failure of the receiver. */
export function outcomeOf(byte: number | undefined): Outcome {
  return byte !== undefined && KNOWN.has(byte) ? (byte as Outcome) : Reason.UnspecifiedError
}

/** A batch's outcomes, in the order of its records. */
export function readOutcomes(bytes: Iterable<number>): Outcome[] {
  return Array.from(bytes, outcomeOf)
}

/** The form in which a call between actors answers a batch: a byte for each record. */
export function packOutcomes(outcomes: readonly Outcome[]): Uint8Array {
  return Uint8Array.from(outcomes)
}

/** The same outcome for each record of a batch. */
export function sameOutcome(outcome: Outcome, records: number): Uint8Array {
  return new Uint8Array(records).fill(outcome)
}

/** What the publisher's client is answered. */
export function reasonOf(outcome: Outcome): ReasonCode {
  if (outcome === Outcome.Stored) return Reason.Success
  // These two end at the actor that chose the receiver.
  if (outcome === Outcome.ClientAway || outcome === Outcome.NoSuchSession) return Reason.UnspecifiedError
  return outcome
}

/**
 * The outcome of a message from the outcomes of its receivers. One failure makes it a failure. Without any receiver it is
 * NoMatchingSubscribers.
 */
export function outcomeOfAll(outcomes: readonly Outcome[]): Outcome {
  let all: Outcome = Reason.NoMatchingSubscribers
  for (const outcome of outcomes) {
    if (isFailure(outcome)) return outcome
    if (outcome === Outcome.Stored) all = Outcome.Stored
    else if (outcome !== Reason.NoMatchingSubscribers && all !== Outcome.Stored) all = Reason.Success
  }
  return all
}
